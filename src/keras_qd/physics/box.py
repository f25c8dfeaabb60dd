"""The square box with hard walls, its pixel grid, and the check of fields on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_qd._checks import real, setting
from keras_qd.errors import DataError, UsageError

Array = NDArray[np.float64]

#: Least and largest length in a0*, far beyond any device: its squares and inverses are numbers.
LENGTHS = (1e-6, 1e6)


@dataclass(frozen=True)
class Box:
    """Square box with hard walls.

    The grid is the same everywhere: ``n`` x ``n`` pixels whose centres are ``(i + 1/2) length /
    n``, x along the last axis and y along the first.

    Parameters
    ----------
    length : float
        Side of the box, in effective Bohr radii a0*.

    Raises
    ------
    UsageError
        If the length is not a number from 1e-6 to 1e6.

    Examples
    --------
    >>> box = Box(10.0)
    >>> x, y = box.mesh(64)
    >>> x.shape, float(x[0, 0]), float(x[0, -1])
    ((64, 64), 0.078125, 9.921875)
    """

    length: float

    def __post_init__(self) -> None:
        setting("the box length", self.length, real(*LENGTHS))

    def centres(self, n_pixels: int) -> NDArray[np.float64]:
        """Pixel centres along one direction.

        Parameters
        ----------
        n_pixels : int
            Number of pixels along the side.

        Returns
        -------
        ndarray, shape (n_pixels,)
            Coordinates, in a0*.
        """
        if n_pixels < 1:
            raise UsageError(f"n_pixels must be at least 1, got {n_pixels!r}")
        return np.asarray((np.arange(n_pixels) + 0.5) * (self.length / n_pixels))

    def mesh(self, n_pixels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coordinates of all pixel centres.

        Parameters
        ----------
        n_pixels : int
            Number of pixels along the side.

        Returns
        -------
        x : ndarray, shape (n_pixels, n_pixels)
            Varies along the last axis, in a0*.
        y : ndarray, shape (n_pixels, n_pixels)
            Varies along the first axis, in a0*.
        """
        centres = self.centres(n_pixels)
        x, y = np.meshgrid(centres, centres, indexing="xy")
        return x, y

    def pixel_area(self, n_pixels: int) -> float:
        """Area of a pixel; ``sum(density) * pixel_area`` is the number of electrons.

        Parameters
        ----------
        n_pixels : int
            Number of pixels along the side.

        Returns
        -------
        float
            In a0*^2.
        """
        return (self.length / n_pixels) ** 2


#: Smallest number of pixels a side.
FEWEST_PIXELS = 8


def check_field(field: Array, what: str, *, several: str, not_finite: str) -> Array:
    """Return a field as float64, or raise `DataError` unless it is a square finite real array."""
    if np.iscomplexobj(field):
        raise DataError(f"a {what} must be an array of real numbers, these are complex")
    try:
        field = np.asarray(field, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"a {what} must be an array of real numbers: {error}") from error
    if field.ndim != 2 or len(set(field.shape)) != 1 or len(field) < FEWEST_PIXELS:
        raise DataError(
            f"a {what} must be a square array of at least {FEWEST_PIXELS} x {FEWEST_PIXELS} "
            f"pixels, got shape {field.shape}; {several}"
        )
    n_bad = np.count_nonzero(~np.isfinite(field))
    if n_bad:
        raise DataError(f"the {what} has {n_bad} values that are not finite; {not_finite}")
    return field
