r"""Norms and R2 of potentials where the electrons are.

A density fixes its potential up to a constant [1]_. Where there is no density, a potential leaves
no trace: an inverse problem cannot tell it, and a prediction should not be judged by it. So every
place weighs as the density :math:`w` there, and the potentials are aligned: taken relative to their
own density-weighted mean. With the aligned error :math:`e` these are its weighted power means [2]_,
and the coefficient of determination of weighted least squares [3]_, summed over pixels as in
`keras_qd.metrics.r2`:

.. math::

    L_1 = \frac{\sum_p w_p |e_p|}{\sum_p w_p}, \qquad
    L_2 = \sqrt{\frac{\sum_p w_p e_p^2}{\sum_p w_p}}, \qquad
    R^2 = 1 - \frac{\sum_{ip} w_{ip} e_{ip}^2}{\sum_{ip} w_{ip} (v_{ip} - \bar v_p)^2}

with the density-weighted mean potential :math:`\bar v_p = \sum_i w_{ip} v_{ip} / \sum_i w_{ip}`.

On whole arrays the density comes with the `Context`. While streaming it is ``sample_weight``, of
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
from keras_qd.metrics import arrays, tensors
from keras_qd.metrics.field_metric import FieldMetric
from keras_qd.metrics.gauge import align_array, align_tensor
from keras_qd.metrics.measure import NO_CONTEXT, Array, Context
from keras_qd.metrics.r2 import R2
from keras_qd.metrics.spread import RunningSpread
from keras_qd.metrics.summation import RunningSum, pairwise_sum


class DensityWeightedNorm(FieldMetric):
    """Base of the norms under a density: mean over systems of a weighted mean over places.

    A system without any density counts NaN.
    """

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self._total = RunningSum(self, "total")
        self._count = RunningSum(self, "count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the systems of a batch.

        Parameters
        ----------
        y_true, y_pred : tensor or array_like, shape (batch, ...)
            The exact and the predicted potentials.
        sample_weight : tensor or array_like, shape (batch, ...)
            The densities.

        Raises
        ------
        DataError
            If the shapes do not fit.
        UsageError
            If there is no density.
        """
        y_true, y_pred = tensors.check_pair(y_true, y_pred, self.dtype)
        weights = _tensor_density(self, sample_weight, y_true)
        aligned = (align_tensor(tensors.flat(y), weights) for y in (y_true, y_pred))
        error = next(aligned) - next(aligned)
        values = self._tensor_norm(error, weights / pairwise_sum(weights)[:, None])
        self._total.add(pairwise_sum(values))
        self._count.add(pairwise_sum(ops.ones_like(values)))

    def result(self) -> Any:
        """Return the mean over the systems so far, a scalar tensor."""
        return self._total.value() / self._count.value()

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return every system's norm as its only term, shape (n, 1); see `Measure`."""
        _check_density(self, context, reference)
        return arrays.block_terms(self._block_values, reference, prediction, context)

    def combine(self, means: Array) -> Array:
        """Return the mean itself, shape (..., 1) -> (...)."""
        return means[..., 0]

    def _block_values(self, reference: Array, prediction: Array, context: Context) -> Array:
        weights = _array_density(context, reference)
        aligned = (align_array(arrays.flat(x), weights) for x in (reference, prediction))
        error = next(aligned) - next(aligned)
        with np.errstate(invalid="ignore"):
            return self._array_norm(error, weights / weights.sum(axis=1, keepdims=True))

    def _tensor_norm(self, error: Any, weights: Any) -> Any:
        raise NotImplementedError

    def _array_norm(self, error: Array, weights: Array) -> Array:
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="keras_qd")
class DensityWeightedL1(DensityWeightedNorm):
    """Mean over systems of the density-weighted mean absolute error of aligned potentials.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> import numpy as np
    >>> exact, predicted = np.array([[0.0, 0.0, 0.0]]), np.array([[1.0, 3.0, 99.0]])
    >>> context = Context(density=np.array([[1.0, 1.0, 0.0]]))
    >>> DensityWeightedL1().over_set(exact, predicted, context)
    1.0
    """

    default_name = "density-weighted-l1"
    title = "L1, density-weighted"

    def _tensor_norm(self, error: Any, weights: Any) -> Any:
        return pairwise_sum(weights * ops.abs(error))

    def _array_norm(self, error: Array, weights: Array) -> Array:
        return np.asarray((weights * np.abs(error)).sum(axis=1))


@keras.saving.register_keras_serializable(package="keras_qd")
class DensityWeightedL2(DensityWeightedNorm):
    """Mean over systems of the density-weighted root mean square error of aligned potentials.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> import numpy as np
    >>> exact, predicted = np.array([[0.0, 0.0, 0.0]]), np.array([[1.0, 3.0, 99.0]])
    >>> context = Context(density=np.array([[1.0, 1.0, 0.0]]))
    >>> DensityWeightedL2().over_set(exact, predicted, context)
    1.0
    """

    default_name = "density-weighted-l2"
    title = "L2, density-weighted"

    def _tensor_norm(self, error: Any, weights: Any) -> Any:
        return ops.sqrt(pairwise_sum(weights * ops.square(error)))

    def _array_norm(self, error: Array, weights: Array) -> Array:
        return np.asarray(np.sqrt((weights * np.square(error)).sum(axis=1)))


@keras.saving.register_keras_serializable(package="keras_qd")
class DensityWeightedR2(R2):
    """Density-weighted R2 of aligned potentials, about their density-weighted mean.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.array([[0.0, 1.0, 0.0], [0.0, 3.0, 0.0]])
    >>> context = Context(density=np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]))
    >>> DensityWeightedR2().over_set(exact, exact + np.array([5.0, 5.0, 9.0]), context)
    1.0
    """

    default_name = "density-weighted-r2"
    title = "R2, density-weighted"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the systems of a batch.

        Parameters
        ----------
        y_true, y_pred : tensor or array_like, shape (batch, ...)
            The exact and the predicted potentials.
        sample_weight : tensor or array_like, shape (batch, ...)
            The densities.

        Raises
        ------
        DataError
            If the shapes do not fit.
        UsageError
            If there is no density.
        """
        y_true, y_pred = tensors.check_pair(y_true, y_pred, self.dtype)
        weights = _tensor_density(self, sample_weight, y_true)
        values, predicted = (align_tensor(tensors.flat(y), weights) for y in (y_true, y_pred))
        self._add(values, predicted, weights)

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return every system's weighted squares of residual and deviation, shape (n, 2)."""
        _check_density(self, context, reference)
        mean = _mean_potential(reference, context)

        def squares(reference: Array, prediction: Array, context: Context) -> Array:
            weights = _array_density(context, reference)
            values, predicted = (
                align_array(arrays.flat(x), weights) for x in (reference, prediction)
            )
            residual = (weights * np.square(predicted - values)).sum(axis=1)
            deviation = (weights * np.square(values - mean)).sum(axis=1)
            return np.stack([residual, deviation], axis=1)

        return arrays.block_terms(squares, reference, prediction, context)

    def _new_spread(self, size: int) -> RunningSpread:
        return RunningSpread(self, size, weight_size=size)


def _mean_potential(reference: Any, context: Context) -> Array:
    """Return the density-weighted mean over the systems of the aligned potentials, shape (k,)."""
    total, weight = np.zeros(()), np.zeros(())
    for block, _, part in arrays.blocks(reference, reference, context):
        weights = _array_density(part, block)
        total = total + (weights * align_array(arrays.flat(block), weights)).sum(axis=0)
        weight = weight + weights.sum(axis=0)
    return np.asarray(total / np.where(weight == 0, 1.0, weight))


def _check_density(metric: FieldMetric, context: Context, reference: Any) -> None:
    """Refuse a missing density, and one of another shape than the potentials."""
    if context.density is None:
        raise UsageError(
            f"{metric.name} weighs with the density, which was not given: pass "
            f"context=Context(density=...), or leave this metric out"
        )
    arrays.check_pair(reference, context.density)


def _array_density(context: Context, reference: Array) -> Array:
    density = np.asarray(context.density, dtype=np.float64)
    return arrays.flat(density.reshape(reference.shape))


def _tensor_density(metric: FieldMetric, sample_weight: Any, y_true: Any) -> Any:
    """Return the density of every place of a batch, shape (batch, k)."""
    if sample_weight is None:
        raise UsageError(
            f"{metric.name} weighs with the density: pass it as sample_weight, in the shape of "
            f"the potentials, or leave this metric out of compile and fit"
        )
    try:
        _, density = tensors.check_pair(y_true, sample_weight, metric.dtype)
    except DataError as cause:
        raise DataError(
            f"{metric.name} takes the density as sample_weight, in the shape of the potentials "
            f"{tuple(y_true.shape)}, but got {tuple(sample_weight.shape)}"
        ) from cause
    return tensors.flat(density)
