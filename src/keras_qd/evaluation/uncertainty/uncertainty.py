"""How unsure several predictions are together, as an evaluation keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from keras_qd.datasets.scalings.one_hot import PROBABILITIES
from keras_qd.evaluation.uncertainty.calibration import SHARES, calibrate, system_spread
from keras_qd.evaluation.uncertainty.draws import Draws

if TYPE_CHECKING:
    from keras_qd.evaluation.trial import Trial

Array = NDArray[Any]


@dataclass(frozen=True)
class Uncertainty:
    """Whether the spread of several predictions tells the error of their mean.

    Parameters
    ----------
    runs : sequence of str
        Names of the runs that predicted.
    dropout_draws : int
        Draws of each run with its dropout on; 0 where it was off.
    fields : mapping of str to mapping
        Target field -> what :func:`~keras_qd.evaluation.uncertainty.calibration.calibrate` found,
        in physical units; of classes, for their probabilities.

    Examples
    --------
    >>> Uncertainty(("first", "second"), 20, {}).source
    '2 runs, 20 draws of each with dropout'
    """

    runs: Sequence[str]
    dropout_draws: int
    fields: Mapping[str, Mapping[str, Any]]

    @property
    def source(self) -> str:
        """What predicted, in words: ``"3 runs"``, ``"20 draws with dropout"``."""
        runs = f"{len(self.runs)} runs" if len(self.runs) > 1 else ""
        each = "draws of each with dropout" if runs else "draws with dropout"
        draws = f"{self.dropout_draws} {each}" if self.dropout_draws else ""
        return ", ".join(part for part in (runs, draws) if part)

    #: The columns of :attr:`rows`.
    header: ClassVar[tuple[str, ...]] = (
        "field",
        "error (rms)",
        "expected",
        "rank correlation: systems",
        "values",
        *(f"{share:.0%} covers" for share in SHARES),
    )

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """What was found for each field, as the terminal and the report show it."""
        return [(name, *_say(found)) for name, found in self.fields.items()]


def _say(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{found[key]:.4g}" for key in ("error", "expected"))
    for kind in ("systems", "values"):
        correlation = found[kind]["rank_correlation"]
        yield "-" if correlation is None else f"{correlation:.2f}"
    yield from (f"{100 * share:.1f} %" for share in found["coverage"].values())


def judge_spread(
    trials: Sequence[Trial], draws: Draws, dropout_draws: int, rng: np.random.Generator
) -> tuple[Uncertainty, dict[str, Array]]:
    """Compare the spread of several predictions with their error.

    Parameters
    ----------
    trials : sequence of Trial
        The runs, on the same systems.
    draws : Draws
        What they predicted.
    dropout_draws : int
        Draws of each run with its dropout on.
    rng : numpy.random.Generator
        Chooses the pixels that are looked at.

    Returns
    -------
    Uncertainty, dict of str to ndarray
        And the spread of each system, by column ``FIELD_spread``.
    """
    fields, columns = {}, {}
    spread = draws.spread
    for name, exact in trials[0].targets.items():
        key = f"{name}_{PROBABILITIES}"
        classes = key in spread
        reference = trials[0].pipeline.scalings[name].forward(exact) if classes else exact
        key = key if classes else name
        fields[name] = calibrate(reference, draws.mean[key], spread[key], draws.count, rng)
        columns[f"{name}_spread"] = system_spread(spread[key])
    names = [trial.run.path.resolve().name for trial in trials]
    return Uncertainty(names, dropout_draws, fields), columns
