"""The values of many systems: their spread, and how sure the value of the set is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

#: The quantiles that every summary gives.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: How many of the worst systems a summary names.
N_WORST = 5


def summarise(values: ArrayLike, *, higher_is_better: bool = False) -> dict[str, Any]:
    """Return mean, spread, quantiles and the worst cases of one value a system.

    Parameters
    ----------
    values : array_like, shape (n,)
        One value a system. Values that are not finite are counted and left out.
    higher_is_better : bool
        Whether the worst values are the smallest.

    Returns
    -------
    dict
        ``mean``, ``std``, ``min``, ``max``, ``quantiles`` (by name: ``"0.05"``), ``worst`` (list of
        ``index`` and ``value``, worst first) and ``n_undefined``.

    Examples
    --------
    >>> summary = summarise([0.1, 0.4, 0.2, 0.3])
    >>> summary["mean"], summary["quantiles"]["0.5"], summary["worst"][0]
    (0.25, 0.25, {'index': 1, 'value': 0.4})
    """
    values = np.asarray(values, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        return {"n_undefined": int(values.size)}
    found = values[known]
    order = np.argsort(found if higher_is_better else -found, kind="stable")[:N_WORST]
    return {
        "mean": float(found.mean()),
        "std": float(found.std()),
        "min": float(found.min()),
        "max": float(found.max()),
        "quantiles": {str(share): float(np.quantile(found, share)) for share in QUANTILES},
        "worst": [{"index": int(known[i]), "value": float(found[i])} for i in order],
        "n_undefined": int(values.size - known.size),
    }


def resampled_means(
    terms: Mapping[Any, Array], n_draws: int, rng: np.random.Generator
) -> dict[Any, Array]:
    """Return the means of terms over sets drawn with replacement: the bootstrap.

    Parameters
    ----------
    terms : mapping to ndarray, shape (n, k)
        The terms of the systems of some metrics, by any key. All are resampled with the same draws,
        which takes one pass.
    n_draws : int
        Number of drawn sets.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    dict to ndarray, shape (n_draws, k)

    References
    ----------
    B. Efron, Ann. Statist. 7, 1 (1979), doi:10.1214/aos/1176344552.
    """
    stacked = np.concatenate(list(terms.values()), axis=1)
    n_samples = len(stacked)
    means = np.empty((n_draws, stacked.shape[1]))
    for draw in range(n_draws):
        # How often each system was drawn: one product with the terms, no copies of them.
        counts = np.bincount(rng.integers(n_samples, size=n_samples), minlength=n_samples)
        means[draw] = counts @ stacked / n_samples
    edges = np.cumsum([0, *(part.shape[1] for part in terms.values())])
    return {
        key: means[:, first:last]
        for key, first, last in zip(terms, edges[:-1], edges[1:], strict=True)
    }


def central_interval(values: ArrayLike, share: float = 0.95) -> tuple[float, float] | None:
    """Return the interval of the central `share` of the values; None where some are undefined.

    Examples
    --------
    >>> central_interval(np.arange(101), share=0.5)
    (25.0, 75.0)
    """
    values = np.asarray(values, dtype=np.float64)
    if not values.size or not np.isfinite(values).all():
        return None
    low, high = np.quantile(values, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)
