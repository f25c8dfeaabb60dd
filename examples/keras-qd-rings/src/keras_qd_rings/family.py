"""A family of potentials in two dimensions: wells in the shape of a ring."""

import dataclasses
from typing import ClassVar

from keras_qd.physics import Parameter, PotentialFamily


@dataclasses.dataclass(frozen=True, kw_only=True)
class RingPotentials(PotentialFamily):
    """V = omega^2 (r^2 - R^2)^2 / (8 R^2), which near r = R is a parabola of frequency omega."""

    name: ClassVar[str] = "rings"
    energies: ClassVar[tuple[str, ...]] = ("omega",)

    omega: float | tuple[float, float] = (0.5, 1.5)
    radius: float | tuple[float, float] = (0.15, 0.3)

    @property
    def parameters(self):
        return (Parameter("omega", self.omega), Parameter("radius", self.radius, is_length=True))

    def values(self, drawn, box, n_pixels):
        x, y = (values - 0.5 * box.length for values in box.mesh(n_pixels))
        radius = drawn["radius"] * box.length
        return drawn["omega"] ** 2 * (x**2 + y**2 - radius**2) ** 2 / (8 * radius**2)
