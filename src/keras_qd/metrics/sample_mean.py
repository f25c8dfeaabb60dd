"""Metrics whose value over a set is the mean of one value per system."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_qd.metrics import arrays, tensors
from keras_qd.metrics.field_metric import FieldMetric
from keras_qd.metrics.measure import NO_CONTEXT, Array, Context
from keras_qd.metrics.summation import RunningSum, pairwise_sum


class SampleMean(FieldMetric):
    """Base of the metrics that are a mean over systems.

    A subclass sets the class attributes and defines the value of a system twice: `sample_values` on
    the tensors of a batch, and `block_values` on NumPy arrays in double precision.

    Parameters
    ----------
    name : str, optional
        Name in logs and tables.
    dtype : str or dtype policy, optional
        What to compute in while streaming; at least single precision, whatever the network's own.

    Notes
    -----
    ``sample_weight``, where Keras passes one, weighs whole systems: the value is then the weighted
    mean. A system of weight zero does not count even if its value is infinite. Without any system
    the value is NaN.

    Examples
    --------
    >>> class Largest(SampleMean):
    ...     default_name = "largest"
    ...
    ...     def sample_values(self, y_true, y_pred):
    ...         return ops.max(ops.abs(tensors.flat(y_true - y_pred)), axis=-1)
    ...
    ...     def block_values(self, reference, prediction, context):
    ...         return abs(arrays.flat(prediction - reference)).max(axis=1)
    >>> Largest().over_set([[1.0, 2.0], [3.0, 4.0]], [[1.0, 5.0], [3.0, 5.0]])
    2.0
    """

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self._total = RunningSum(self, "total")
        self._weight = RunningSum(self, "weight")

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the value of every system of a batch.

        Parameters
        ----------
        y_true, y_pred : tensor, shape (batch, ...)
            Of one shape and dtype.

        Returns
        -------
        tensor, shape (batch,)
            The values.
        """
        raise NotImplementedError

    def block_values(self, reference: Array, prediction: Array, context: Context) -> Array:
        """Return the value of every system of a block.

        Parameters
        ----------
        reference, prediction : ndarray, shape (m, ...)
            Of one shape, in double precision.
        context : Context
            Cut to the block.

        Returns
        -------
        ndarray, shape (m,)
            The values.
        """
        raise NotImplementedError

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
            If the shapes do not fit.
        """
        y_true, y_pred = tensors.check_pair(y_true, y_pred, self.dtype)
        values = self.sample_values(y_true, y_pred)
        weights = tensors.sample_weights(sample_weight, values)
        weighted = ops.where(weights == 0, ops.zeros_like(values), weights * values)
        self._total.add(pairwise_sum(weighted))
        self._weight.add(pairwise_sum(weights))

    def result(self) -> Any:
        """Return the mean over the systems so far, a scalar tensor."""
        return self._total.value() / self._weight.value()

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return every system's value as its only term, shape (n, 1); see `Measure`."""
        return arrays.block_terms(self.block_values, reference, prediction, context)

    def combine(self, means: Array) -> Array:
        """Return the mean itself, shape (..., 1) -> (...)."""
        return means[..., 0]
