"""Mean errors over all values of all systems [1]_.

References
----------
.. [1] C. J. Willmott and K. Matsuura, "Advantages of the mean absolute error (MAE) over the root
   mean square error (RMSE) in assessing average model performance", Clim. Res. 30, 79 (2005),
   https://doi.org/10.3354/cr030079
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.metrics import arrays, tensors
from keras_qd.metrics.measure import Array, Context
from keras_qd.metrics.norms import L1
from keras_qd.metrics.sample_mean import SampleMean
from keras_qd.metrics.summation import pairwise_sum


@keras.saving.register_keras_serializable(package="keras_qd")
class MAE(L1):
    """Mean absolute error over all values of all systems.

    The same number as `L1`, since all systems have the same grid; under the name that is usual for
    energies and other plain numbers.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> MAE().over_set([1.0, 2.0], [1.5, 2.0])
    0.25
    """

    default_name = "mae"
    title = "MAE"


@keras.saving.register_keras_serializable(package="keras_qd")
class MSE(SampleMean):
    """Mean square error over all values of all systems, in the square of the field's unit.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> MSE().over_set([1.0, 2.0], [1.5, 2.0])
    0.125
    """

    default_name = "mse"
    title = "MSE"
    unit = "{field}^2"

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the mean square error of every system of a batch, shape (batch,)."""
        square = ops.square(tensors.flat(y_true - y_pred))
        return pairwise_sum(square) / square.shape[-1]

    def block_values(self, reference: Array, prediction: Array, context: Context) -> Array:
        """Return the mean square error of every system of a block, shape (m,)."""
        return np.asarray(np.square(arrays.flat(prediction - reference)).mean(axis=1))


@keras.saving.register_keras_serializable(package="keras_qd")
class RMSE(MSE):
    """Root of the mean square error over all values of all systems.

    At least as large as `L2`, which takes the root system by system; a system's own value is the
    same for both.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> round(RMSE().over_set([1.0, 2.0], [4.0, 6.0]), 6)
    3.535534
    """

    default_name = "rmse"
    title = "RMSE"
    unit = "{field}"

    def result(self) -> Any:
        """Return the root of the mean over the systems so far, a scalar tensor."""
        return ops.sqrt(super().result())

    def combine(self, means: Array) -> Array:
        """Return the root of the mean square, shape (..., 1) -> (...)."""
        return np.sqrt(means[..., 0])
