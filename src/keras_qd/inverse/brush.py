"""Painting densities on a grid: strokes along lines, pictures, and another grid."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import DataError, UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.sine_basis import cosine_matrix

Array = NDArray[np.float64]

#: Full width at half maximum of sech^4(x / w), in units of w.
_FULL_WIDTH = 2 * math.acosh(2**0.25)
#: Smallest width of a stroke in pixels.
_FEWEST_PIXELS = 2.5
#: Mirror images on either side, two per box: further ones are below rounding.
_IMAGES = range(-2, 3)
_EVENING_STEPS = 8


#: Largest spacing of the points on a line, as a share of the width of the brush.
_SPACING = 0.25


def density_of_picture(
    grey: ArrayLike, box: Box, n_pixels: int, n_electrons: float, width: float = 0.08
) -> Array:
    """Return the density of a picture: the brighter, the denser.

    Parameters
    ----------
    grey : array_like, shape (ny, nx)
        Levels of grey from the top row downwards, as in image files; not negative. A picture that
        is not square gets dark margins.
    box : Box
        The box.
    n_pixels : int
        Pixels a side of the density.
    n_electrons : float
        Integral of the density.
    width : float, default 0.08
        Full width at half maximum of the spot that a single bright pixel becomes, as a fraction of
        the side. Finer details are blurred: they would need an extreme potential.

    Returns
    -------
    ndarray, shape (n_pixels, n_pixels)
        In 1/a0*^2; positive, smooth, and vanishing at the walls.

    Raises
    ------
    DataError
        If it is not a picture, or dark all over.
    UsageError
        If the width is less than 2.5 pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from keras_qd.physics import Box
    >>> box = Box(10.0)
    >>> density = density_of_picture(np.eye(8), box, 32, n_electrons=2)
    >>> round(float(density.sum() * box.pixel_area(32)), 9)
    2.0
    """
    grey = np.asarray(grey, dtype=np.float64)
    if grey.ndim != 2 or not np.isfinite(grey).all() or (grey < 0).any():
        raise DataError(
            f"a picture must be levels of grey (ny, nx), finite and not negative; got shape "
            f"{grey.shape}"
        )
    if not grey.any():
        raise DataError("the picture is dark all over; give one with bright pixels")
    pixels = _squared(grey[::-1])
    average = _averaging(len(pixels), n_pixels)
    amplitude = paint_grey(average @ pixels @ average.T, box, width)
    return np.asarray(n_electrons * amplitude**2)


def resampled(field: Array, n_pixels: int) -> Array:
    """Bring a smooth field that meets the walls with zero slope to another grid; keep its mean."""
    n_before = len(field)
    if n_before == n_pixels:
        return field
    n_max = min(n_before, n_pixels) - 1
    series = cosine_matrix(n_max, n_before) * (2 / n_before)
    series[:, 0] /= 2
    change = cosine_matrix(n_max, n_pixels) @ series.T
    return np.asarray(change @ field @ change.T)


def paint(points: Array, box: Box, n_pixels: int, width: float) -> Array:
    """Amplitude of an evenly bright line of points (m, 2), whose square integrates to 1."""
    check_width(width, n_pixels)
    centres = (np.arange(n_pixels) + 0.5) / n_pixels
    along_x, along_y = (brush(points[:, axis], centres, width) for axis in (0, 1))
    amplitude = (along_y * _evening_weights(points, width)[:, None]).T @ along_x
    return normalised_amplitude(amplitude, box)


def paint_grey(grey: Array, box: Box, width: float) -> Array:
    """Amplitude of levels of grey on the grid, y first, whose square integrates to 1."""
    n_pixels = len(grey)
    check_width(width, n_pixels)
    centres = (np.arange(n_pixels) + 0.5) / n_pixels
    strokes = brush(centres, centres, width)
    return normalised_amplitude(strokes.T @ np.sqrt(grey) @ strokes, box)


def brush(positions: Array, points: Array, width: float) -> Array:
    """Strokes at positions (m,) along one direction, with mirror images, on points (n,): (m, n)."""
    scale = _FULL_WIDTH / width
    positions, points = scale * positions[:, None], scale * points
    strokes = np.zeros((len(positions), points.size))
    for shift in (2 * scale * image for image in _IMAGES):
        strokes += _stroke(points - positions - shift) - _stroke(points + positions - shift)
    return strokes


def _stroke(distance: Array) -> Array:
    return np.asarray(np.cosh(distance) ** -2.0)


def check_width(width: float, n_pixels: int) -> None:
    """Raise `UsageError` where strokes are too thin for the grid."""
    if width * n_pixels < _FEWEST_PIXELS:
        raise UsageError(
            f"lines of width {width:g} of the side cover {width * n_pixels:.2g} of {n_pixels} "
            f"pixels; use a width of at least {_FEWEST_PIXELS / n_pixels:.2g}, or more pixels"
        )


def normalised_amplitude(amplitude: Array, box: Box) -> Array:
    """Return an amplitude whose square integrates to 1."""
    return amplitude / math.sqrt(np.sum(amplitude**2) * box.pixel_area(len(amplitude)))


def _evening_weights(points: Array, width: float) -> Array:
    """Weights that make corners, crossings and ends about as bright as the rest of a line."""
    x, y = points.T
    strokes = brush(x, x, width) * brush(y, y, width)
    weights = np.ones(len(points))
    for _ in range(_EVENING_STEPS):
        brightness = weights @ strokes
        weights *= np.sqrt(brightness.mean() / brightness)
    return weights


def line(corners: Array, width: float) -> Array:
    """Points along a line through corners (k, 2), dense enough for a brush of this width."""
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    n_points = 1 + math.ceil(lengths[-1] / (_SPACING * width))
    positions = np.linspace(0, lengths[-1], n_points)
    return np.stack([np.interp(positions, lengths, column) for column in corners.T], axis=1)


def turned(points: Array, angle: float) -> Array:
    """Rotate points about the centre of the box, whose side is 1."""
    rotation = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return np.asarray(0.5 + (points - 0.5) @ rotation)


def _squared(grey: Array) -> Array:
    """Add dark margins until both sides are equal."""
    margins = [(max(grey.shape) - side) / 2 for side in grey.shape]
    return np.pad(grey, [(int(margin), int(margin + 0.5)) for margin in margins])


def _averaging(n_before: int, n_after: int) -> Array:
    """Means over the overlap of each new pixel with the old ones, shape (n_after, n_before)."""
    old, new = (np.arange(n + 1) / n for n in (n_before, n_after))
    overlap = np.minimum(new[1:, None], old[1:]) - np.maximum(new[:-1, None], old[:-1])
    return np.asarray(np.maximum(overlap, 0.0) * n_after)
