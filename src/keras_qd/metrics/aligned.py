"""Norms and R2 of potentials, whose constant does not count.

Reference and prediction are both taken relative to their own mean value before they are compared.
All places weigh the same; in `keras_qd.metrics.density_weighted` they weigh as the density.
"""

from __future__ import annotations

from typing import Any

import keras

from keras_qd.metrics import arrays, tensors
from keras_qd.metrics.gauge import align_array, align_tensor
from keras_qd.metrics.measure import Array, Context
from keras_qd.metrics.norms import L1, L2
from keras_qd.metrics.r2 import R2
from keras_qd.metrics.sample_mean import SampleMean


class _AlignedNorm(SampleMean):
    """Takes both potentials relative to their means before the norm behind it sees them."""

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the norm of every aligned error of a batch, shape (batch,)."""
        pair = (align_tensor(tensors.flat(y)) for y in (y_true, y_pred))
        return super().sample_values(*pair)

    def block_values(self, reference: Array, prediction: Array, context: Context) -> Array:
        """Return the norm of every aligned error of a block, shape (m,)."""
        reference, prediction = (align_array(arrays.flat(x)) for x in (reference, prediction))
        return super().block_values(reference, prediction, context)


@keras.saving.register_keras_serializable(package="keras_qd")
class AlignedL1(_AlignedNorm, L1):
    """`L1` of potentials relative to their own means.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> AlignedL1().over_set([[0.0, 1.0]], [[7.0, 10.0]])
    1.0
    """

    default_name = "aligned-l1"
    title = "L1, aligned"


@keras.saving.register_keras_serializable(package="keras_qd")
class AlignedL2(_AlignedNorm, L2):
    """`L2` of potentials relative to their own means.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> AlignedL2().over_set([[0.0, 1.0]], [[7.0, 10.0]])
    1.0
    """

    default_name = "aligned-l2"
    title = "L2, aligned"


@keras.saving.register_keras_serializable(package="keras_qd")
class AlignedR2(R2):
    """`R2` of potentials relative to their own means, about the mean aligned potential.

    Parameters
    ----------
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> AlignedR2().over_set([[0.0, 1.0], [0.0, 3.0]], [[7.0, 8.0], [1.0, 4.0]])
    1.0
    """

    default_name = "aligned-r2"
    title = "R2, aligned"

    def _tensor_values(self, fields: Any) -> Any:
        return align_tensor(tensors.flat(fields))

    def _array_values(self, fields: Array) -> Array:
        return align_array(arrays.flat(fields))
