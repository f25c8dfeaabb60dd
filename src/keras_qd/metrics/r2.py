r"""The coefficient of determination of a set of fields, about its mean field.

.. math::

    R^2 = 1 - \frac{\sum_i \sum_p (y_{ip} - \hat y_{ip})^2}{\sum_i \sum_p (y_{ip} - \bar y_p)^2},
    \qquad \bar y_p = \frac{1}{n} \sum_i y_{ip} ,

over the systems :math:`i` and the pixels :math:`p`. It is 1 for a perfect prediction and 0 for one
that predicts the mean image of the set for every system. In a single pixel it is the first of the
definitions in [1]_; of all pixels it is the mean of theirs, weighted with their variances.

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
from keras_qd.metrics import arrays, tensors
from keras_qd.metrics.field_metric import FieldMetric
from keras_qd.metrics.measure import NO_CONTEXT, Array, Context
from keras_qd.metrics.replicas import COUNTED_BY_ALL, whole_batch
from keras_qd.metrics.spread import RunningSpread
from keras_qd.metrics.summation import RunningSum, pairwise_sum


@keras.saving.register_keras_serializable(package="keras_qd")
class R2(FieldMetric):
    """R2 over the whole set, about the mean image of the references.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Notes
    -----
    Where all references are equal (so too for a single one) there is nothing to explain: the
    value is 1 if the prediction is exact and 0 otherwise, as in scikit-learn. Without any system
    it is NaN.
    `per_sample` gives a system's own residual against its own deviation from the mean image.
    ``sample_weight`` weighs whole systems, in both sums and in the mean image.
    Under MirroredStrategy of TensorFlow every replica counts the whole batch, as a mean image is no
    sum over replicas.

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.array([[0.0, 10.0], [2.0, 10.0], [4.0, 10.0]])
    >>> R2().over_set(exact, exact + 0.5)
    0.8125
    """

    default_name = "r2"
    title = "R2"
    unit = ""
    higher_is_better = True

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self._residual = RunningSum(self, "residual", (), COUNTED_BY_ALL)
        self._spread: RunningSpread | None = None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the systems of a batch.

        Parameters
        ----------
        y_true, y_pred : tensor or array_like, shape (batch, ...)
            The exact and the predicted field.
        sample_weight : tensor or array_like, shape (batch,), optional
            One weight per system.

        Raises
        ------
        DataError
            If the shapes do not fit each other or the earlier batches.
        """
        y_true, y_pred = tensors.check_pair(y_true, y_pred, self.dtype)
        weights = tensors.sample_weights(sample_weight, y_true)[:, None]
        self._add(self._tensor_values(y_true), self._tensor_values(y_pred), weights)

    def result(self) -> Any:
        """Return R2 of the systems so far, a scalar tensor."""
        if self._spread is None:
            return ops.convert_to_tensor(float("nan"), dtype=self.dtype)
        value = tensor_ratio_to_r2(self._residual.value(), self._spread.value())
        return ops.where(self._spread.weight() > 0, value, value * float("nan"))

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return every system's squares of residual and of deviation, shape (n, 2)."""
        mean = self._mean(reference)

        def squares(reference: Array, prediction: Array, context: Context) -> Array:
            values, predicted = self._array_values(reference), self._array_values(prediction)
            residual = np.square(predicted - values).sum(axis=1)
            deviation = np.square(values - mean).sum(axis=1)
            return np.stack([residual, deviation], axis=1)

        return arrays.block_terms(squares, reference, prediction, context)

    def combine(self, means: Array) -> Array:
        """Return 1 minus the ratio of residual and deviation, shape (..., 2) -> (...)."""
        return ratio_to_r2(means[..., 0], means[..., 1])

    def _add(self, values: Any, predicted: Any, weights: Any) -> None:
        """Add values of shape (batch, k), with weights of shape (batch, 1 or k), to both sums."""
        values, predicted, weights = whole_batch(values, predicted, weights)
        squares = weights * ops.square(values - predicted)
        self._residual.add(pairwise_sum(pairwise_sum(squares)))
        self._add_to_spread(values, weights)

    def _tensor_values(self, fields: Any) -> Any:
        """Return what is compared of the fields of a batch, shape (batch, k)."""
        return tensors.flat(fields)

    def _array_values(self, fields: Array) -> Array:
        """Return what is compared of the fields of a block, shape (m, k)."""
        return arrays.flat(fields)

    def _add_to_spread(self, values: Any, weights: Any) -> None:
        """Add values of shape (batch, k), with weights of shape (batch, 1), to the total."""
        self._built_spread(values.shape[-1]).add(values, weights)

    def _mean(self, reference: Any) -> Array:
        """Return what the total is about, for a whole set."""
        return arrays.mean_field(reference, self._array_values)

    def _new_spread(self, size: int) -> RunningSpread:
        """Return the state for fields of `size` values."""
        return RunningSpread(self, size)

    def _built_spread(self, size: int) -> RunningSpread:
        """Return the state for fields of `size` values, created on the first batch."""
        if self._spread is None:
            self._spread = self._new_spread(size)
        if self._spread.size != size:
            raise DataError(
                f"{self.name} was given fields of {self._spread.size} values before and of {size} "
                f"now; use one metric per grid"
            )
        return self._spread


def ratio_to_r2(residual: Array, total: Array) -> Array:
    """Return 1 - residual / total; where the total is zero, 1 for no residual and 0 for any.

    Parameters
    ----------
    residual, total : ndarray
        Sums of squares, of one shape.

    Returns
    -------
    ndarray
        R2, of the same shape.

    Examples
    --------
    >>> import numpy as np
    >>> ratio_to_r2(np.array([1.0, 1.0, 0.0]), np.array([4.0, 0.0, 0.0]))
    array([0.75, 0.  , 1.  ])
    """
    constant = np.where(np.equal(residual, 0), 1.0, 0.0)
    value = 1.0 - residual / np.where(np.equal(total, 0), 1.0, total)
    return np.where(np.equal(total, 0), constant, value)


def tensor_ratio_to_r2(residual: Any, total: Any) -> Any:
    """Return the same as `ratio_to_r2`, of tensors.

    Parameters
    ----------
    residual, total : tensor
        Sums of squares, of one shape.

    Returns
    -------
    tensor
        R2, of the same shape.
    """
    constant = ops.where(residual == 0, ops.ones_like(total), ops.zeros_like(total))
    value = 1.0 - residual / ops.where(total == 0, ops.ones_like(total), total)
    return ops.where(total == 0, constant, value)
