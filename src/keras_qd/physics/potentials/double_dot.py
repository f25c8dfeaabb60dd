"""Two tunnel-coupled dots."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.box import Box
from keras_qd.physics.potentials.base import (
    Parameter,
    PotentialFamily,
    Setting,
    replace_checked,
    rotated_frame,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DoubleDot(PotentialFamily):
    r"""Two parabolas joined by a smooth barrier, with detuning.

    .. math::

        V = \tfrac12 \omega^2 \left[ (1 + r^2)
            \left( \sqrt{u^2 + r^2 a^2} - \sqrt{1 + r^2}\, a \right)^2 + v^2 \right]
            + \epsilon \frac{u}{2 a}

    Near :math:`u = \pm a` it is a round parabola of frequency :math:`\omega`, and
    :math:`\epsilon` lifts the bottom of the one above the other's. The rounding r sets the
    barrier between them, :math:`\tfrac12 \omega^2 a^2 (1 + r^2) (\sqrt{1 + r^2} - r)^2`: from
    the cusp of two crossing parabolas [1]_ at r = 0 down to a quarter of its height for large r,
    where V is the quartic double well of [2]_.

    Parameters
    ----------
    omega : float or pair of float
        :math:`\omega` in Ha*.
    separation : float or pair of float
        Distance 2a of the two minima as a fraction of the side of the box.
    rounding : float or pair of float
        r, without unit.
    detuning : float or pair of float
        :math:`\epsilon` in Ha*.
    angle : float or pair of float
        Angle between the line of the dots and the x axis, in radians.

    References
    ----------
    .. [1] M. Helle, A. Harju and R. M. Nieminen, "Two-electron lateral quantum-dot molecules in
       a magnetic field", Phys. Rev. B 72, 205329 (2005),
       https://doi.org/10.1103/PhysRevB.72.205329
    .. [2] G. Burkard, D. Loss and D. P. DiVincenzo, "Coupled quantum dots as quantum gates",
       Phys. Rev. B 59, 2070 (1999), https://doi.org/10.1103/PhysRevB.59.2070

    Examples
    --------
    >>> from keras_qd.physics import Box, sample_generator
    >>> family = DoubleDot(separation=0.4)
    >>> values, drawn = family.sample(sample_generator(seed=0, index=0), Box(10.0), 32)
    >>> drawn["separation"]  # of a box of 10 a0*
    4.0
    """

    name: ClassVar[str] = "double-dot"
    energies: ClassVar[tuple[str, ...]] = ("omega", "detuning")
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "omega": (0.0, 1e3),
        "separation": (0.05, 1.0),
        "rounding": (0.1, 100.0),
        "detuning": (-1e3, 1e3),
        "angle": (-10.0, 10.0),
    }

    omega: Setting = (0.4, 1.0)
    separation: Setting = (0.3, 0.5)
    rounding: Setting = (0.5, 1.5)
    detuning: Setting = (-0.5, 0.5)
    angle: Setting = (0.0, math.pi)

    def __post_init__(self) -> None:
        replace_checked(self)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Frequency, separation, rounding, detuning and angle."""
        return (
            Parameter("omega", self.omega),
            Parameter("separation", self.separation, is_length=True),
            Parameter("rounding", self.rounding),
            Parameter("detuning", self.detuning),
            Parameter("angle", self.angle),
        )

    def values(self, drawn: Mapping[str, Any], box: Box, n_pixels: int) -> NDArray[np.float64]:
        """Return the potential of given parameters; see `PotentialFamily.values`."""
        separation = drawn["separation"] * box.length
        u, v = rotated_frame(box, n_pixels, 0.5 * box.length, 0.5 * box.length, drawn["angle"])
        wells = _wells(u, 0.5 * separation, drawn["rounding"])
        values: NDArray[np.float64] = 0.5 * drawn["omega"] ** 2 * (wells + v**2)
        values += drawn["detuning"] * u / separation
        return values


def _wells(u: NDArray[np.float64], half: float, rounding: float) -> NDArray[np.float64]:
    stretch = 1.0 + rounding**2
    offset = half * math.sqrt(stretch)
    return stretch * (np.sqrt(u**2 + (rounding * half) ** 2) - offset) ** 2
