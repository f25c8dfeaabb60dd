"""The spread of values about their mean, gathered batch by batch without losing digits.

The textbook formula, mean square minus squared mean, cancels where the mean is large against the
spread. Here every batch is centred on itself and its moments are merged with those so far, so that
only differences of the order of the spread are ever squared.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_qd.metrics.replicas import COUNTED_BY_ALL
from keras_qd.metrics.summation import RunningSum, pairwise_sum, two_sum


class RunningSpread:
    """Sum of the squared deviations from the mean, over systems and values of a system.

    Means of several devices cannot be added up, so each has to be given the whole batch.

    Parameters
    ----------
    metric : keras.metrics.Metric
        Owns the variables.
    size : int
        Values per system; each has its own mean.
    weight_size : int
        Number of weights per system: 1, or `size` where every value has its own.

    References
    ----------
    T. F. Chan, G. H. Golub, R. J. LeVeque, Updating formulae and a pairwise algorithm for computing
    sample variances, COMPSTAT 1982, doi:10.1007/978-3-642-51461-6_3.
    """

    def __init__(self, metric: keras.metrics.Metric, size: int, weight_size: int = 1) -> None:
        self.size = size
        self._weight = RunningSum(metric, "spread_weight", (weight_size,), COUNTED_BY_ALL)
        self._mean = RunningSum(metric, "spread_mean", (size,), COUNTED_BY_ALL)
        self._squares = RunningSum(metric, "spread_squares", (), COUNTED_BY_ALL)

    def add(self, values: Any, weights: Any) -> None:
        """Add the systems of a batch.

        Parameters
        ----------
        values : tensor, shape (batch, size)
            The values.
        weights : tensor, shape (batch, weight_size)
            Their weights.
        """
        first, rest, squares = _centred(values, weights)
        weight = ops.sum(weights, axis=0)
        before = self._weight.value()
        share = weight / _positive(before + weight)
        high, low = self._mean.parts()
        step_high, step_low = first - high, rest - low
        between = before * share * ops.square(step_high + step_low)
        self._squares.add(squares + pairwise_sum(between))
        # The mean as two tensors, and its steps too: its own rounding must not enter the next
        # deviations.
        high, error = two_sum(high, step_high * share)
        self._mean.assign(high, low + step_low * share + error)
        self._weight.add(weight)

    def value(self) -> Any:
        """Return the sum of squared deviations so far, a scalar tensor."""
        return self._squares.value()

    def weight(self) -> Any:
        """Return the total weight so far, the largest of any value's, a scalar tensor."""
        return ops.max(self._weight.value())


def _centred(values: Any, weights: Any) -> tuple[Any, Any, Any]:
    """Return the mean of a batch in two parts, and the squared deviations from it.

    The first system is the larger part: then equal systems deviate by zero exactly, and not by
    rounding.
    """
    first = ops.sum(values[:1], axis=0)
    deviations = values - first
    rest = ops.sum(weights * deviations, axis=0) / _positive(ops.sum(weights, axis=0))
    squares = weights * ops.square(deviations - rest)
    return first, rest, pairwise_sum(pairwise_sum(squares))


def _positive(weight: Any) -> Any:
    """Return the weights with one in place of zero, to divide by."""
    return ops.where(weight > 0, weight, ops.ones_like(weight))
