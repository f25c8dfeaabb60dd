"""Energy levels of several electrons, each represented by one state of its spin multiplet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.spin_sector import SpinSector

Array = NDArray[np.float64]

#: Levels closer than this, in Ha*, are degenerate within the accuracy of the solver.
DEGENERACY = 1e-6

#: Two states of one spin closer than this, in Ha*, found in two sectors, are one level.
_SAME_LEVEL = 1e-5


@dataclass(frozen=True)
class Level:
    """One energy level, represented by its state of one spin sector.

    Parameters
    ----------
    energy : float
        Total energy in Ha*.
    spin_squared : float
        Expectation of S^2.
    sector : SpinSector
        Determinants that the state is made of.
    vector : ndarray, shape (sector.dimension,)
        The state.
    """

    energy: float
    spin_squared: float
    sector: SpinSector
    vector: Array

    @property
    def multiplicity(self) -> int:
        """Number 2 S + 1 of states with this energy that differ by the direction of the spin."""
        return round(float(np.sqrt(1 + 4 * max(self.spin_squared, 0.0))))

    @property
    def is_highest_projection(self) -> bool:
        """Whether the spin points along its axis in this sector: n_up - n_down = 2 S."""
        return self.sector.n_up - self.sector.n_down == self.multiplicity - 1


def distinct(levels: list[Level]) -> list[Level]:
    """Sort levels and keep one state of each spin multiplet, that of the highest sector."""
    own = [level for level in levels if level.is_highest_projection]
    strays = [level for level in levels if not level.is_highest_projection]
    for stray in strays:
        if not any(
            level.multiplicity == stray.multiplicity
            and abs(level.energy - stray.energy) < _SAME_LEVEL
            for level in own
        ):
            own.append(stray)
    return sorted(own, key=lambda level: level.energy)
