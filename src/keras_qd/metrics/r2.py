r"""Coefficients of determination: of a set about its mean field, and two variants.

.. math::

    R^2 = 1 - \frac{\sum_i \sum_p (y_{ip} - \hat y_{ip})^2}{\sum_i \sum_p (y_{ip} - \bar y_p)^2},
    \qquad \bar y_p = \frac{1}{n} \sum_i y_{ip} ,

over the systems :math:`i` and the pixels :math:`p`. It is 1 for a perfect prediction and 0 for one
that predicts the mean image of the set for every system. In a single pixel it is the first of the
definitions in [1]_; over all pixels it is the mean of theirs, weighted with their variances. The
variants differ in the mean :math:`\bar y`. Any of them can be high while another is low, so a
figure should name the one it shows.

References
----------
.. [1] T. O. Kvalseth, "Cautionary note about R2", Am. Stat. 39, 279 (1985),
   https://doi.org/10.1080/00031305.1985.10479448
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.errors import DataError
from keras_qd.metrics.base import (
    FIELDS,
    NO_CONTEXT,
    QUANTITIES,
    Array,
    Context,
    FieldMetric,
    blocks,
    flat,
    sample_weights,
)


@keras.saving.register_keras_serializable(package="keras_qd")
class R2(FieldMetric):
    r"""R2 over the whole set, about the mean image of the references.

    .. math:: 1 - \frac{\sum e^2}{\sum (y - \bar{y})^2}

    Notes
    -----
    If all references are equal (so too for a single one) there is nothing to explain: the value is
    1 if the prediction is exact and 0 otherwise, as in scikit-learn. Without any system it is NaN.
    `per_sample` compares a system's own residual with its own deviation from the mean image.
    ``sample_weight`` weights whole systems, in both sums and in the mean image. Under TensorFlow's
    MirroredStrategy every replica adds the whole batch, since mean images cannot be added.

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.array([[0.0, 10.0], [2.0, 10.0], [4.0, 10.0]])
    >>> R2().over_set(exact, exact + 0.5)
    0.8125
    """

    default_name = "r2"
    title = "R2"
    typical = False
    unit = ""
    higher_is_better = True
    n_terms = 2
    suits = QUANTITIES

    def values(self, xp: Any, y: Any, p: Any, mean: Any = 0.0, weights: Any = 1.0) -> Any:
        """Return every system's squares of residual and of deviation from a mean field.

        Parameters
        ----------
        xp : module
            ``numpy`` or ``keras.ops``.
        y, p : ndarray or tensor, shape (n, k)
            The exact and the predicted field.
        mean : ndarray or tensor, shape (k,)
            The mean field of the set.
        weights : ndarray or tensor, shape (n, 1) or (n, k)
            Weights of the values.

        Returns
        -------
        ndarray or tensor, shape (n, 2)
            The sums of squares.
        """
        squares = (xp.square(p - y), xp.square(y - mean))
        return xp.stack([xp.sum(weights * each, axis=1) for each in squares], axis=1)

    def combine(self, means: Any, xp: Any = np) -> Any:
        """Return 1 minus the ratio of residual and deviation; see `FieldMetric`."""
        return r2_of(xp, means[..., 0], means[..., 1])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the systems of a batch; see `FieldMetric`."""
        y, p = self._tensors(y_true, y_pred)
        weights = self._tensor_weights(sample_weight, y_true)
        y, p, weights = whole_batch(*self._compared(ops, y, p, weights), weights)
        residual = ops.sum(weights * ops.square(p - y))
        self._residual.assign(self._residual + residual)
        self._add_to_spread(y, weights)

    def result(self) -> Any:
        """Return R2 of the systems so far; see `FieldMetric`."""
        if self._spread is None:
            return ops.convert_to_tensor(float("nan"), dtype=self.dtype)
        value = self.combine(ops.stack([ops.copy(self._residual), self._spread.squares()]), ops)
        return ops.where(self._spread.weight() > 0, value, value * float("nan"))

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return every system's squares of residual and deviation, shape (n, 2); see `values`."""
        mean = self._mean(reference, context)
        parts = [
            self.values(np, *self._compared(np, y, p, weights), mean, weights)
            for y, p, weights in self._weighted_blocks(reference, prediction, context)
        ]
        return np.concatenate(parts)

    def _add_state(self) -> None:
        self._residual = self.add_variable((), "zeros", name="residual", aggregation=COUNTED_BY_ALL)
        self._spread: RunningSpread | None = None

    def _compared(self, xp: Any, y: Any, p: Any, weights: Any) -> tuple[Any, Any]:
        """Return what is compared: the fields themselves, or relative to their own means."""
        return y, p

    def _tensor_weights(self, sample_weight: Any, y_true: Any) -> Any:
        """Return the weights of a batch, shape (batch, 1) or (batch, k)."""
        y = ops.cast(ops.convert_to_tensor(y_true), self.dtype)
        return sample_weights(sample_weight, y)[:, None]

    def _array_weights(self, y: Array, context: Context) -> Array:
        """Return the weights of a block, shape (m, 1) or (m, k)."""
        return np.ones((len(y), 1))

    def _add_to_spread(self, y: Any, weights: Any) -> None:
        """Add the deviations of a batch from the mean field."""
        self._built_spread(y.shape[-1], weights.shape[-1]).add(y, weights)

    def _built_spread(self, size: int, weight_size: int = 1) -> RunningSpread:
        """Return the state for fields of `size` values, created for the first batch."""
        if self._spread is None:
            self._spread = RunningSpread(self, size, weight_size)
        if self._spread.size != size:
            raise DataError(
                f"{self.name} received fields of {self._spread.size} values before and of {size} "
                "now; use one metric per grid"
            )
        return self._spread

    def _weighted_blocks(self, reference: Any, prediction: Any, context: Context) -> Any:
        """Yield the flattened fields and the weights of consecutive systems."""
        for y, p, part in blocks(reference, prediction, context):
            weights = self._array_weights(y, part)
            yield flat(np, y), flat(np, p), weights

    def _mean(self, reference: Any, context: Context) -> Array:
        """Return the mean field of a set; exactly the fields themselves if all are equal."""
        first: Array | None = None
        total, weight = np.zeros(()), np.zeros(())
        for y, p, weights in self._weighted_blocks(reference, reference, context):
            y, _ = self._compared(np, y, p, weights)
            first = np.asarray(y[:1].sum(axis=0)) if first is None else first
            total = total + (weights * (y - first)).sum(axis=0)
            weight = weight + weights.sum(axis=0)
        shift = 0.0 if first is None else first
        return np.asarray(shift + total / np.where(weight == 0, 1.0, weight))


@keras.saving.register_keras_serializable(package="keras_qd")
class R2ScalarMean(R2):
    """R2 over the whole set, about the mean of all values of all systems.

    Higher than `R2` wherever the mean image is not flat, since the mean image then explains some of
    the variance.

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.array([[0.0, 10.0], [2.0, 12.0]])
    >>> round(R2ScalarMean().over_set(exact, exact + 1.0), 6)
    0.961538
    """

    default_name = "r2-scalar-mean"
    title = "R2 about the scalar mean"

    def _add_to_spread(self, y: Any, weights: Any) -> None:
        weights = ops.reshape(weights * ops.ones_like(y), (-1, 1))
        self._built_spread(1).add(ops.reshape(y, (-1, 1)), weights)

    def _mean(self, reference: Any, context: Context) -> Array:
        mean = super()._mean(reference, context)
        return np.asarray(mean[0] + (mean - mean[0]).mean())


@keras.saving.register_keras_serializable(package="keras_qd")
class R2PerSystem(FieldMetric):
    """Mean over systems of each one's R2 about its own mean value.

    Notes
    -----
    A system whose reference is constant counts 1 if its prediction is exact and 0 otherwise, as in
    scikit-learn. Plain numbers are such systems: use `R2` for them.

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.array([[0.0, 2.0, 4.0], [1.0, 1.0, 1.0]])
    >>> R2PerSystem().per_sample(exact, exact + 0.5)
    array([0.90625, 0.     ])
    """

    default_name = "r2-per-system"
    title = "R2 per system"
    unit = ""
    higher_is_better = True
    suits = FIELDS

    def values(self, xp: Any, y: Any, p: Any) -> Any:
        """Return R2 of every system; see `FieldMetric`."""
        shifted = y - y[:, :1]  # by one of the values, which leaves constants exactly constant
        deviation = shifted - xp.mean(shifted, axis=1, keepdims=True)
        squares = (xp.sum(xp.square(each), axis=1) for each in (p - y, deviation))
        return r2_of(xp, *squares)


def r2_of(xp: Any, residual: Any, total: Any) -> Any:
    """Return 1 - residual / total; where the total is zero, 1 for no residual and 0 for any."""
    one, zero = xp.ones_like(total), xp.zeros_like(total)
    value = 1.0 - residual / xp.where(total == 0, one, total)
    return xp.where(total == 0, xp.where(residual == 0, one, zero), value)


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
