"""Densities from what is given: brought to another grid, or painted from a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import DataError
from keras_qd.physics.box import Box
from keras_qd.physics.sine_basis import cosine_matrix
from keras_qd.physics.targets.brush import paint_grey

Array = NDArray[np.float64]


def resampled(field: Array, n_pixels: int) -> Array:
    """Bring a smooth field to another grid of pixel centres, by its cosine series.

    Parameters
    ----------
    field : ndarray, shape (n, n)
        Meets the walls with zero slope, as every density does.
    n_pixels : int
        Pixels a side of the new grid.

    Returns
    -------
    ndarray, shape (n_pixels, n_pixels)
        The cosines that both grids hold; the mean stays what it was.

    Examples
    --------
    >>> coarse = np.outer(1 + np.hanning(8), np.ones(8))
    >>> there_and_back = resampled(resampled(coarse, 32), 8)
    >>> bool(np.allclose(there_and_back, coarse))
    True
    """
    n_before = len(field)
    if n_before == n_pixels:
        return field
    n_max = min(n_before, n_pixels) - 1
    series = cosine_matrix(n_max, n_before) * (2 / n_before)
    series[:, 0] /= 2
    change = cosine_matrix(n_max, n_pixels) @ series.T
    return np.asarray(change @ field @ change.T)


def density_of_picture(
    grey: ArrayLike, box: Box, n_pixels: int, n_electrons: float, width: float = 0.08
) -> Array:
    """Paint a picture as a density: the brighter, the denser.

    Parameters
    ----------
    grey : array_like, shape (ny, nx)
        Levels of grey from the top row downwards, as in image files; not negative. What is not
        square gets dark margins.
    box : Box
        The box.
    n_pixels : int
        Pixels a side of the density.
    n_electrons : float
        What it integrates to.
    width : float, default 0.08
        Full width at half maximum of what a single bright pixel becomes, as a fraction of the side:
        what is finer is blurred, since no moderate potential can hold it.

    Returns
    -------
    ndarray, shape (n_pixels, n_pixels)
        In 1/a0*^2; positive, smooth, and vanishing at the walls.

    Raises
    ------
    DataError
        If it is no picture, or dark all over.
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
            f"a picture must be levels of grey (ny, nx), finite and not negative; its shape is "
            f"{grey.shape}"
        )
    if not grey.any():
        raise DataError("the picture is dark all over: there is nothing to draw")
    pixels = _squared(grey[::-1])
    average = _averaging(len(pixels), n_pixels)
    amplitude = paint_grey(average @ pixels @ average.T, box, width)
    return np.asarray(n_electrons * amplitude**2)


def _squared(grey: Array) -> Array:
    """Add dark margins until both sides are equal."""
    margins = [(max(grey.shape) - side) / 2 for side in grey.shape]
    return np.pad(grey, [(int(margin), int(margin + 0.5)) for margin in margins])


def _averaging(n_before: int, n_after: int) -> Array:
    """Means over the part of each old pixel that a new one covers, shape (n_after, n_before)."""
    old, new = (np.arange(n + 1) / n for n in (n_before, n_after))
    overlap = np.minimum(new[1:, None], old[1:]) - np.maximum(new[:-1, None], old[:-1])
    return np.asarray(np.maximum(overlap, 0.0) * n_after)
