"""The spread of several predictions compared with the error of their mean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from keras_qd.evaluation.scores import divide

if TYPE_CHECKING:
    from keras_qd.evaluation._evaluate import Draws
    from keras_qd.evaluation.case import Case


Array = NDArray[Any]

#: Shares of a normal distribution for which the coverage is given.
SHARES = (0.5, 0.68, 0.9, 0.95)
_MOST_GROUPS, _FEWEST_A_GROUP = 10, 5
#: Values (pixels) that correlations use: more would take long to sort and change little.
_VALUES = 2**18


def calibrate(
    reference: Array, prediction: Array, spread: Array, n_draws: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Compare the spread of `n_draws` predictions with the error of their mean, all (n, ...)."""
    error = np.abs(prediction - reference).reshape(len(reference), -1)
    # The exact value counts as an additional draw: V. Fortin, M. Abaza, F. Anctil, R. Turcotte,
    # J. Hydrometeorol. 15, 1708 (2014), doi:10.1175/JHM-D-14-0008.1.
    expected = spread.reshape(len(spread), -1) * math.sqrt(1 + 1 / n_draws)
    by_system = [_root_mean_squares(values) for values in (expected, error)]
    chosen = [values.ravel() for values in (expected, error)]
    if error.size > _VALUES:
        rows = rng.integers(error.size, size=_VALUES)
        chosen = [values[rows] for values in chosen]
    return {
        "error": float(_root_mean_squares(error.reshape(1, -1))[0]),
        "expected": float(_root_mean_squares(expected.reshape(1, -1))[0]),
        "systems": _relation(by_system[0], by_system[1]),
        "values": _relation(chosen[0], chosen[1]),
        "coverage": _coverage(chosen[0], chosen[1]),
    }


def system_spread(spread: Array) -> Array:
    """Return the root mean square of the spread over the values of each system, shape (n,)."""
    return _root_mean_squares(spread.reshape(len(spread), -1))


def _root_mean_squares(values: Array) -> Array:
    """Return the root mean square of each row."""
    return np.asarray(np.sqrt(np.square(values).mean(axis=1)))


def _relation(expected: Array, error: Array) -> dict[str, Any]:
    """Return the rank correlation of expected and actual error (n,), and both in groups."""
    n_groups = max(1, min(_MOST_GROUPS, len(error) // _FEWEST_A_GROUP))
    return {
        "rank_correlation": rank_correlation(expected, error),
        "reliability": [
            {
                "n": len(rows),
                "expected": float(_root_mean_squares(expected[rows][None])[0]),
                "error": float(_root_mean_squares(error[rows][None])[0]),
            }
            for rows in divide(expected, n_groups)
        ],
    }


def _coverage(expected: Array, error: Array) -> dict[str, float]:
    """Return the share of errors within the interval of each share of a normal distribution."""
    # The share of a normal distribution that lies no further from its mean than the error.
    with np.errstate(divide="ignore", invalid="ignore"):
        within = erf(error / expected / math.sqrt(2))
    within = np.where(error == 0, 0.0, within)
    return {str(share): float((within <= share).mean()) for share in SHARES}


def rank_correlation(a: Array, b: Array) -> float | None:
    """Return Spearman's rank correlation of (n,) and (n,); None if one of them is constant."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    from scipy.stats import spearmanr  # takes half a second to import: not in every evaluation

    return float(spearmanr(a, b).statistic)


@dataclass(frozen=True)
class Uncertainty:
    """Spread of several predictions against the error of their mean.

    Parameters
    ----------
    runs : sequence of str
        Names of the runs.
    dropout_draws : int
        Predictions of each run with its dropout on; 0 if it was off.
    fields : mapping of str to mapping
        Target field -> in physical units, for classes of their probabilities: ``error`` and
        ``expected`` (root mean squares over all values), ``systems`` and ``values`` (each with
        ``rank_correlation`` of expected and absolute error, None if one of them is constant, and
        ``reliability``: ``n``, ``expected`` and ``error`` of groups by expected error), and
        ``coverage`` (share of a normal distribution -> share of the values within it).

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
        """Source of the predictions in words: ``"3 runs"``, ``"20 draws with dropout"``."""
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
        """The figures of each field, as the terminal and the report show them."""
        return [(name, *_format(found)) for name, found in self.fields.items()]


def _format(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the cells of a row after the name of the field."""
    yield from (f"{found[key]:.4g}" for key in ("error", "expected"))
    for kind in ("systems", "values"):
        correlation = found[kind]["rank_correlation"]
        yield "-" if correlation is None else f"{correlation:.2f}"
    yield from (f"{100 * share:.1f} %" for share in found["coverage"].values())


def evaluate_spread(
    cases: Sequence[Case], draws: Draws, dropout_draws: int, rng: np.random.Generator
) -> tuple[Uncertainty, dict[str, Array]]:
    """Compare the spread of predictions with their error; also the spread of each system."""
    fields, columns = {}, {}
    for name, exact in cases[0].targets.items():
        scaling, reference = cases[0].pipeline.scalings[name], exact
        mean, spread = draws.mean[name], draws.spread[name]
        if scaling.categorical:
            reference = scaling.forward(exact)
            mean, spread = (
                cases[0].probabilities(name, each) for each in (draws.mean, draws.spread)
            )
        fields[name] = calibrate(reference, mean, spread, draws.count, rng)
        columns[f"{name}_spread"] = system_spread(spread)
    names = [case.run.path.resolve().name for case in cases]
    return Uncertainty(names, dropout_draws, fields), columns
