"""Parabolic dots, elliptic and displaced, with a random field for the disorder."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.box import Box
from keras_qd.physics.potentials.base import (
    Drawn,
    Parameter,
    PotentialFamily,
    Setting,
    bounds,
    draw_uniform,
    replace_checked,
    rotated_frame,
)
from keras_qd.physics.potentials.random_fourier import count_cosines, random_field


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parabolic(PotentialFamily):
    r"""Elliptic parabola plus a Gaussian random field.

    .. math:: V = \tfrac12 \omega^2 (q\, u^2 + v^2 / q) + \sigma f(x, y)

    u and v are measured from the displaced centre along axes at an angle, and f is the
    random field of `RandomFourier` with unit standard deviation. The product of the two
    frequencies is :math:`\omega^2` whatever their ratio q.

    Parameters
    ----------
    omega : float or pair of float
        :math:`\omega` in Ha*.
    ratio : float or pair of float
        Ratio q of the two frequencies.
    angle : float or pair of float
        Angle between the stiff axis u and the x axis, in radians.
    shift : float or pair of float
        Displacement of the centre from that of the box along x and along y, both drawn from
        here, as a fraction of the side of the box.
    disorder : float or pair of float
        Standard deviation :math:`\sigma` of the random field in Ha*.
    correlation_length : float or pair of float
        Correlation length of the random field as a fraction of the side of the box.

    References
    ----------
    .. [1] S. M. Reimann and M. Manninen, "Electronic structure of quantum dots", Rev. Mod. Phys.
       74, 1283 (2002), https://doi.org/10.1103/RevModPhys.74.1283

    Examples
    --------
    >>> from keras_qd.physics import Box, sample_generator
    >>> family = Parabolic(omega=(0.5, 1.0), disorder=0.0)
    >>> values, drawn = family.sample(sample_generator(seed=0, index=0), Box(10.0), 32)
    >>> 0.5 <= drawn["omega"] <= 1.0, bool(values.min() >= 0)
    (True, True)
    """

    name: ClassVar[str] = "parabolic"
    energies: ClassVar[tuple[str, ...]] = ("omega", "disorder")
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "omega": (0.0, 1e3),
        "ratio": (0.05, 20.0),
        "angle": (-10.0, 10.0),
        "shift": (-0.5, 0.5),
        "disorder": (0.0, 1e3),
        "correlation_length": (0.04, 1.0),
    }

    omega: Setting = (0.3, 1.0)
    ratio: Setting = (1.0, 1.5)
    angle: Setting = (0.0, math.pi)
    shift: Setting = (-0.05, 0.05)
    disorder: Setting = (0.0, 0.4)
    correlation_length: Setting = 0.15

    def __post_init__(self) -> None:
        replace_checked(self)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Frequency, ratio, angle, centre, and deviation and correlation length of the disorder."""
        low, high = bounds(self.shift)
        centre = (0.5 + low, 0.5 + high)
        return (
            Parameter("omega", self.omega),
            Parameter("ratio", self.ratio),
            Parameter("angle", self.angle),
            Parameter("x", centre, is_length=True),
            Parameter("y", centre, is_length=True),
            Parameter("disorder", self.disorder),
            Parameter("correlation_length", self.correlation_length, is_length=True),
        )

    def draw(self, generator: np.random.Generator) -> Drawn:
        """Draw the parameters of one sample; see `PotentialFamily.draw`."""
        settings = {each.name: each.setting for each in self.parameters}
        # The shift is drawn and added to the middle, which rounds differently from the centre.
        settings |= {"x": self.shift, "y": self.shift}
        drawn: Drawn = {name: draw_uniform(generator, each) for name, each in settings.items()}
        drawn |= {"x": 0.5 + drawn["x"], "y": 0.5 + drawn["y"]}
        n_cosines = count_cosines(drawn["correlation_length"])
        return drawn | {"coefficients": generator.standard_normal((n_cosines, n_cosines))}

    def values(self, drawn: Mapping[str, Any], box: Box, n_pixels: int) -> NDArray[np.float64]:
        """Return the potential of given parameters; see `PotentialFamily.values`."""
        centre_x, centre_y = (drawn[name] * box.length for name in ("x", "y"))
        u, v = rotated_frame(box, n_pixels, centre_x, centre_y, drawn["angle"])
        ratio = drawn["ratio"]
        parabola = 0.5 * drawn["omega"] ** 2 * (ratio * u**2 + v**2 / ratio)
        field = random_field(drawn["coefficients"], drawn["correlation_length"], n_pixels)
        return np.asarray(parabola + drawn["disorder"] * field)
