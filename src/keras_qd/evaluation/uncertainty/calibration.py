"""Whether the spread of predictions tells their error."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf
from scipy.stats import rankdata

from keras_qd.evaluation.grouping import divide

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
