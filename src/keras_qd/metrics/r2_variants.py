"""R2 within each system, and about the mean of all values: two more things to compare with.

`R2` of the registered name ``r2`` compares with the set's mean image. Any of them can be high while
another is low, so a figure should name the one that it is. With deviations from other means they
are the same formula, see `R2`.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.metrics import arrays, tensors
from keras_qd.metrics.measure import Array, Context
from keras_qd.metrics.r2 import R2, ratio_to_r2, tensor_ratio_to_r2
from keras_qd.metrics.sample_mean import SampleMean
from keras_qd.metrics.summation import pairwise_sum


@keras.saving.register_keras_serializable(package="keras_qd")
class R2PerSystem(SampleMean):
    """Mean over systems of each one's R2 about its own mean value.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Notes
    -----
    A system whose reference is constant counts 1 if its prediction is exact and 0 otherwise, as in
    scikit-learn. Plain numbers are such systems: for them use `R2`.

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

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return R2 of every system of a batch, shape (batch,)."""
        values = tensors.flat(y_true)
        # Shifting by one of the values keeps constants exactly constant.
        values = values - values[:, :1]
        deviation = values - (pairwise_sum(values) / values.shape[-1])[:, None]
        residual = pairwise_sum(ops.square(tensors.flat(y_true - y_pred)))
        return tensor_ratio_to_r2(residual, pairwise_sum(ops.square(deviation)))

    def block_values(self, reference: Array, prediction: Array, context: Context) -> Array:
        """Return R2 of every system of a block, shape (m,)."""
        values = arrays.flat(reference)
        values = values - values[:, :1]
        total = np.square(values - values.mean(axis=1, keepdims=True)).sum(axis=1)
        return ratio_to_r2(np.square(arrays.flat(prediction - reference)).sum(axis=1), total)


@keras.saving.register_keras_serializable(package="keras_qd")
class R2ScalarMean(R2):
    """R2 over the whole set, about the mean of all values of all systems.

    Higher than `R2` wherever the mean image is not flat, as it explains a part of the values.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.array([[0.0, 10.0], [2.0, 12.0]])
    >>> round(R2ScalarMean().over_set(exact, exact + 1.0), 6)
    0.961538
    """

    default_name = "r2-scalar-mean"
    title = "R2 about the scalar mean"

    def _add_to_spread(self, values: Any, weights: Any) -> None:
        weights = ops.reshape(weights * ops.ones_like(values), (-1, 1))
        self._built_spread(1).add(ops.reshape(values, (-1, 1)), weights)

    def _mean(self, reference: Any) -> Array:
        mean = super()._mean(reference)
        return np.asarray(mean[0] + (mean - mean[0]).mean())
