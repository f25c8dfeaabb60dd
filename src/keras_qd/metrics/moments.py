r"""Errors of what a density integrates to: its charge, its centre and its extent.

The moments of a density, those of second order about its own centre [1]_, as sums over pixels. With
their area :math:`h^2 = (L/n)^2` (in one dimension their width :math:`L/(n + 1)`)

.. math::

    N = \sum_p n_p h^2, \qquad \vec R = \frac{h^2}{N} \sum_p n_p \vec r_p, \qquad
    Q = \frac{h^2}{N} \sum_p n_p (\vec r_p - \vec R)(\vec r_p - \vec R)^T ,

each with the density's own :math:`N`: a wrong charge does not count twice.

References
----------
.. [1] M.-K. Hu, "Visual pattern recognition by moment invariants", IRE Trans. Inf. Theory 8, 179
   (1962), https://doi.org/10.1109/TIT.1962.1057692
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.errors import UsageError
from keras_qd.metrics import arrays, tensors
from keras_qd.metrics.grid import unit_cell, unit_coordinates
from keras_qd.metrics.measure import Array, Context
from keras_qd.metrics.sample_mean import SampleMean
from keras_qd.metrics.summation import pairwise_sum


class MomentError(SampleMean):
    """Base of the errors of a density's moments.

    Parameters
    ----------
    length : float, optional
        Side of the box. Needed to stream; on whole arrays it may come with the context.
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Raises
    ------
    UsageError
        If `length` is no positive number, or if it is needed and nowhere given.
    DataError
        When given anything but densities in one or two dimensions, with one channel.
    """

    def __init__(self, length: float | None, name: str, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        if length is not None and not (np.isfinite(length) and length > 0):
            raise UsageError(f"length of {name} must be a positive number, got {length!r}")
        self.length = None if length is None else float(length)

    def get_config(self) -> dict[str, Any]:
        """Return the configuration, from which an equal metric can be made."""
        return {**super().get_config(), "length": self.length}

    def _length(self, context: Context | None = None) -> Any:
        """Return the side of the box: configured, or else the context's."""
        if self.length is not None:
            return self.length
        if context is None or context.length is None:
            raise UsageError(
                f"{self.name} needs the side of the box: configure length=..., "
                f"or pass context=Context(length=...)"
            )
        return context.length


@keras.saving.register_keras_serializable(package="keras_qd")
class ChargeError(MomentError):
    """Mean over systems of the absolute error of the number of electrons.

    Parameters
    ----------
    length : float, optional
        Side of the box. Needed to stream; on whole arrays it may come with the context.
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.full((1, 4, 4), 2.0 / 100.0)
    >>> round(ChargeError(length=10.0).over_set(exact, 1.1 * exact), 6)
    0.2
    """

    title = "Charge error"
    unit = "electrons"

    def __init__(
        self, length: float | None = None, name: str = "charge-error", dtype: Any = None
    ) -> None:
        super().__init__(length=length, name=name, dtype=dtype)

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the error of the charge of every system of a batch, shape (batch,)."""
        cell, dimensions = unit_cell(tuple(y_true.shape), self.name)
        volume = cell * self._length() ** dimensions
        return ops.abs(pairwise_sum(tensors.flat(y_pred - y_true))) * volume

    def block_values(self, reference: Array, prediction: Array, context: Context) -> Array:
        """Return the error of the charge of every system of a block, shape (m,)."""
        cell, dimensions = unit_cell(reference.shape, self.name)
        volume = cell * self._length(context) ** dimensions
        charges = [arrays.flat(density).sum(axis=1) for density in (reference, prediction)]
        return np.asarray(np.abs(charges[1] - charges[0]) * volume)


@keras.saving.register_keras_serializable(package="keras_qd")
class CentreOfMassError(MomentError):
    """Mean over systems of the distance between the exact and the predicted centre of the density.

    NaN where a density integrates to nothing.

    Parameters
    ----------
    length : float, optional
        Side of the box. Needed to stream; on whole arrays it may come with the context.
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> import numpy as np
    >>> exact, predicted = np.eye(4)[None, :1], np.eye(4)[None, 1:2]
    >>> CentreOfMassError(length=4.0).over_set(exact[:, 0], predicted[:, 0])
    0.8
    """

    title = "Centre-of-mass error"
    unit = "{length}"

    def __init__(
        self, length: float | None = None, name: str = "centre-of-mass-error", dtype: Any = None
    ) -> None:
        super().__init__(length=length, name=name, dtype=dtype)

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the distance of the centres of every system of a batch, shape (batch,)."""
        shift, _ = _tensor_changes(y_true, y_pred, self.name)
        return ops.sqrt(ops.sum(ops.square(shift), axis=1)) * self._length()

    def block_values(self, reference: Array, prediction: Array, context: Context) -> Array:
        """Return the distance of the centres of every system of a block, shape (m,)."""
        centres = [_array_moments(density, self.name)[0] for density in (reference, prediction)]
        distance = np.sqrt(np.square(centres[1] - centres[0]).sum(axis=1))
        return np.asarray(distance * self._length(context))


@keras.saving.register_keras_serializable(package="keras_qd")
class SecondMomentError(MomentError):
    """Mean over systems of the error of the density's second moments about its own centre.

    The Frobenius norm of the difference of the two tensors (in one dimension the absolute
    difference of the two variances): it sees a wrong extent, shape and orientation. NaN where a
    density integrates to nothing.

    Parameters
    ----------
    length : float, optional
        Side of the box. Needed to stream; on whole arrays it may come with the context.
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Examples
    --------
    >>> SecondMomentError(length=4.0).over_set([[0.0, 1.0, 0.0]], [[1.0, 0.0, 1.0]])
    1.0
    """

    title = "Second-moment error"
    unit = "{length}^2"

    def __init__(
        self, length: float | None = None, name: str = "second-moment-error", dtype: Any = None
    ) -> None:
        super().__init__(length=length, name=name, dtype=dtype)

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the error of the moments of every system of a batch, shape (batch,)."""
        _, change = _tensor_changes(y_true, y_pred, self.name)
        return ops.sqrt(ops.sum(ops.square(change), axis=(1, 2))) * self._length() ** 2

    def block_values(self, reference: Array, prediction: Array, context: Context) -> Array:
        """Return the error of the moments of every system of a block, shape (m,)."""
        spreads = [_array_moments(density, self.name)[1] for density in (reference, prediction)]
        error = np.sqrt(np.square(spreads[1] - spreads[0]).sum(axis=(1, 2)))
        return np.asarray(error * np.square(self._length(context)))


def _array_moments(density: Array, name: str) -> tuple[Array, Array]:
    """Return centres (m, d) and second moments about them (m, d, d), for a box of side 1."""
    coordinates = unit_coordinates(density.shape, name)
    values = arrays.flat(density)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = values / values.sum(axis=1, keepdims=True)
        centre = weights @ coordinates
        raw = np.einsum("np,pa,pb->nab", weights, coordinates, coordinates, optimize=True)
        return centre, raw - centre[:, :, None] * centre[:, None, :]


def _tensor_changes(y_true: Any, y_pred: Any, name: str) -> tuple[Any, Any]:
    """Return the changes of the centres (batch, d) and of the second moments (batch, d, d).

    From integrals over the error, in which nothing cancels, rather than as differences of moments,
    which would lose the digits of a small change.
    """
    coordinates = unit_coordinates(tuple(y_true.shape), name).T
    exact, predicted = tensors.flat(y_true), tensors.flat(y_pred)
    error = predicted - exact
    dimensions = range(len(coordinates))
    axes = [ops.convert_to_tensor(axis[None, :], dtype=exact.dtype) for axis in coordinates]
    charge, charge_predicted = (pairwise_sum(density) for density in (exact, predicted))
    relative = [axis - (pairwise_sum(exact * axis) / charge)[:, None] for axis in axes]
    shift = [pairwise_sum(error * axis) / charge_predicted for axis in relative]

    def change(a: int, b: int) -> Any:
        product = relative[a] * relative[b]
        spread = pairwise_sum(exact * product) / charge
        moved = pairwise_sum(error * (product - spread[:, None])) / charge_predicted
        return moved - shift[a] * shift[b]

    rows = [ops.stack([change(a, b) for b in dimensions], axis=1) for a in dimensions]
    return ops.stack(shift, axis=1), ops.stack(rows, axis=1)
