"""Potentials as pixels: blurring them, and what it matters that pixels have a size."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from keras_qd.errors import PhysicsError, UsageError
from keras_qd.physics.box import Box

Array = NDArray[np.float64]

#: Most that the energy may depend on what lies between pixels, as a share of its height above the
#: lowest pixel.
_MOST_RINGING = 0.1


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
    return np.asarray(idctn(dctn(field) * np.outer(factors, factors)))
