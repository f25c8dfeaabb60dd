"""A ring."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from keras_qd.physics.targets.target import Array, DensityTarget, line


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ring(DensityTarget):
    """A ring about the centre of the box.

    Parameters
    ----------
    radius : float
        Of its crest.
    width : float
        Full width at half maximum across it.
    """

    name: ClassVar[str] = "ring"

    radius: float = 0.25
    width: float = 0.18

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("radius", 0.05, 0.45)

    def parts(self) -> Sequence[tuple[float, Array]]:
        """Return the ring; see `DensityTarget.parts`."""
        angles = np.linspace(0, 2 * math.pi, 97)
        circle = 0.5 + self.radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return [(1.0, line(circle, self.width)[:-1])]
