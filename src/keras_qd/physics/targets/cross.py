"""A cross."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from keras_qd.physics.targets.target import Array, DensityTarget, line, turned


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cross(DensityTarget):
    """Two bars across each other at the centre of the box.

    Parameters
    ----------
    arm : float
        Length of each of the four arms.
    angle : float
        By which it is turned, in radians.
    width : float
        Full width at half maximum across an arm.
    """

    name: ClassVar[str] = "cross"

    arm: float = 0.27
    angle: float = 0.0
    width: float = 0.18

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("arm", 0.05, 0.45)
        self._check("angle", -2 * math.pi, 2 * math.pi)

    def parts(self) -> Sequence[tuple[float, Array]]:
        """Return the cross; see `DensityTarget.parts`."""
        ends = np.array([0.5 - self.arm, 0.5 + self.arm])
        level = line(np.stack([ends, np.full(2, 0.5)], axis=1), self.width)
        return [(1.0, turned(np.concatenate([level, level[:, ::-1]]), self.angle))]
