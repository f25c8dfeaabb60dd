"""Statistics of fields that may be larger than memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import DataError

Values = NDArray[np.float64]

#: Numbers in a block: some megabytes.
_BLOCK = 2**20


@dataclass(frozen=True)
class Statistics:
    """Smallest, largest, mean and standard deviation of the values a scaling is fitted on."""

    low: float
    high: float
    mean: float
    deviation: float


def statistics(array: ArrayLike, change: Callable[[Values], Values] | None = None) -> Statistics:
    """Go through the values in blocks.

    Means and squares are merged pairwise, which loses no digits where the mean is large: T. F.
    Chan, G. H. Golub and R. J. LeVeque, Am. Stat. 37, 242 (1983),
    https://doi.org/10.1080/00031305.1983.10483115

    Parameters
    ----------
    array : array_like, samples along the first axis
        The values, or anything with ``shape`` that slices to them.
    change : callable, optional
        What is done to every block of samples first.

    Raises
    ------
    DataError
        If there are no values, or some are not finite.
    """
    low, high = np.inf, -np.inf
    count, mean, squares = 0, 0.0, 0.0
    for block in _blocks(array):
        values = block if change is None else change(block)
        low, high = min(low, values.min()), max(high, values.max())
        shift = values.mean() - mean
        total = count + values.size
        squares += ((values - values.mean()) ** 2).sum() + shift**2 * count * values.size / total
        mean += shift * values.size / total
        count = total
    if not count:
        raise DataError("a scaling cannot be fitted to no samples")
    if not np.isfinite([low, high, mean]).all():
        raise DataError(
            "a scaling cannot be fitted to values that are not finite; remove them first"
        )
    return Statistics(float(low), float(high), float(mean), float(np.sqrt(squares / count)))


def mean_sample(array: ArrayLike) -> Values:
    """Return the mean over all samples, block by block.

    Parameters
    ----------
    array : array_like, samples along the first axis
        The values, or anything with ``shape`` that slices to them.

    Returns
    -------
    ndarray, float64, with a first axis of length one
    """
    total, count = np.float64(0.0), 0
    for block in _blocks(array):
        total = total + block.sum(axis=0, keepdims=True)
        count += len(block)
    return np.asarray(total / count)


def _blocks(array: Any) -> Iterator[Values]:
    source = array if hasattr(array, "shape") else np.asarray(array)
    step = max(1, _BLOCK // max(1, math.prod(source.shape[1:])))
    for start in range(0, source.shape[0], step):
        yield np.asarray(source[start : start + step], dtype=np.float64)
