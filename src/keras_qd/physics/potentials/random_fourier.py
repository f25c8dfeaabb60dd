"""Random smooth potentials: a Gaussian random field of finitely many cosines."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import numpy as np

from keras_qd.physics.box import Box
from keras_qd.physics.potentials.family import (
    Drawn,
    PotentialFamily,
    Setting,
    draw_uniform,
    replace_checked,
)

#: Cosines whose relative amplitude would be below this are left out.
NEGLIGIBLE_AMPLITUDE = 1e-6


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomFourier(PotentialFamily):
    r"""Gaussian random field.

    .. math:: V(x, y) = c + \sum_{k, l} a_{kl} \cos(k \pi x / L) \cos(l \pi y / L)

    The :math:`a_{kl}` are independent normal numbers whose variance falls as
    :math:`\exp(-(k^2 + l^2) \pi^2 \xi^2 / 2 L^2)`, so that well inside the box the covariance of
    two points at distance r is ``amplitude**2 * exp(-r**2 / (2 xi**2))``. Cosines meet the walls
    with zero slope: the standard deviation rises to twice the amplitude in the corners, where no
    electron is. The sum ends where amplitudes fall below 1e-6, at k = 16 for the default
    correlation length: an exactly band-limited function, known completely from its values on any
    grid of more than 16 pixels a side. The field has no cosine with k = l = 0, so its mean over
    the box is exactly c.

    Parameters
    ----------
    amplitude : float or pair of float
        Standard deviation in the inside of the box, in Ha*.
    correlation_length : float or pair of float
        :math:`\xi` as a fraction of the side of the box, from 0.04 to 1.
    offset : float or pair of float
        The mean c over the box, in Ha*. A constant moves the energies and no density.
    """

    name: ClassVar[str] = "random-fourier"

    amplitude: Setting = 1.0
    correlation_length: Setting = 0.15
    offset: Setting = 0.0

    def __post_init__(self) -> None:
        replace_checked(
            self, amplitude=(0.0, 1e3), correlation_length=(0.04, 1.0), offset=(-1e4, 1e4)
        )

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Amplitude (Ha*), correlation length (a0*) and mean (Ha*)."""
        return ("amplitude", "correlation_length", "offset")

    def sample(
        self, generator: np.random.Generator, box: Box, n_pixels: int
    ) -> tuple[np.ndarray, Drawn]:
        """Draw one potential; see `PotentialFamily.sample`."""
        amplitude = draw_uniform(generator, self.amplitude)
        correlation_length = draw_uniform(generator, self.correlation_length)
        offset = draw_uniform(generator, self.offset)
        field = sample_field(generator, correlation_length, n_pixels)
        parameters = {
            "amplitude": amplitude,
            "correlation_length": correlation_length * box.length,
            "offset": offset,
        }
        return offset + amplitude * field, parameters


def sample_field(
    generator: np.random.Generator, correlation_length: float, n_pixels: int
) -> np.ndarray:
    """Gaussian random field of unit standard deviation and zero mean on the cell centres.

    Parameters
    ----------
    generator : numpy.random.Generator
        Source of the coefficients.
    correlation_length : float
        As a fraction of the side of the box.
    n_pixels : int
        Pixels a side.

    Returns
    -------
    ndarray, shape (n_pixels, n_pixels)
        The field; see `RandomFourier` for the formula.
    """
    profile = cosine_amplitudes(correlation_length)
    coefficients = generator.standard_normal((len(profile), len(profile)))
    coefficients *= np.outer(profile, profile)
    coefficients[0, 0] = 0.0
    cosines = cosine_table(len(profile), n_pixels)
    return cosines.T @ coefficients @ cosines


def cosine_amplitudes(correlation_length: float) -> np.ndarray:
    """Standard deviations of the cosine coefficients along one direction.

    Their variances, counting the mean square 1/2 of every cosine but the first, add up to one.

    Parameters
    ----------
    correlation_length : float
        As a fraction of the side of the box.

    Returns
    -------
    ndarray, shape (n_cosines,)
        Standard deviation of the coefficient of cos(k pi x / L).
    """
    scale = 0.5 * math.pi * correlation_length
    n_cosines = 1 + math.ceil(math.sqrt(-math.log(NEGLIGIBLE_AMPLITUDE)) / scale)
    profile = np.exp(-((scale * np.arange(n_cosines)) ** 2))
    profile[1:] *= math.sqrt(2.0)
    mean_square = profile[0] ** 2 + 0.5 * np.sum(profile[1:] ** 2)
    return profile / math.sqrt(mean_square)


def cosine_table(n_cosines: int, n_pixels: int) -> np.ndarray:
    """cos(k pi x_i / L) at the cell centres, shape (n_cosines, n_pixels)."""
    fractions = (np.arange(n_pixels) + 0.5) / n_pixels
    return np.cos(math.pi * np.outer(np.arange(n_cosines), fractions))
