"""What the one-dimensional solver returns."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Solution1D:
    """Ground states of a batch of one-dimensional systems.

    Parameters
    ----------
    energies : ndarray, shape (n,)
        Ground-state energies in Ha*.
    densities : ndarray, shape (n, points)
        Densities at the interior nodes in 1/a0*; ``sum(density) * spacing`` is the number of
        electrons.
    potential_energies : ndarray, shape (n,)
        Integrals of density times potential in Ha*.
    length : float
        Distance of the walls in a0*.
    n_electrons : int
        Number of electrons.

    Examples
    --------
    >>> import numpy as np
    >>> from keras_qd import physics
    >>> found = physics.solve_1d(np.zeros((1, 64)), length=20.0)
    >>> isinstance(found, Solution1D), round(float(found.energies[0]), 4)  # pi^2 / (2 * 20^2)
    (True, 0.0123)
    """

    energies: NDArray[np.float64]
    densities: NDArray[np.float64]
    potential_energies: NDArray[np.float64]
    length: float
    n_electrons: int

    @property
    def nodes(self) -> NDArray[np.float64]:
        """Positions x_i = i L / (points + 1) of the interior nodes in a0*, shape (points,)."""
        return np.arange(1, self.densities.shape[1] + 1) * self.spacing

    @property
    def spacing(self) -> float:
        """Distance of neighbouring nodes in a0*."""
        n_points: int = self.densities.shape[1]
        return self.length / (n_points + 1)

    @property
    def internal_energies(self) -> NDArray[np.float64]:
        """Energy less that in the potential, in Ha*, shape (n,): kinetic plus interaction.

        By Hohenberg and Kohn's theorem it is a functional of the density alone. For one electron
        it is the kinetic energy, and the functional is von Weizsäcker's.
        """
        return self.energies - self.potential_energies
