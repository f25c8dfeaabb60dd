"""Tables of an evaluation: means of groups, decided and undecided dots, runs ranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.evaluation.result import Evaluation
from keras_qd.evaluation.scores import divide

Array = NDArray[Any]

#: Field of a data set that says how decided its dots are.
DENSITY_GAP = "density_gap"
#: Largest gap of undecided dots, in Ha*.
UNDECIDED = 0.02


@dataclass(frozen=True)
class Group:
    """Systems with similar values of one number, and the means of their metrics."""

    low: float
    high: float
    n_systems: int
    means: dict[str, float]


def group_by(evaluation: Evaluation, column: str, n_groups: int = 4) -> list[Group]:
    """Return the mean metrics of groups of about equal size, ascending by one of their numbers."""
    known = [*evaluation.numbers, *evaluation.data["drawn"]]
    if column not in known:
        raise UnknownNameError("number to group by", column, known)
    values = evaluation.samples[column]
    finite = np.flatnonzero(np.isfinite(values))
    metrics = [name for name in evaluation.samples if name not in ("index", *known)]
    return [
        Group(
            float(values[rows].min()),
            float(values[rows].max()),
            len(rows),
            {name: _finite_mean(evaluation.samples[name][rows]) for name in metrics},
        )
        for rows in (finite[part] for part in divide(values[finite], n_groups))
    ]


def _finite_mean(values: Array) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


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
            _finite_mean(errors[rows]),
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


def rank_runs(
    evaluations: Mapping[str, Evaluation], metric: str | None = None, field: str | None = None
) -> list[str]:
    """Return the names of runs, best first by a metric of a field (the first ones by default)."""
    _require_same_systems(evaluations)
    first = next(iter(evaluations.values())).scores[0]
    field = field if field is not None else first.field
    metric = metric if metric is not None else first.metric
    scores = {name: each.score(metric, field) for name, each in evaluations.items()}
    sign = -1 if next(iter(scores.values())).higher_is_better else 1
    values = {name: sign * score.value for name, score in scores.items()}
    return sorted(values, key=lambda name: (np.isnan(values[name]), values[name]))


def _require_same_systems(evaluations: Mapping[str, Evaluation]) -> None:
    """Raise unless all runs were evaluated on the same systems, in the same fields."""
    found: dict[tuple[str, tuple[str, ...]], tuple[str, Evaluation]] = {}
    for name, each in evaluations.items():
        found.setdefault((each.data["systems"], each.fields), (name, each))
    if len(found) > 1:
        listing = ", ".join(
            f"{name}: {', '.join(each.fields)} on {each.data['split']} of {each.data['digest']}"
            for name, each in found.values()
        )
        raise UsageError(
            f"runs can only be ranked on the same systems, but these differ ({listing}); "
            "name the data for all of them with --data"
        )
