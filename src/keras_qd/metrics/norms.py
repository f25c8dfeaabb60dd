r"""Norms of the error, mean errors, and errors relative to the size of the reference.

The error of a system is :math:`e = p - y` on a grid of :math:`N` values (:math:`N = N_x N_y` for an
image). Fields may have any number of dimensions and channels (which count as further values); a
plain number is a field of one value. With the mean in place of the sum, vector norms [1]_ become
power means [2]_, which are the same on a finer grid.

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

from keras_qd.metrics.base import FIELDS, QUANTITIES, FieldMetric


@keras.saving.register_keras_serializable(package="keras_qd")
class L1(FieldMetric):
    r"""Mean over systems of :math:`\frac{1}{N} \sum |e|`, the mean absolute error of a system.

    Examples
    --------
    >>> import numpy as np
    >>> exact, predicted = np.zeros((2, 4, 4)), np.full((2, 4, 4), 0.5)
    >>> L1().over_set(exact, predicted)
    0.5
    """

    default_name = "l1"
    title = "L1"
    suits = QUANTITIES

    def values(self, xp: Any, y: Any, p: Any) -> Any:
        """Return the mean absolute error of every system; see `FieldMetric`."""
        return xp.mean(xp.abs(p - y), axis=1)


@keras.saving.register_keras_serializable(package="keras_qd")
class L2(FieldMetric):
    r"""Mean over systems of :math:`\sqrt{\frac{1}{N} \sum e^2}`.

    Not the root of the mean square over the set, which is `RMSE`.

    Examples
    --------
    >>> import numpy as np
    >>> exact, predicted = np.zeros((2, 2)), np.array([[3.0, 4.0], [0.0, 0.0]])
    >>> [round(float(value), 6) for value in L2().per_sample(exact, predicted)]
    [3.535534, 0.0]
    """

    default_name = "l2"
    title = "L2"
    suits = QUANTITIES

    def values(self, xp: Any, y: Any, p: Any) -> Any:
        """Return the root mean square error of every system; see `FieldMetric`."""
        return xp.sqrt(xp.mean(xp.square(p - y), axis=1))


@keras.saving.register_keras_serializable(package="keras_qd")
class Linf(FieldMetric):
    r"""Mean over systems of the largest absolute error of a system, :math:`\max |e|`.

    Examples
    --------
    >>> import numpy as np
    >>> exact, predicted = np.zeros((2, 2)), np.array([[3.0, -4.0], [0.0, 1.0]])
    >>> Linf().over_set(exact, predicted)
    2.5
    """

    default_name = "linf"
    title = "Linf"
    suits = QUANTITIES

    def values(self, xp: Any, y: Any, p: Any) -> Any:
        """Return the largest absolute error of every system; see `FieldMetric`."""
        return xp.max(xp.abs(p - y), axis=1)


@keras.saving.register_keras_serializable(package="keras_qd")
class MAE(L1):
    r"""Mean absolute error over all values of all systems.

    .. math:: \frac{1}{n N} \sum |e|

    The same number as `L1`, since all systems have the same grid, under the name that is usual for
    energies and other plain numbers.

    Examples
    --------
    >>> MAE().over_set([1.0, 2.0], [1.5, 2.0])
    0.25
    """

    default_name = "mae"
    title = "MAE"


@keras.saving.register_keras_serializable(package="keras_qd")
class MSE(FieldMetric):
    r"""Mean square error over all values of all systems, in the square of the field's unit.

    .. math:: \frac{1}{n N} \sum e^2

    Examples
    --------
    >>> MSE().over_set([1.0, 2.0], [1.5, 2.0])
    0.125
    """

    default_name = "mse"
    title = "MSE"
    unit = "{field}^2"
    suits = QUANTITIES

    def values(self, xp: Any, y: Any, p: Any) -> Any:
        """Return the mean square error of every system; see `FieldMetric`."""
        return xp.mean(xp.square(p - y), axis=1)


@keras.saving.register_keras_serializable(package="keras_qd")
class RMSE(MSE):
    r"""Root of the mean square error over all values of all systems.

    .. math:: \sqrt{\frac{1}{n N} \sum e^2}

    At least as large as `L2`, which takes the root system by system; for a single system both are
    the same.

    Examples
    --------
    >>> round(RMSE().over_set([1.0, 2.0], [4.0, 6.0]), 6)
    3.535534
    """

    default_name = "rmse"
    title = "RMSE"
    unit = "{field}"

    def combine(self, means: Any, xp: Any = np) -> Any:
        """Return the root of the mean square error; see `FieldMetric`."""
        return xp.sqrt(means[..., 0])


@keras.saving.register_keras_serializable(package="keras_qd")
class NMAE(FieldMetric):
    r"""Mean over systems of :math:`\sum |e| / \sum |y|`.

    For a density this is the misplaced charge in units of the total charge. Relative to a reference
    that is zero everywhere an error is infinite, and NaN if the prediction is exact.

    Examples
    --------
    >>> NMAE().over_set([[1.0, 3.0]], [[2.0, 3.0]])
    0.25
    """

    default_name = "nmae"
    title = "NMAE"
    unit = ""
    suits = QUANTITIES

    def values(self, xp: Any, y: Any, p: Any) -> Any:
        """Return the relative absolute error of every system; see `FieldMetric`."""
        return xp.sum(xp.abs(p - y), axis=1) / xp.sum(xp.abs(y), axis=1)


@keras.saving.register_keras_serializable(package="keras_qd")
class NRMSE(FieldMetric):
    r"""Mean over systems of :math:`\sqrt{\sum e^2 / \sum y^2}`.

    The same as scikit-image's ``normalized_root_mse`` with its default, Euclidean normalization.
    Relative to a reference that is zero everywhere an error is infinite, and NaN if the prediction
    is exact.

    Examples
    --------
    >>> NRMSE().over_set([[3.0, 4.0]], [[3.0, 5.0]])
    0.2
    """

    default_name = "nrmse"
    title = "NRMSE"
    unit = ""
    suits = QUANTITIES

    def values(self, xp: Any, y: Any, p: Any) -> Any:
        """Return the relative root mean square error of every system; see `FieldMetric`."""
        return xp.sqrt(xp.sum(xp.square(p - y), axis=1) / xp.sum(xp.square(y), axis=1))


@keras.saving.register_keras_serializable(package="keras_qd")
class PeakError(FieldMetric):
    r"""Mean over systems of the largest error relative to the peak, :math:`\max |e| / \max |y|`.

    Relative to a reference that is zero everywhere an error is infinite, and NaN if the prediction
    is exact.

    Examples
    --------
    >>> PeakError().over_set([[0.0, 4.0]], [[1.0, 4.0]])
    0.25
    """

    default_name = "peak-error"
    title = "Largest error / peak"
    unit = ""
    suits = FIELDS

    def values(self, xp: Any, y: Any, p: Any) -> Any:
        """Return the largest error over the peak of every system; see `FieldMetric`."""
        return xp.max(xp.abs(p - y), axis=1) / xp.max(xp.abs(y), axis=1)
