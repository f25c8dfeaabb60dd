"""Metrics on whole arrays: checked pairs, taken block by block in double precision.

Working in blocks keeps the temporary arrays in the processor's cache, and lets the compared arrays
stay on disk (anything with ``shape`` and slices, such as a Zarr array).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keras_qd.errors import DataError
from keras_qd.metrics.measure import NO_CONTEXT, Array, Context

#: Values per block: half a MiB in double precision, so that a few of them fit a core's own cache.
BLOCK_VALUES = 2**16

#: The terms of the systems in one block, shape (m,) or (m, k), from both arrays and the block's
#: context.
BlockTerms = Callable[[Array, Array, Context], Array]


def check_pair(reference: Any, prediction: Any) -> tuple[Any, Any]:
    """Return two arrays that hold the same systems on the same grid.

    Parameters
    ----------
    reference, prediction : array_like, shape (n, ...)
        The exact and the predicted field. A trailing axis of length one (a channel axis, or (n, 1)
        for scalars) may be there in one and missing in the other.

    Returns
    -------
    tuple of array
        The two, lists made arrays, otherwise untouched.

    Raises
    ------
    DataError
        If the shapes differ or there is no sample axis.
    """
    pair = tuple(x if hasattr(x, "shape") else np.asarray(x) for x in (reference, prediction))
    shapes = [tuple(x.shape) for x in pair]
    if not shapes[0] or not shapes[1]:
        raise DataError(
            "a metric compares arrays with a leading sample axis, but got single numbers"
        )
    if _without_channel(shapes[0]) != _without_channel(shapes[1]):
        raise DataError(
            f"reference and prediction differ in shape: {shapes[0]} and {shapes[1]}; both need the "
            f"same systems on the same grid"
        )
    return pair[0], pair[1]


def _without_channel(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape without a trailing axis of length one, but never without the sample axis."""
    return shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape


def blocks(
    reference: Any, prediction: Any, context: Context = NO_CONTEXT
) -> Iterator[tuple[Array, Array, Context]]:
    """Yield both arrays block by block, in double precision and of one shape.

    Parameters
    ----------
    reference, prediction : array_like, shape (n, ...)
        The exact and the predicted field.
    context : Context
        Is cut to each block.

    Yields
    ------
    tuple of ndarray, ndarray and Context
        Consecutive systems, in order.
    """
    reference, prediction = check_pair(reference, prediction)
    for block in block_slices(reference.shape):
        expected = np.asarray(reference[block], dtype=np.float64)
        predicted = np.asarray(prediction[block], dtype=np.float64).reshape(expected.shape)
        yield expected, predicted, context.block(block)


def block_slices(shape: tuple[int, ...]) -> list[slice]:
    """Return slices of the sample axis that together take every system once, in order.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array, samples first.

    Returns
    -------
    list of slice
        Each of at most about `BLOCK_VALUES` values, but of one system at least; for an empty set
        one empty slice.

    Examples
    --------
    >>> block_slices((40, 64, 64))
    [slice(0, 16, None), slice(16, 32, None), slice(32, 40, None)]
    """
    step = max(1, BLOCK_VALUES // max(1, math.prod(shape[1:])))
    starts = range(0, max(1, shape[0]), step)
    return [slice(start, min(start + step, shape[0])) for start in starts]


def block_terms(
    function: BlockTerms, reference: Any, prediction: Any, context: Context = NO_CONTEXT
) -> Array:
    """Return the terms of all systems, computed block by block.

    Parameters
    ----------
    function : callable
        Gives the terms of the systems in a block, shape (m,) or (m, k).
    reference, prediction : array_like, shape (n, ...)
        The exact and the predicted field.
    context : Context
        What the function needs beside them.

    Returns
    -------
    ndarray, shape (n, k)
        The terms.
    """
    parts = [function(*block) for block in blocks(reference, prediction, context)]
    terms = np.concatenate(parts)
    return terms[:, None] if terms.ndim == 1 else terms


def flat(values: Array) -> Array:
    """Return values with everything but the sample axis flattened, shape (n, values per system)."""
    return values.reshape(len(values), math.prod(values.shape[1:]))


def mean_field(reference: Any, view: Callable[[Array], Array] = flat) -> Array:
    """Return the mean of a set of fields over its systems.

    Parameters
    ----------
    reference : array_like, shape (n, ...)
        The fields.
    view : callable
        What is averaged: makes (m, k) values of the fields of m systems.

    Returns
    -------
    ndarray, shape (k,)
        The mean; exactly the values themselves where all systems are equal. Zeros for an empty set.
    """
    reference, _ = check_pair(reference, reference)
    if not reference.shape[0]:
        return np.zeros(math.prod(reference.shape[1:]))
    first = view(np.asarray(reference[:1], dtype=np.float64))
    total = np.zeros_like(first[0])
    for block in block_slices(reference.shape):
        total += (view(np.asarray(reference[block], dtype=np.float64)) - first).sum(axis=0)
    return np.asarray(first[0] + total / reference.shape[0])
