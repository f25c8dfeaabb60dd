"""Sums in single precision that lose no digits, on every Keras backend.

A metric runs over thousands of batches in the precision of the network, where naive running sums
drift. The running sums here carry their rounding error along in a second variable, so that the
result does not depend on how the data were cut into batches.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

#: Length below which every backend's own sum is accurate enough.
_SHORT = 64


def two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """Return the rounded sum and its rounding error, which together are a + b exactly.

    Parameters
    ----------
    a, b : tensor
        The summands.

    Returns
    -------
    tuple of tensor
        The sum as rounded, and what the rounding lost; zero where the sum overflows.

    References
    ----------
    D. E. Knuth, The Art of Computer Programming, vol. 2, section 4.2.2, theorem B.
    """
    total = a + b
    part = total - a
    error = (a - (total - part)) + (b - part)
    return total, ops.where(ops.isfinite(total), error, ops.zeros_like(error))


def pairwise_sum(values: Any) -> Any:
    """Return the sums over the last axis, adding halves to halves.

    The error grows with the logarithm of the length, while some compilers' own sums grow with its
    root.

    Parameters
    ----------
    values : tensor, shape (..., m)
        The summands.

    Returns
    -------
    tensor, shape (...)
        The sums.
    """
    length = values.shape[-1]
    while length is not None and length > _SHORT:
        half = length // 2
        rest = values[..., 2 * half :]
        values = values[..., :half] + values[..., half : 2 * half]
        values = ops.concatenate([values, rest], axis=-1)
        length -= half
    return ops.sum(values, axis=-1)


class RunningSum:
    """A sum over batches, kept in two variables of a metric.

    Parameters
    ----------
    metric : keras.metrics.Metric
        Owns the variables, and so resets, saves and distributes them.
    name : str
        Prefix of the variables' names.
    shape : tuple of int
        Shape of the summands.
    aggregation : str
        How TensorFlow puts together what several devices have, as of ``metric.add_variable``.
    """

    def __init__(
        self,
        metric: keras.metrics.Metric,
        name: str,
        shape: tuple[int, ...] = (),
        aggregation: str = "sum",
    ) -> None:
        self._high, self._low = (
            metric.add_variable(
                shape, "zeros", dtype=metric.dtype, name=each, aggregation=aggregation
            )
            for each in (name, f"{name}_rest")
        )

    def add(self, value: Any) -> None:
        """Add a tensor of the sum's shape."""
        high, error = two_sum(ops.convert_to_tensor(self._high), value)
        self._low.assign(self._low + error)
        self._high.assign(high)

    def value(self) -> Any:
        """Return the sum so far, rounded to a tensor of the metric's precision."""
        return ops.convert_to_tensor(self._high) + ops.convert_to_tensor(self._low)

    def parts(self) -> tuple[Any, Any]:
        """Return the sum so far as two tensors, the rounded sum and the rest."""
        return ops.convert_to_tensor(self._high), ops.convert_to_tensor(self._low)

    def assign(self, high: Any, low: Any) -> None:
        """Replace the sum by high + low."""
        self._high.assign(high)
        self._low.assign(low)
