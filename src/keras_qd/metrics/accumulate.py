"""The spread of values about their mean, accumulated batch by batch."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

#: Aggregation of variables that every replica holds for the whole batch.
COUNTED_BY_ALL = "only_first_replica"


class RunningSpread:
    """Sum of squared deviations from the mean, over systems and values of a system."""

    # The textbook formula, mean square minus squared mean, cancels where the mean is large compared
    # with the spread. Here values are shifted by the first system, each batch is centred on its own
    # mean, and its moments are merged with those so far: T. F. Chan, G. H. Golub and R. J. LeVeque,
    # COMPSTAT 1982, doi:10.1007/978-3-642-51461-6_3. Means of several devices cannot be added, so
    # each has to receive the `whole_batch`.

    def __init__(self, metric: keras.metrics.Metric, size: int, weight_size: int = 1) -> None:
        self.size = size
        self._weight, self._shift, self._mean, self._squares = (
            metric.add_variable(shape, "zeros", name=f"spread_{name}", aggregation=COUNTED_BY_ALL)
            for name, shape in (
                ("weight", (weight_size,)),
                ("shift", (size,)),
                ("mean", (size,)),
                ("squares", ()),
            )
        )

    def add(self, values: Any, weights: Any) -> None:
        """Add values of shape (batch, size), with weights of shape (batch, weight_size)."""
        before, weight = ops.copy(self._weight), ops.sum(weights, axis=0)
        # A sum of one system rather than that system: a batch may be empty.
        shift = ops.where(before > 0, ops.copy(self._shift), ops.sum(values[:1], axis=0))
        values = values - shift
        mean = ops.sum(weights * values, axis=0) / _positive(weight)
        within = ops.sum(weights * ops.square(values - mean))
        share = weight / _positive(before + weight)
        step = mean - self._mean
        between = ops.sum(before * share * ops.square(step))
        self._squares.assign(self._squares + within + between)
        self._mean.assign(self._mean + step * share)
        self._shift.assign(shift)
        self._weight.assign(before + weight)

    def squares(self) -> Any:
        """Return the sum of squared deviations so far, a scalar tensor."""
        return ops.copy(self._squares)

    def weight(self) -> Any:
        """Return the total weight so far, the largest of any value's, a scalar tensor."""
        return ops.max(self._weight)


def whole_batch(*parts: Any) -> tuple[Any, ...]:
    """Return tensors of the whole batch, where TensorFlow divides it among several devices."""
    # Every replica then holds the same. On one device, and on JAX and torch, a part is the whole.
    if keras.config.backend() != "tensorflow":
        return parts
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return parts
    gathered = [context.all_gather(part, axis=0) for part in parts]
    return tuple(
        tf.ensure_shape(whole, (None, *part.shape[1:]))  # gathering forgets it
        for whole, part in zip(gathered, parts, strict=True)
    )


def _positive(weight: Any) -> Any:
    """Return the weights with one in place of zero, to divide by."""
    return ops.where(weight > 0, weight, ops.ones_like(weight))
