"""Random smooth potentials: a Gaussian random field of finitely many cosines."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.box import Box
from keras_qd.physics.potentials.base import (
    Drawn,
    Family,
    Parameter,
    PotentialFamily,
    Setting,
    replace_checked,
)

#: Cosines whose relative amplitude would be below this are left out.
NEGLIGIBLE_AMPLITUDE = 1e-6
#: Points of the midpoint rule for means, exact for the fields here to rounding.
MEAN_POINTS = 128


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomFourierSettings(Family):
    """Settings of a Gaussian random field in one or two dimensions; see `RandomFourier`."""

    name: ClassVar[str] = "random-fourier"
    energies: ClassVar[tuple[str, ...]] = ("amplitude", "offset")
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "amplitude": (0.0, 1e3),
        "correlation_length": (0.04, 1.0),
        "offset": (-1e4, 1e4),
    }

    amplitude: Setting = 1.0
    correlation_length: Setting = 0.15
    offset: Setting = 0.0

    def __post_init__(self) -> None:
        replace_checked(self)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Amplitude, correlation length and mean."""
        return (
            Parameter("amplitude", self.amplitude),
            Parameter("correlation_length", self.correlation_length, is_length=True),
            Parameter("offset", self.offset),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomFourier(RandomFourierSettings, PotentialFamily):
    r"""Gaussian random field, a sum of cosines with random amplitudes [1]_.

    .. math::

        V(x, y) = c + \sigma (F - \bar F), \qquad
        F = \sum_{k, l} a_{kl} \frac{\cos(k \pi x / L) \cos(l \pi y / L)}{s(x) s(y)}

    The :math:`a_{kl}` are independent normal numbers whose variance falls as
    :math:`\exp(-(k^2 + l^2) \pi^2 \xi^2 / 2 L^2)`, so that well inside the box the correlation of
    F at two points at distance r is :math:`\exp(-r^2 / 2 \xi^2)`. Cosines alone would be wilder
    near the walls, where they all are +1 or -1; s(x), a smooth function near 1, gives F a standard
    deviation of exactly 1 everywhere. :math:`\bar F` is the mean of F over the box, so that the
    mean of V is exactly c. V meets the walls with zero slope and is band-limited for all practical
    purposes: by default its cosine coefficients are below 1e-6 from k = 32 on, half of what a grid
    of 64 pixels holds.

    Parameters
    ----------
    amplitude : float or pair of float
        Standard deviation :math:`\sigma` in Ha*, before the mean is taken away.
    correlation_length : float or pair of float
        :math:`\xi` as a fraction of the side of the box, from 0.04 to 1.
    offset : float or pair of float
        The mean c over the box, in Ha*. A constant moves the energies and no density.

    References
    ----------
    .. [1] M. Shinozuka and G. Deodatis, "Simulation of stochastic processes by spectral
       representation", Appl. Mech. Rev. 44, 191 (1991), https://doi.org/10.1115/1.3119501

    Examples
    --------
    >>> from keras_qd.physics import Box, sample_generator
    >>> family = RandomFourier(amplitude=0.5, offset=2.0)
    >>> values, drawn = family.sample(sample_generator(seed=0, index=0), Box(10.0), 32)
    >>> round(float(values.mean()), 6)  # the offset
    2.0
    """

    def draw(self, generator: np.random.Generator) -> Drawn:
        """Draw the parameters of one sample; see `PotentialFamily.draw`."""
        drawn = super().draw(generator)
        n_cosines = count_cosines(drawn["correlation_length"])
        return drawn | {"coefficients": generator.standard_normal((n_cosines, n_cosines))}

    def values(self, drawn: Mapping[str, Any], box: Box, n_pixels: int) -> NDArray[np.float64]:
        """Return the potential of given parameters; see `PotentialFamily.values`."""
        field = random_field(drawn["coefficients"], drawn["correlation_length"], n_pixels)
        return np.asarray(drawn["offset"] + drawn["amplitude"] * field)


def random_field(
    coefficients: NDArray[np.float64], correlation_length: float, n_pixels: int
) -> NDArray[np.float64]:
    """Field of unit deviation less its mean, from normal coefficients of shape (k, k)."""
    functions, means = field_functions(correlation_length, n_pixels, len(coefficients))
    field: NDArray[np.float64] = functions.T @ coefficients @ functions
    return field - means @ coefficients @ means


def count_cosines(correlation_length: float) -> int:
    """Count the cosines a direction whose amplitude is not negligible."""
    scale = 0.5 * math.pi * correlation_length
    return 1 + math.ceil(math.sqrt(-math.log(NEGLIGIBLE_AMPLITUDE)) / scale)


@functools.lru_cache(maxsize=32)
def field_functions(
    correlation_length: float, n_pixels: int, n_cosines: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scaled cosines at the cell centres, shape (n_cosines, n_pixels), and their means."""
    functions = scaled_cosines(correlation_length, _centres(n_pixels), n_cosines)
    means = scaled_cosines(correlation_length, _centres(MEAN_POINTS), n_cosines).mean(axis=1)
    for table in (functions, means):
        table.flags.writeable = False  # the cached arrays are shared
    return functions, means


def scaled_cosines(
    correlation_length: float, fractions: NDArray[np.float64], n_cosines: int
) -> NDArray[np.float64]:
    """Cosines with a Gaussian spectrum whose squares sum to 1 at every point, (n_cosines, m)."""
    scale = 0.5 * math.pi * correlation_length
    orders = np.arange(n_cosines)
    amplitudes = np.exp(-((scale * orders) ** 2)) * np.where(orders > 0, math.sqrt(2.0), 1.0)
    cosines = amplitudes[:, None] * np.cos(math.pi * np.outer(orders, fractions))
    scaled: NDArray[np.float64] = cosines / np.sqrt(np.sum(cosines**2, axis=0))
    return scaled


def _centres(n_pixels: int) -> NDArray[np.float64]:
    return (np.arange(n_pixels) + 0.5) / n_pixels
