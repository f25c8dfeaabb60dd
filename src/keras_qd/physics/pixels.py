"""Potentials as pixels: blurring them, and what it matters that pixels have a size."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from keras_qd.errors import UsageError
from keras_qd.physics.box import Box

Array = NDArray[np.float64]


def check_length(smooth: float, box: Box) -> None:
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


def _filtered(field: Array, factors: Array) -> Array:
    """Multiply the cosine coefficients of a field along both directions."""
    return np.asarray(idctn(dctn(field) * np.outer(factors, factors)))
