"""Two tunnel-coupled dots."""

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
from keras_qd.physics.potentials.frame import rotated_frame


@dataclasses.dataclass(frozen=True, kw_only=True)
class DoubleDot(PotentialFamily):
    r"""The quartic double well of the theory of coupled dots [1]_, with detuning.

    .. math::

        V = \tfrac12 \omega^2 \left[ \frac{(u^2 - a^2)^2}{4 a^2} + v^2 \right]
            + \epsilon \frac{u}{2 a}

    Near :math:`u = \pm a` it is a round parabola of frequency :math:`\omega`; between them
    stands a barrier of height :math:`\omega^2 a^2 / 8`, and :math:`\epsilon` lifts the bottom of
    the one above the other's.

    Parameters
    ----------
    omega : float or pair of float
        :math:`\omega` in Ha*.
    separation : float or pair of float
        Distance 2a of the two minima as a fraction of the side of the box.
    detuning : float or pair of float
        :math:`\epsilon` in Ha*.
    angle : float or pair of float
        Angle between the line of the dots and the x axis, in radians.

    References
    ----------
    .. [1] G. Burkard, D. Loss and D. P. DiVincenzo, "Coupled quantum dots as quantum gates",
       Phys. Rev. B 59, 2070 (1999), https://doi.org/10.1103/PhysRevB.59.2070
    """

    name: ClassVar[str] = "double-dot"

    omega: Setting = (0.4, 1.0)
    separation: Setting = (0.3, 0.5)
    detuning: Setting = (-0.5, 0.5)
    angle: Setting = (0.0, math.pi)

    def __post_init__(self) -> None:
        replace_checked(
            self,
            omega=(0.0, 1e3),
            separation=(0.05, 1.0),
            detuning=(-1e3, 1e3),
            angle=(-10.0, 10.0),
        )

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Frequency (Ha*), separation (a0*), detuning (Ha*) and angle."""
        return ("omega", "separation", "detuning", "angle")

    def sample(
        self, generator: np.random.Generator, box: Box, n_pixels: int
    ) -> tuple[np.ndarray, Drawn]:
        """Draw one potential; see `PotentialFamily.sample`."""
        omega = draw_uniform(generator, self.omega)
        separation = draw_uniform(generator, self.separation) * box.length
        detuning = draw_uniform(generator, self.detuning)
        angle = draw_uniform(generator, self.angle)
        u, v = rotated_frame(box, n_pixels, 0.5 * box.length, 0.5 * box.length, angle)
        quartic = (u**2 - 0.25 * separation**2) ** 2 / separation**2
        values = 0.5 * omega**2 * (quartic + v**2) + detuning * u / separation
        drawn = (omega, separation, detuning, angle)
        return values, dict(zip(self.parameter_names, drawn, strict=True))
