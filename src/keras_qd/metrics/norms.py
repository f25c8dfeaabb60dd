r"""Norms of the error, per system and as their mean over systems.

With the error :math:`e` of a system on a grid of :math:`N` values (:math:`N = N_x N_y` for an
image) they are the vector norms of order 1, 2 and infinity [1]_, with the mean in the place of the
sum, which makes them the power means of :math:`|e|` [2]_ and the same on a finer grid:

.. math::

    L_1 = \frac{1}{N} \sum |e|, \qquad L_2 = \sqrt{\frac{1}{N} \sum e^2}, \qquad
    L_\infty = \max |e| .

They are defined for fields in any number of dimensions, with any number of channels (which count as
further values), and for plain numbers, of which they are the absolute error. All are in the unit of
the field.

References
----------
.. [1] G. H. Golub and C. F. Van Loan, "Matrix Computations", 4th ed. (Johns Hopkins University
   Press, 2013), section 2.2, ISBN 978-1-4214-0794-4
.. [2] G. H. Hardy, J. E. Littlewood and G. Polya, "Inequalities", 2nd ed. (Cambridge University
   Press, 1952), sections 2.1 to 2.3
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


@keras.saving.register_keras_serializable(package="keras_qd")
class L1(SampleMean):
    """Mean over systems of the mean absolute error of a system.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> import numpy as np
    >>> exact, predicted = np.zeros((2, 4, 4)), np.full((2, 4, 4), 0.5)
    >>> L1().over_set(exact, predicted)
    0.5
    """

    default_name = "l1"
    title = "L1"

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the L1 norm of every error of a batch, shape (batch,)."""
        error = ops.abs(tensors.flat(y_true - y_pred))
        return pairwise_sum(error) / error.shape[-1]

    def block_values(self, reference: Array, prediction: Array, context: Context) -> Array:
        """Return the L1 norm of every error of a block, shape (m,)."""
        return np.asarray(np.abs(arrays.flat(prediction - reference)).mean(axis=1))


@keras.saving.register_keras_serializable(package="keras_qd")
class L2(SampleMean):
    """Mean over systems of the root mean square error of a system.

    Not the root of the mean square over the set, which is ``rmse``.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> import numpy as np
    >>> exact, predicted = np.zeros((2, 2)), np.array([[3.0, 4.0], [0.0, 0.0]])
    >>> [round(float(value), 6) for value in L2().per_sample(exact, predicted)]
    [3.535534, 0.0]
    """

    default_name = "l2"
    title = "L2"

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the L2 norm of every error of a batch, shape (batch,)."""
        square = ops.square(tensors.flat(y_true - y_pred))
        return ops.sqrt(pairwise_sum(square) / square.shape[-1])

    def block_values(self, reference: Array, prediction: Array, context: Context) -> Array:
        """Return the L2 norm of every error of a block, shape (m,)."""
        return np.asarray(np.sqrt(np.square(arrays.flat(prediction - reference)).mean(axis=1)))


@keras.saving.register_keras_serializable(package="keras_qd")
class Linf(SampleMean):
    """Mean over systems of the largest absolute error of a system.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> import numpy as np
    >>> exact, predicted = np.zeros((2, 2)), np.array([[3.0, -4.0], [0.0, 1.0]])
    >>> Linf().over_set(exact, predicted)
    2.5
    """

    default_name = "linf"
    title = "Linf"

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the largest error of every system of a batch, shape (batch,)."""
        return ops.max(ops.abs(tensors.flat(y_true - y_pred)), axis=-1)

    def block_values(self, reference: Array, prediction: Array, context: Context) -> Array:
        """Return the largest error of every system of a block, shape (m,)."""
        return np.asarray(np.abs(arrays.flat(prediction - reference)).max(axis=1))
