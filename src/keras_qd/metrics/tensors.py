"""Metrics on batches: checked pairs of tensors and weights, the same on every Keras backend."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_qd.errors import DataError


def accumulation_dtype(dtype: Any) -> Any:
    """Return the dtype to accumulate in: the wanted one, but never less than single precision.

    Parameters
    ----------
    dtype : str, dtype policy or None
        What the user asked for; None means ``keras.config.floatx()``.

    Returns
    -------
    str or dtype policy
        ``"float32"`` in place of a half precision.
    """
    wanted = dtype or keras.config.floatx()
    name = getattr(wanted, "compute_dtype", wanted)
    return "float32" if name in ("float16", "bfloat16") else wanted


def check_pair(y_true: Any, y_pred: Any, dtype: str) -> tuple[Any, Any]:
    """Return reference and prediction as tensors of one dtype and one shape.

    Parameters
    ----------
    y_true, y_pred : tensor or array_like, shape (batch, ...)
        A trailing axis of length one may be there in one and missing in the other.
    dtype : str
        What to compute in.

    Returns
    -------
    tuple of tensor
        Both, without the trailing axis that only one of them had.

    Raises
    ------
    DataError
        If the shapes differ or there is no sample axis.
    """
    y_true, y_pred = (ops.cast(ops.convert_to_tensor(y), dtype) for y in (y_true, y_pred))
    given = tuple(y_true.shape), tuple(y_pred.shape)
    if len(given[0]) == len(given[1]) + 1 and given[0][-1] == 1:
        y_true = ops.squeeze(y_true, axis=-1)
    elif len(given[1]) == len(given[0]) + 1 and given[1][-1] == 1:
        y_pred = ops.squeeze(y_pred, axis=-1)
    if not _agree(tuple(y_true.shape), tuple(y_pred.shape)):
        raise DataError(
            f"y_true and y_pred differ in shape: {given[0]} and {given[1]}; both need the same "
            f"systems on the same grid, with a leading sample axis"
        )
    return y_true, y_pred


def _agree(a: tuple[int | None, ...], b: tuple[int | None, ...]) -> bool:
    """Whether two shapes may be the same; an unknown length agrees with any."""
    pairs = list(zip(a, b, strict=False))
    return len(a) == len(b) > 0 and all(m == n or m is None or n is None for m, n in pairs)


def flat(values: Any) -> Any:
    """Return a tensor with everything but the sample axis flattened.

    Parameters
    ----------
    values : tensor, shape (batch, ...)
        One field or number of each system.

    Returns
    -------
    tensor, shape (batch, values per system)
        Numbers become vectors of length one.
    """
    size = 1
    for length in values.shape[1:]:
        size *= length
    return ops.reshape(values, (-1, size))


def sample_weights(sample_weight: Any, values: Any) -> Any:
    """Return one weight per system.

    Parameters
    ----------
    sample_weight : tensor, array_like or None, shape (batch,) or (batch, 1, ...)
        The weights given; None weighs all systems alike.
    values : tensor, shape (batch, ...)
        What is weighted.

    Returns
    -------
    tensor, shape (batch,)
        The weights, in the dtype of the values.

    Raises
    ------
    DataError
        If there is more than one weight per system, or another number of them.
    """
    if sample_weight is None:
        return ops.ones(ops.shape(values)[:1], dtype=values.dtype)
    weights = ops.cast(ops.convert_to_tensor(sample_weight), values.dtype)
    shape = tuple(weights.shape)
    if len(shape) > 1 and set(shape[1:]) == {1}:
        weights = ops.reshape(weights, (-1,))
    if not _agree(tuple(weights.shape), tuple(values.shape)[:1]):
        raise DataError(
            f"sample_weight has shape {shape}; this metric takes one weight per system, shape "
            f"({values.shape[0]},)"
        )
    return weights
