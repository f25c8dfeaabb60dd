r"""Errors of the moments of a density: its charge, its centre and its extent.

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

from keras_qd.errors import DataError, UsageError
from keras_qd.metrics.base import FIELDS, Array, Context, FieldMetric, flat
from keras_qd.metrics.norms import NMAE


class MomentError(FieldMetric):
    """Base of the errors of a density's moments."""

    flattened = False
    suits = FIELDS

    def __init__(
        self, length: float | None = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if length is not None and not (np.isfinite(length) and length > 0):
            raise UsageError(f"length of {self.name} must be a positive number, got {length!r}")
        self.length = None if length is None else float(length)

    def values(self, xp: Any, y: Any, p: Any, length: Any = None) -> Any:
        """Return the error of every system in a box of the given or configured side."""
        grid = unit_grid(tuple(y.shape), self.name)
        length = self._side(None) if length is None else length
        return self.error(xp, flat(xp, y), flat(xp, p), grid, length)

    def error(self, xp: Any, y: Any, p: Any, grid: Array, length: Any) -> Any:
        """Return the error of densities (n, k) on `grid` (k, dimensions), times the side."""
        raise NotImplementedError

    def array_values(self, y: Array, p: Array, context: Context) -> Array:
        """Return the errors of a block, with the side of the box; see `FieldMetric`."""
        return np.asarray(self.values(np, y, p, self._side(context.length)))

    def get_config(self) -> dict[str, Any]:
        """Return the configuration, from which an equal metric can be made."""
        return {**super().get_config(), "length": self.length}

    def _side(self, given: Any) -> Any:
        """Return the side of the box: configured, or else the given one."""
        side = given if self.length is None else self.length
        if side is None:
            raise UsageError(
                f"{self.name} needs the side of the box: configure length=..., "
                "or pass context=Context(length=...)"
            )
        return side


@keras.saving.register_keras_serializable(package="keras_qd")
class ChargeError(MomentError):
    """Mean over systems of the absolute error of the number of electrons.

    Parameters
    ----------
    length : float, optional
        Side of the box. Needed in training; on whole arrays it may come with the context.
    name, dtype : str, optional
        See `FieldMetric`.

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.full((1, 4, 4), 2.0 / 100.0)
    >>> round(ChargeError(length=10.0).over_set(exact, 1.1 * exact), 6)
    0.2
    """

    default_name = "charge-error"
    title = "Charge error"
    unit = "electrons"
    physical = True
    conserved = True

    def error(self, xp: Any, y: Any, p: Any, grid: Array, length: Any) -> Any:
        """Return the error of the charge of every system, shape (n,); see `MomentError`."""
        points, dimensions = grid.shape
        cell = length**dimensions / (points if dimensions == 2 else points + 1)
        return xp.abs(xp.sum(p - y, axis=1)) * cell


@keras.saving.register_keras_serializable(package="keras_qd")
class MisplacedCharge(NMAE):
    r"""Mean over systems of the misplaced charge, :math:`\int |p - y| / N`, in percent.

    0 for an exact density; 200 where all of the charge is predicted where there is none. Half of it
    is the charge that would have to be moved. `NMAE` is the same as a fraction.

    Examples
    --------
    >>> MisplacedCharge().over_set([[1.0, 3.0]], [[2.0, 2.0]])
    50.0
    """

    default_name = "misplaced-charge"
    title = "Misplaced charge"
    unit = "%"
    headline = "{} of the charge is misplaced"
    physical = True
    suits = FIELDS

    def values(self, xp: Any, y: Any, p: Any) -> Any:
        """Return the misplaced share of every system in percent; see `FieldMetric`."""
        return 100.0 * super().values(xp, y, p)


@keras.saving.register_keras_serializable(package="keras_qd")
class CentreOfMassError(MomentError):
    """Mean over systems of the distance between the exact and the predicted centre of the density.

    NaN if a density integrates to zero.

    Parameters
    ----------
    length : float, optional
        Side of the box. Needed in training; on whole arrays it may come with the context.
    name, dtype : str, optional
        See `FieldMetric`.

    Examples
    --------
    >>> import numpy as np
    >>> exact, predicted = np.eye(4)[None, :1], np.eye(4)[None, 1:2]
    >>> CentreOfMassError(length=4.0).over_set(exact[:, 0], predicted[:, 0])
    0.8
    """

    default_name = "centre-of-mass-error"
    title = "Centre-of-mass error"
    unit = "{length}"

    def error(self, xp: Any, y: Any, p: Any, grid: Array, length: Any) -> Any:
        """Return the distance of the centres of every system, shape (n,); see `MomentError`."""
        shift, _ = _changes(xp, y, p, grid)
        return xp.sqrt(xp.sum(xp.square(shift), axis=1)) * length


@keras.saving.register_keras_serializable(package="keras_qd")
class SecondMomentError(MomentError):
    """Mean over systems of the error of the density's second moments about its own centre.

    The Frobenius norm of the difference of the two tensors (in one dimension the absolute
    difference of the two variances), which depends on extent, shape and orientation. NaN if a
    density integrates to zero.

    Parameters
    ----------
    length : float, optional
        Side of the box. Needed in training; on whole arrays it may come with the context.
    name, dtype : str, optional
        See `FieldMetric`.

    Examples
    --------
    >>> SecondMomentError(length=4.0).over_set([[0.0, 1.0, 0.0]], [[1.0, 0.0, 1.0]])
    1.0
    """

    default_name = "second-moment-error"
    title = "Second-moment error"
    unit = "{length}^2"

    def error(self, xp: Any, y: Any, p: Any, grid: Array, length: Any) -> Any:
        """Return the error of the moments of every system, shape (n,); see `MomentError`."""
        _, change = _changes(xp, y, p, grid)
        return xp.sqrt(xp.sum(xp.square(change), axis=(1, 2))) * length**2


def unit_grid(shape: tuple[int, ...], name: str) -> Array:
    """Return the coordinates (k, dimensions) of a density's values in a box of side 1 around 0."""
    # Images have their pixels' centres, x first; lines have the interior nodes of a grid whose end
    # points are the walls.
    sizes = shape[1:-1] if len(shape) > 2 and shape[-1] == 1 else shape[1:]
    if len(sizes) not in (1, 2):
        raise DataError(
            f"{name} needs densities, shape (n, points) or (n, height, width) with at most one "
            f"channel, got {shape}"
        )
    if len(sizes) == 1:
        return (np.arange(1, sizes[0] + 1) / (sizes[0] + 1) - 0.5)[:, None]
    y, x = ((np.arange(size) + 0.5) / size - 0.5 for size in sizes)
    rows, columns = np.meshgrid(y, x, indexing="ij")
    return np.stack([columns.ravel(), rows.ravel()], axis=1)


def _changes(xp: Any, y: Any, p: Any, grid: Array) -> tuple[Any, Any]:
    """Return the changes of the centres (n, d) and of the second moments (n, d, d)."""
    # As integrals over the error, in which nothing cancels: differences of moments would lose the
    # digits of a small change. Elementwise products, since accelerators multiply matrices in
    # reduced precision.
    grid = xp.array(grid, dtype=keras.backend.standardize_dtype(y.dtype))
    charge, predicted = (xp.sum(each, axis=1) for each in (y, p))
    charge, predicted = (xp.where(each == 0, float("nan"), each) for each in (charge, predicted))
    error, axes = p - y, [grid[:, index] for index in range(grid.shape[1])]
    relative = [axis - (xp.sum(y * axis, axis=1) / charge)[:, None] for axis in axes]
    shift = [xp.sum(error * each, axis=1) / predicted for each in relative]

    def change(a: int, b: int) -> Any:
        product = relative[a] * relative[b]
        spread = (xp.sum(y * product, axis=1) / charge)[:, None]
        return xp.sum(error * (product - spread), axis=1) / predicted - shift[a] * shift[b]

    pairs = [[change(a, b) for b in range(len(axes))] for a in range(len(axes))]
    return xp.stack(shift, axis=1), xp.stack([xp.stack(row, axis=1) for row in pairs], axis=1)
