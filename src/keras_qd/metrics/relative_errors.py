"""Errors relative to the size of the reference, system by system: pure numbers.

The relative error of a vector is the norm of its error over its own [1]_; here in the norms of the
sum, of Euclid and of the maximum.

References
----------
.. [1] G. H. Golub and C. F. Van Loan, "Matrix Computations", 4th ed. (Johns Hopkins University
   Press, 2013), section 2.2.3, ISBN 978-1-4214-0794-4
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.metrics import arrays, tensors
from keras_qd.metrics.measure import Array, Context
from keras_qd.metrics.sample_mean import SampleMean
from keras_qd.metrics.summation import pairwise_sum


class RelativeMetric(SampleMean):
    """Base of the metrics that are a size of the error over the same size of the reference.

    A reference that is zero everywhere gives infinity, or NaN if the prediction is exact.
    """

    unit = ""

    def tensor_size(self, values: Any) -> Any:
        """Return the size of every row, shape (batch, k) -> (batch,)."""
        raise NotImplementedError

    def array_size(self, values: Array) -> Array:
        """Return the size of every row, shape (m, k) -> (m,)."""
        raise NotImplementedError

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the relative error of every system of a batch, shape (batch,)."""
        error = self.tensor_size(tensors.flat(y_true - y_pred))
        return error / self.tensor_size(tensors.flat(y_true))

    def block_values(self, reference: Array, prediction: Array, context: Context) -> Array:
        """Return the relative error of every system of a block, shape (m,)."""
        error = self.array_size(arrays.flat(prediction - reference))
        with np.errstate(divide="ignore", invalid="ignore"):
            return error / self.array_size(arrays.flat(reference))


@keras.saving.register_keras_serializable(package="keras_qd")
class NMAE(RelativeMetric):
    r"""Mean over systems of :math:`\sum |e| / \sum |y|`.

    For a density this is the misplaced charge in units of the total charge.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> NMAE().over_set([[1.0, 3.0]], [[2.0, 3.0]])
    0.25
    """

    default_name = "nmae"
    title = "NMAE"

    def tensor_size(self, values: Any) -> Any:
        """Return the sum of absolute values of every row."""
        return pairwise_sum(ops.abs(values))

    def array_size(self, values: Array) -> Array:
        """Return the sum of absolute values of every row."""
        return np.asarray(np.abs(values).sum(axis=1))


@keras.saving.register_keras_serializable(package="keras_qd")
class NRMSE(RelativeMetric):
    r"""Mean over systems of :math:`\sqrt{\sum e^2 / \sum y^2}`.

    Equal to scikit-image's ``normalized_root_mse`` with its default, Euclidean normalization.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> NRMSE().over_set([[3.0, 4.0]], [[3.0, 5.0]])
    0.2
    """

    default_name = "nrmse"
    title = "NRMSE"

    def tensor_size(self, values: Any) -> Any:
        """Return the Euclidean norm of every row."""
        return ops.sqrt(pairwise_sum(ops.square(values)))

    def array_size(self, values: Array) -> Array:
        """Return the Euclidean norm of every row."""
        return np.asarray(np.sqrt(np.square(values).sum(axis=1)))


@keras.saving.register_keras_serializable(package="keras_qd")
class PeakError(RelativeMetric):
    r"""Mean over systems of the largest local error relative to the peak, max|e| / max|y|.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> PeakError().over_set([[0.0, 4.0]], [[1.0, 4.0]])
    0.25
    """

    default_name = "peak-error"
    title = "Largest error / peak"

    def tensor_size(self, values: Any) -> Any:
        """Return the largest absolute value of every row."""
        return ops.max(ops.abs(values), axis=-1)

    def array_size(self, values: Array) -> Array:
        """Return the largest absolute value of every row."""
        return np.asarray(np.abs(values).max(axis=1))
