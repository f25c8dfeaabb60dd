"""Two lobes of unequal charge."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from keras_qd.physics.targets.target import Array, DensityTarget, turned


@dataclasses.dataclass(frozen=True, kw_only=True)
class TwoLobes(DensityTarget):
    """Two round lobes.

    Parameters
    ----------
    share : float
        Share of the electrons in the lobe to the left.
    separation : float
        Distance of the lobes' centres.
    angle : float
        By which the pair is turned about the centre of the box, in radians.
    width : float
        Full width at half maximum of each lobe.
    """

    name: ClassVar[str] = "two-lobes"

    share: float = 0.4
    separation: float = 0.4
    angle: float = 0.0
    width: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("share", 0.0, 1.0)
        self._check("separation", 0.0, 0.9)
        self._check("angle", -2 * math.pi, 2 * math.pi)

    def parts(self) -> Sequence[tuple[float, Array]]:
        """Return the two lobes; see `DensityTarget.parts`."""
        half = 0.5 * self.separation
        points = turned(np.array([[0.5 - half, 0.5], [0.5 + half, 0.5]]), self.angle)
        return [(self.share, points[:1]), (1 - self.share, points[1:])]
