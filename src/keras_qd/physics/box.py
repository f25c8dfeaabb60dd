"""The square box with hard walls, and its pixels: checks of fields, blurring, errors of pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_qd._checks import real, setting
from keras_qd.errors import DataError, PhysicsError, UsageError

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
        setting("length", self.length, real(*LENGTHS), "the box")

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


#: Most that the energy may depend on what lies between pixels, as a share of its height above the
#: lowest pixel.
_MOST_RINGING = 0.1


def check_blur(smooth: float, box: Box) -> None:
    """Raise `UsageError` unless a potential can be blurred over this length in a0*."""
    if not (math.isfinite(smooth) and 0.0 <= smooth <= box.length / 4):
        raise UsageError(
            f"smooth is a length in a0* from 0 to a quarter of the box, {box.length / 4:g}, "
            f"got {smooth!r}"
        )


def blurred(potential: Array, box: Box, smooth: float) -> Array:
    """Convolve a potential, mirrored at the walls, with a Gaussian of this standard deviation."""
    if smooth == 0.0:
        return potential
    waves = np.arange(len(potential)) * (np.pi / box.length)
    factors = np.exp(-0.5 * (waves * smooth) ** 2)
    return _filtered(potential, factors)


def pixel_error(potential: Array, density: Array, box: Box) -> float:
    """First-order change of the energy in Ha* if every pixel were constant over its cell."""
    n = len(density)
    # The mean of a cosine of k half waves over a pixel is its value at the centre times this.
    factors = np.sinc(np.arange(n) / (2 * n))
    change = (potential * (_filtered(density, factors) - density)).sum()
    return float(change * box.pixel_area(n))


def refuse_ringing(potential: Array, density: Array, energy: float, box: Box) -> None:
    """Raise `PhysicsError` where one electron is bound by what rings between the pixels."""
    change = pixel_error(potential, density, box)
    if abs(change) <= _MOST_RINGING * abs(energy + change - potential.min()):
        return
    pixel = box.length / len(potential)
    raise PhysicsError(
        f"edges of {np.ptp(potential):.3g} Ha* are too high for pixels of {pixel:.3g} a0*: what "
        f"lies between the pixels changes the energy of one electron by {abs(change):.1g} Ha*; "
        f"lower the barriers to about {potential.min() + 1 / pixel**2:.2g} Ha*, which keep "
        f"electrons out as well, draw more pixels, or blur the edges with smooth={2 * pixel:.2g} "
        "(in a0*)"
    )


def _filtered(field: Array, factors: Array) -> Array:
    """Multiply the cosine coefficients of a field along both directions."""
    from scipy.fft import dctn, idctn

    return np.asarray(idctn(dctn(field) * np.outer(factors, factors)))
