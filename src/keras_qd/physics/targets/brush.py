r"""The brush that densities are drawn with: a moderate potential can hold what it draws.

The amplitude :math:`\varphi`, whose square is the density, is a sum of strokes

.. math:: \operatorname{sech}^2 \frac{x - x_i}{w} \operatorname{sech}^2 \frac{y - y_i}{w}

with positive weights, and with mirror images of alternating sign that make it vanish at the walls
as a ground state does. One electron has the density :math:`\varphi^2` in the potential
:math:`\nabla^2 \varphi / 2 \varphi` [1]_. That of a single stroke lies between :math:`-2 / w^2` and
:math:`4 / w^2`, for it is :math:`(2 - 3 \operatorname{sech}^2 u) / w^2` along either side: the well
of Poeschl and Teller, whose ground state it is [2]_. That of a sum, derived here, is the mean of
theirs with the positive weights :math:`\varphi_i / \varphi`, as :math:`\nabla^2 \varphi = \sum_i
\varphi_i\, (\nabla^2 \varphi_i / \varphi_i)`: whatever is drawn, the potential stays within these
bounds for one electron, and it is as smooth as a stroke. Only where a
stroke touches a wall, its mirror image takes it lower, down to :math:`-8 / w^2` at most. A Gaussian
brush, whose tails ask for a parabola without end, has no such bound.

References
----------
.. [1] M. Levy, J. P. Perdew and V. Sahni, "Exact differential equation for the density and
   ionization energy of a many-particle system", Phys. Rev. A 30, 2745 (1984),
   https://doi.org/10.1103/PhysRevA.30.2745
.. [2] G. Poeschl and E. Teller, "Bemerkungen zur Quantenmechanik des anharmonischen Oszillators",
   Z. Phys. 83, 143 (1933), https://doi.org/10.1007/BF01331132
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.physics.box import Box

Array = NDArray[np.float64]

#: Full width at half maximum of sech^4(x / w), in units of w.
_FULL_WIDTH = 2 * math.acosh(2**0.25)
#: Narrower strokes are lost between the pixels.
_FEWEST_PIXELS = 2.5
#: Mirror images on either side, two a box: further ones are below round-off.
_IMAGES = range(-2, 3)
_EVENING_STEPS = 8


def paint(points: Array, box: Box, n_pixels: int, width: float) -> Array:
    """Draw a line of points, as bright in one place as in another.

    Parameters
    ----------
    points : ndarray, shape (m, 2)
        x and y of each point as fractions of the side of the box, within it.
    box : Box
        The box.
    n_pixels : int
        Pixels a side.
    width : float
        Full width at half maximum of the density across a line, as a fraction of the side.

    Returns
    -------
    ndarray, shape (n_pixels, n_pixels)
        The amplitude, positive; its square integrates to 1.

    Raises
    ------
    UsageError
        If the width is less than 2.5 pixels.
    """
    check_width(width, n_pixels)
    centres = (np.arange(n_pixels) + 0.5) / n_pixels
    along_x, along_y = (brush(points[:, axis], centres, width) for axis in (0, 1))
    amplitude = (along_y * _evening_weights(points, width)[:, None]).T @ along_x
    return normalised_amplitude(amplitude, box)


def paint_grey(grey: Array, box: Box, width: float) -> Array:
    """Draw a picture: a point at each pixel.

    Parameters
    ----------
    grey : ndarray, shape (n_pixels, n_pixels)
        How much density there shall be, in any unit and not negative; y first, upwards.
    box, width
        As for `paint`.

    Returns
    -------
    ndarray, shape (n_pixels, n_pixels)
        As for `paint`.

    Raises
    ------
    UsageError
        If the width is less than 2.5 pixels.
    """
    n_pixels = len(grey)
    check_width(width, n_pixels)
    centres = (np.arange(n_pixels) + 0.5) / n_pixels
    strokes = brush(centres, centres, width)
    return normalised_amplitude(strokes.T @ np.sqrt(grey) @ strokes, box)


def brush(places: Array, points: Array, width: float) -> Array:
    """Strokes along one direction, with their mirror images; all lengths in units of the side.

    Parameters
    ----------
    places : ndarray, shape (m,)
        Where the strokes are.
    points : ndarray, shape (n,)
        Where they are looked at.
    width : float
        Full width at half maximum of their squares.

    Returns
    -------
    ndarray, shape (m, n)
        Positive within the box, and 0 at its walls.

    Examples
    --------
    >>> brush(np.array([0.5]), np.array([0.4, 0.45, 0.5, 0.55]), 0.1).round(3)
    array([[0.299, 0.707, 1.   , 0.707]])
    """
    scale = _FULL_WIDTH / width
    places, points = scale * places[:, None], scale * points
    strokes = np.zeros((len(places), points.size))
    for shift in (2 * scale * image for image in _IMAGES):
        strokes += _stroke(points - places - shift) - _stroke(points + places - shift)
    return strokes


def _stroke(distance: Array) -> Array:
    return np.asarray(np.cosh(distance) ** -2.0)


def check_width(width: float, n_pixels: int) -> None:
    """Raise `UsageError` where strokes are too thin for the grid."""
    if width * n_pixels < _FEWEST_PIXELS:
        raise UsageError(
            f"lines of width {width:g} of the side cover {width * n_pixels:.2g} of {n_pixels} "
            f"pixels; use a width from {_FEWEST_PIXELS / n_pixels:.2g} on, or more pixels"
        )


def normalised_amplitude(amplitude: Array, box: Box) -> Array:
    """Return an amplitude whose square integrates to 1."""
    return amplitude / math.sqrt(np.sum(amplitude**2) * box.pixel_area(len(amplitude)))


def _evening_weights(points: Array, width: float) -> Array:
    """Weights with which corners, crossings and ends are about as bright as what is between."""
    x, y = points.T
    strokes = brush(x, x, width) * brush(y, y, width)
    weights = np.ones(len(points))
    for _ in range(_EVENING_STEPS):
        brightness = weights @ strokes
        weights *= np.sqrt(brightness.mean() / brightness)
    return weights
