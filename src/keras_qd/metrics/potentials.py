r"""Norms and R2 of potentials, which are fixed only up to a constant.

Each potential is taken relative to its own mean: :math:`v - \sum_p w_p v_p / \sum_p w_p`, the same
for every choice of the constant. With equal weights these are the aligned metrics.

The density-weighted metrics take the density as :math:`w`. A density determines its potential up to
a constant [1]_, but hardly where there is none, so a prediction should not be evaluated there. With
the aligned error :math:`e` they are weighted power means [2]_, and the coefficient of determination
of weighted least squares [3]_, summed as in `keras_qd.metrics.r2`:

.. math::

    L_1 = \frac{\sum_p w_p |e_p|}{\sum_p w_p}, \qquad
    L_2 = \sqrt{\frac{\sum_p w_p e_p^2}{\sum_p w_p}}, \qquad
    R^2 = 1 - \frac{\sum_{ip} w_{ip} e_{ip}^2}{\sum_{ip} w_{ip} (v_{ip} - \bar v_p)^2}

with the density-weighted mean potential :math:`\bar v_p = \sum_i w_{ip} v_{ip} / \sum_i w_{ip}`.
On whole arrays the density comes with the `Context`. During training it is ``sample_weight``, in
the shape of the potentials.

References
----------
.. [1] P. Hohenberg and W. Kohn, "Inhomogeneous electron gas", Phys. Rev. 136, B864 (1964),
   https://doi.org/10.1103/PhysRev.136.B864
.. [2] G. H. Hardy, J. E. Littlewood and G. Polya, "Inequalities", 2nd ed. (Cambridge University
   Press, 1952), section 2.2
.. [3] J. B. Willett and J. D. Singer, "Another cautionary note about R2: its use in weighted
   least-squares regression analysis", Am. Stat. 42, 236 (1988),
   https://doi.org/10.1080/00031305.1988.10475573
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.errors import DataError, UsageError
from keras_qd.metrics.base import FIELDS, Array, Context, FieldMetric, check_shapes, flat
from keras_qd.metrics.norms import L1, L2
from keras_qd.metrics.r2 import R2


def align(xp: Any, v: Any, weights: Any) -> Any:
    """Return potentials, shape (n, k), relative to their own weighted means."""
    # Relative to one of the values first: a large constant must not cost the digits of the rest.
    v = v - v[:, :1]
    weights = weights * xp.ones_like(v)
    total = xp.sum(weights, axis=1, keepdims=True)
    mean = xp.sum(weights * v, axis=1, keepdims=True) / xp.where(total == 0, 1.0, total)
    return v - mean


@keras.saving.register_keras_serializable(package="keras_qd")
class AlignedL1(L1):
    """`L1` of potentials relative to their own means.

    Examples
    --------
    >>> AlignedL1().over_set([[0.0, 1.0]], [[7.0, 10.0]])
    1.0
    """

    default_name = "aligned-l1"
    title = "L1, aligned"
    suits = FIELDS

    def values(self, xp: Any, y: Any, p: Any) -> Any:
        """Return the mean absolute aligned error of every system; see `FieldMetric`."""
        return super().values(xp, align(xp, y, 1.0), align(xp, p, 1.0))


@keras.saving.register_keras_serializable(package="keras_qd")
class AlignedL2(L2):
    """`L2` of potentials relative to their own means.

    Examples
    --------
    >>> AlignedL2().over_set([[0.0, 1.0]], [[7.0, 10.0]])
    1.0
    """

    default_name = "aligned-l2"
    title = "L2, aligned"
    suits = FIELDS

    def values(self, xp: Any, y: Any, p: Any) -> Any:
        """Return the root mean square aligned error of every system; see `FieldMetric`."""
        return super().values(xp, align(xp, y, 1.0), align(xp, p, 1.0))


@keras.saving.register_keras_serializable(package="keras_qd")
class AlignedR2(R2):
    """`R2` of potentials relative to their own means, about the mean aligned potential.

    Examples
    --------
    >>> AlignedR2().over_set([[0.0, 1.0], [0.0, 3.0]], [[7.0, 8.0], [1.0, 4.0]])
    1.0
    """

    default_name = "aligned-r2"
    title = "R2, aligned"
    suits = FIELDS

    def _compared(self, xp: Any, y: Any, p: Any, weights: Any) -> tuple[Any, Any]:
        return align(xp, y, 1.0), align(xp, p, 1.0)


class DensityWeightedNorm(FieldMetric):
    """Base of the density-weighted norms; a system without any density counts NaN."""

    suits = FIELDS

    def values(self, xp: Any, y: Any, p: Any, density: Any = None) -> Any:
        """Return the norm of every system; see `FieldMetric`."""
        error = align(xp, p, density) - align(xp, y, density)
        return self.norm(xp, error, density / xp.sum(density, axis=1, keepdims=True))

    def norm(self, xp: Any, error: Any, weights: Any) -> Any:
        """Return the weighted norm of errors, shape (n, k); the weights of a system sum to one."""
        raise NotImplementedError

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the systems of a batch; ``sample_weight`` is the density, else as `FieldMetric`."""
        y, p = self._tensors(y_true, y_pred)
        values = self.values(ops, y, p, _tensor_density(self, sample_weight, y_true))
        self._add(values, ops.ones_like(values))

    def array_values(self, y: Array, p: Array, context: Context) -> Array:
        """Return the norms of a block under the density of the context; see `FieldMetric`."""
        density = _array_density(self, y, context)
        return np.asarray(self.values(np, flat(np, y), flat(np, p), density))


@keras.saving.register_keras_serializable(package="keras_qd")
class DensityWeightedL1(DensityWeightedNorm):
    """Mean over systems of the density-weighted mean absolute error of aligned potentials.

    Examples
    --------
    >>> import numpy as np
    >>> from keras_qd.metrics import Context
    >>> exact, predicted = np.array([[0.0, 0.0, 0.0]]), np.array([[1.0, 3.0, 99.0]])
    >>> context = Context(density=np.array([[1.0, 1.0, 0.0]]))
    >>> DensityWeightedL1().over_set(exact, predicted, context)
    1.0
    """

    default_name = "density-weighted-l1"
    title = "L1, density-weighted"

    def norm(self, xp: Any, error: Any, weights: Any) -> Any:
        """Return the weighted mean absolute error; see `DensityWeightedNorm`."""
        return xp.sum(weights * xp.abs(error), axis=1)


@keras.saving.register_keras_serializable(package="keras_qd")
class DensityWeightedL2(DensityWeightedNorm):
    """Mean over systems of the density-weighted root mean square error of aligned potentials.

    Examples
    --------
    >>> import numpy as np
    >>> from keras_qd.metrics import Context
    >>> exact, predicted = np.array([[0.0, 0.0, 0.0]]), np.array([[1.0, 3.0, 99.0]])
    >>> context = Context(density=np.array([[1.0, 1.0, 0.0]]))
    >>> DensityWeightedL2().over_set(exact, predicted, context)
    1.0
    """

    default_name = "density-weighted-l2"
    title = "L2, density-weighted"

    def norm(self, xp: Any, error: Any, weights: Any) -> Any:
        """Return the weighted root mean square error; see `DensityWeightedNorm`."""
        return xp.sqrt(xp.sum(weights * xp.square(error), axis=1))


@keras.saving.register_keras_serializable(package="keras_qd")
class DensityWeightedR2(R2):
    """Density-weighted R2 of aligned potentials, about their density-weighted mean.

    Examples
    --------
    >>> import numpy as np
    >>> from keras_qd.metrics import Context
    >>> exact = np.array([[0.0, 1.0, 0.0], [0.0, 3.0, 0.0]])
    >>> context = Context(density=np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]))
    >>> DensityWeightedR2().over_set(exact, exact + np.array([5.0, 5.0, 9.0]), context)
    1.0
    """

    default_name = "density-weighted-r2"
    title = "R2, density-weighted"
    suits = FIELDS

    def _compared(self, xp: Any, y: Any, p: Any, weights: Any) -> tuple[Any, Any]:
        return align(xp, y, weights), align(xp, p, weights)

    def _tensor_weights(self, sample_weight: Any, y_true: Any) -> Any:
        return _tensor_density(self, sample_weight, y_true)

    def _array_weights(self, y: Array, context: Context) -> Array:
        return _array_density(self, y, context)


def _array_density(metric: FieldMetric, y: Array, context: Context) -> Array:
    """Return the density of a block, shape (m, k)."""
    if context.density is None:
        raise UsageError(
            f"{metric.name} needs the density as weight: pass context=Context(density=...), or "
            "leave this metric out"
        )
    density = np.asarray(context.density, dtype=np.float64)
    check_shapes(y.shape, density.shape)
    return np.asarray(flat(np, density.reshape(y.shape)))


def _tensor_density(metric: FieldMetric, sample_weight: Any, y_true: Any) -> Any:
    """Return the density of a batch, shape (batch, k)."""
    if sample_weight is None:
        raise UsageError(
            f"{metric.name} needs the density as weight: pass it as sample_weight, in the shape of "
            "the potentials, or leave this metric out of compile"
        )
    shape, density = tuple(np.shape(y_true)), ops.convert_to_tensor(sample_weight)
    try:
        check_shapes(shape, tuple(density.shape))
    except DataError as cause:
        raise DataError(
            f"{metric.name} takes the density as sample_weight, in the shape of the potentials "
            f"{shape}, got {tuple(density.shape)}"
        ) from cause
    return flat(ops, ops.cast(density, metric.dtype))
