"""How unsure several predictions are together, as an evaluation keeps it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf
from scipy.stats import rankdata

from keras_qd.data.scaling import PROBABILITIES
from keras_qd.evaluation.grouping import divide

if TYPE_CHECKING:
    from keras_qd.evaluation.case import Trial


Array = NDArray[Any]

#: Shares of errors that should be within so many spreads, if errors are normally distributed.
SHARES = (0.5, 0.68, 0.9, 0.95)
_MOST_GROUPS, _FEWEST_A_GROUP = 10, 5
#: Values (pixels) that are looked at: more of them would tell no more, and take long to sort.
_VALUES = 2**18


def calibrate(
    reference: Array, prediction: Array, spread: Array, n_draws: int, rng: np.random.Generator
) -> dict[str, Any]:
    r"""Compare the spread of predictions with the error of their mean.

    Parameters
    ----------
    reference, prediction, spread : ndarray, shape (n, ...)
        Exact values, the mean of the draws, and their standard deviation.
    n_draws : int
        How many draws there were. Were the exact value one more of them, its distance from the mean
        would have the spread times :math:`\sqrt{1 + 1/n}` [1]_: that is what is called the expected
        error here.
    rng : numpy.random.Generator
        Chooses the values that are looked at, where there are many.

    Returns
    -------
    dict
        ``error`` and ``expected`` (root mean squares over all values), ``systems`` and ``values``,
        each with ``rank_correlation`` (Spearman's, of expected and absolute error; None where one
        of them is constant) and ``reliability`` (groups of about equal size by expected error:
        ``n``, ``expected``, ``error``, both root mean squares), and ``coverage`` (how many of the
        values lie within so many spreads of the mean that, for errors from a normal distribution,
        the share given as the key would).

    References
    ----------
    .. [1] V. Fortin, M. Abaza, F. Anctil, R. Turcotte, J. Hydrometeorol. 15, 1708 (2014),
       doi:10.1175/JHM-D-14-0008.1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> spread = rng.uniform(0.5, 2.0, (4000, 1))
    >>> error = spread * rng.normal(size=spread.shape)
    >>> found = calibrate(np.zeros_like(error), error, spread, 10**6, rng)
    >>> round(found["coverage"]["0.9"], 2)
    0.9
    """
    error = np.abs(prediction - reference).reshape(len(reference), -1)
    expected = spread.reshape(len(spread), -1) * math.sqrt(1 + 1 / n_draws)
    by_system = [_root_mean_squares(values) for values in (expected, error)]
    chosen = [values.ravel() for values in (expected, error)]
    if error.size > _VALUES:
        places = rng.integers(error.size, size=_VALUES)
        chosen = [values[places] for values in chosen]
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
    return np.asarray(np.sqrt(np.square(values).mean(axis=1)))


def _relation(expected: Array, error: Array) -> dict[str, Any]:
    """Return how the error goes with what is expected: rank correlation and groups."""
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
    # The share of a normal distribution that lies no further from its mean than the error.
    with np.errstate(divide="ignore", invalid="ignore"):
        within = erf(error / expected / math.sqrt(2))
    within = np.where(error == 0, 0.0, within)
    return {str(share): float((within <= share).mean()) for share in SHARES}


def rank_correlation(a: Array, b: Array) -> float | None:
    """Return Spearman's rank correlation; None where one of both is constant.

    Examples
    --------
    >>> round(rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0, 100.0])), 6)
    1.0
    >>> rank_correlation(np.ones(3), np.arange(3.0)) is None
    True
    """
    ranks = np.stack([rankdata(a), rankdata(b)])
    if (np.ptp(ranks, axis=1) == 0).any():
        return None
    return float(np.corrcoef(ranks)[0, 1])


class Draws:
    """Gathers predictions, keeping only their mean and squared deviations (Welford's updates).

    Examples
    --------
    >>> draws = Draws()
    >>> for value in (1.0, 3.0):
    ...     draws.add({"energy": np.array([value])})
    >>> draws.mean["energy"], draws.spread["energy"]
    (array([2.]), array([1.41421356]))

    References
    ----------
    B. P. Welford, Technometrics 4, 419 (1962), doi:10.1080/00401706.1962.10490022.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: dict[str, Array] = {}
        self._squares: dict[str, Array] = {}

    def add(self, prediction: Mapping[str, Array]) -> None:
        """Add one prediction of all systems.

        Parameters
        ----------
        prediction : mapping of str to ndarray, shape (n, ...)
            The predicted fields.
        """
        self.count += 1
        if self.count == 1:
            self.mean = dict(prediction)
            return
        for name, values in prediction.items():
            step = values - self.mean[name]
            self.mean[name] = self.mean[name] + step / self.count
            squares = step * (values - self.mean[name])
            self._squares[name] = self._squares.get(name, 0.0) + squares

    @property
    def spread(self) -> dict[str, Array]:
        """The standard deviation of every value over the draws; empty for a single one."""
        return {name: np.sqrt(each / (self.count - 1)) for name, each in self._squares.items()}


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
        Target field -> what :func:`~keras_qd.evaluation.uncertainty.calibrate` found,
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
