"""The density that is wanted, checked and normalised."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import DataError
from keras_qd.physics.box import Box
from keras_qd.physics.fields import check_field

Array = NDArray[np.float64]

#: Largest relative error of the number of electrons in a target, which is then scaled to it.
CHARGE_TOLERANCE = 0.02

#: Negative values up to this share of the largest value count as zero: rounding and noise.
NEGATIVE_TOLERANCE = 0.05


def check_wanted(density: Array, box: Box, n_electrons: int) -> Array:
    """Return a target as float64, without negative values and normalised.

    Parameters
    ----------
    density : ndarray, shape (n_pixels, n_pixels)
        Density at the pixel centres, in 1/a0*^2.
    box : Box
        The box.
    n_electrons : int
        Number of electrons.

    Returns
    -------
    ndarray, shape (n_pixels, n_pixels)

    Raises
    ------
    DataError
        If it is not square, has values that are not finite or clearly negative, or holds another
        number of electrons.
    """
    density = check_field(
        density, "density", several="use invert_many for several", not_finite="replace them"
    )
    lowest, highest = density.min(), density.max()
    if lowest < -NEGATIVE_TOLERANCE * highest or highest <= 0:
        raise DataError(
            f"a density must not be negative, nor zero everywhere, got values from {lowest:.3g} "
            f"to {highest:.3g}; "
            f"up to {NEGATIVE_TOLERANCE:.0%} of the largest value below zero pass as noise"
        )
    return _normalised(np.maximum(density, 0.0), box, n_electrons)


def _normalised(density: Array, box: Box, n_electrons: int) -> Array:
    charge = float(density.sum()) * box.pixel_area(density.shape[0])
    if abs(charge - n_electrons) > CHARGE_TOLERANCE * n_electrons:
        raise DataError(
            f"the density holds {charge:.4g} electrons and {n_electrons} are wanted; multiply it "
            f"by {n_electrons / charge:.6g}, or check the box length and that it is in 1/a0*^2"
        )
    return density * (n_electrons / charge)
