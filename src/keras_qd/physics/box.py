"""The square box with hard walls that holds every two-dimensional dot."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError


@dataclass(frozen=True)
class Box:
    """Square box with hard walls, the same in both directions.

    The grid is the same everywhere: ``n`` x ``n`` pixels whose centres are ``(i + 1/2) length /
    n``, x along the last axis and y along the first.

    Parameters
    ----------
    length : float
        Side of the box, in effective Bohr radii a0*.

    Raises
    ------
    UsageError
        If the length is not a positive finite number.

    Examples
    --------
    >>> box = Box(10.0)
    >>> x, y = box.mesh(64)
    >>> x.shape, float(x[0, 0]), float(x[0, -1])
    ((64, 64), 0.078125, 9.921875)
    """

    length: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.length) and self.length > 0):
            raise UsageError(f"the box length must be positive and finite, got {self.length!r}")

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
            raise UsageError(f"a grid needs at least one pixel a side, got {n_pixels!r}")
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
        """Area of one pixel, in a0*^2: ``sum(density) * pixel_area`` is the number of electrons.

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
