"""Errors of decided and undecided systems: by the energy to a level of another density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keras_qd.evaluation.result import Evaluation

#: Field of a data set that says how decided its dots are.
DENSITY_GAP = "density_gap"
#: Largest gap of undecided dots, in Ha*.
UNDECIDED = 0.02


@dataclass(frozen=True)
class Decision:
    """Decided or undecided systems: share in all, mean error, share in the squared error."""

    name: str
    n_systems: int
    share: float
    error: float
    squared_share: float


def by_decision(evaluation: Evaluation) -> list[Decision]:
    """Return the parts of the error below and above `UNDECIDED`; empty without the field."""
    ranking = evaluation.ranking
    if ranking is None or DENSITY_GAP not in evaluation.numbers:
        return []
    gaps, errors = evaluation.samples[DENSITY_GAP], evaluation.samples[ranking.column]
    squares = np.square(evaluation.samples.get(f"{ranking.field}_l2", errors))
    return [
        Decision(
            name,
            int(rows.sum()),
            float(rows.mean()),
            float(np.nanmean(errors[rows])) if rows.any() else float("nan"),
            float(squares[rows].sum() / squares.sum()),
        )
        for name, rows in (("undecided", gaps < UNDECIDED), ("decided", gaps >= UNDECIDED))
    ]


def decision_rows(evaluation: Evaluation) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return header and rows of `by_decision`, as the terminal and the report show them."""
    found, ranking = by_decision(evaluation), evaluation.ranking
    unit = f" ({ranking.unit})" if ranking is not None and ranking.unit else ""
    title = "" if ranking is None else f"{ranking.title}{unit}"
    header = (f"density gap, limit {1e3 * UNDECIDED:g} mHa*", "systems", title, "squared error")
    rows: list[tuple[str, ...]] = [
        (
            each.name,
            f"{each.n_systems} ({each.share:.1%})",
            f"{each.error:.3g}",
            f"{each.squared_share:.0%}",
        )
        for each in found
    ]
    return header, rows
