"""From levels to the solution: the equal mixture of all that share the lowest energy."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.levels import DEGENERACY, Level
from keras_qd.physics.one_body import Orbitals
from keras_qd.physics.solution import Solution

Array = NDArray[np.float64]


def ensemble(levels: list[Level], orbitals: Orbitals, values: Array) -> Solution:
    """Mix the levels degenerate with the lowest, each state of a spin multiplet with equal weight.

    Parameters
    ----------
    levels : list of Level
        Rising in energy; those degenerate with the lowest are complete.
    orbitals : Orbitals
        Orbitals that the levels are made of.
    values : ndarray, shape (n_orbitals, n_pixels, n_pixels)
        Those orbitals at the pixel centres.

    Returns
    -------
    Solution
    """
    lowest = levels[0]
    ground = [level for level in levels if level.energy - lowest.energy < DEGENERACY]
    weights = np.array([level.multiplicity for level in ground]) / sum(
        level.multiplicity for level in ground
    )
    matrices = np.array([level.sector.density_matrices(level.vector) for level in ground])
    up, down = np.tensordot(weights, matrices, axes=1)
    return Solution(
        box=orbitals.box,
        energy=lowest.energy,
        gap=levels[1].energy - lowest.energy if len(levels) > 1 else math.inf,
        spin_squared=float(weights @ [level.spin_squared for level in ground]),
        sector=(lowest.sector.n_up, lowest.sector.n_down),
        n_states=len(ground),
        orbital_energies=orbitals.energies,
        orbitals=values,
        density_matrix_up=up,
        density_matrix_down=down,
    )
