"""The lowest levels of several interacting electrons, over every spin sector that can hold them.

A level of total spin S shows itself in all sectors with ``n_up - n_down <= 2 S``; it is taken from
the highest of them. Following one root upward from a small problem ends on a wrong state all too
often, so every sector is solved by itself, for several roots at once, from several states of a
small dense problem and a random vector.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.hamiltonian import SectorHamiltonian
from keras_qd.physics.levels import Level, distinct
from keras_qd.physics.pairs import PairInteraction
from keras_qd.physics.sector_problem import prepare
from keras_qd.physics.spin_sector import spin_sector

Array = NDArray[np.float64]


def lowest_levels(
    energies: Array, pairs: PairInteraction, n_electrons: int, *, tolerance: float = 1e-6
) -> list[Level]:
    """Solve every spin sector and collect the levels, from the lowest.

    Parameters
    ----------
    energies : ndarray, shape (n_orbitals,)
        Orbital energies, in Ha*.
    pairs : PairInteraction
        The interaction between pairs of electrons in these orbitals.
    n_electrons : int
        Number of electrons, at most `n_orbitals`.
    tolerance : float, default 1e-6
        Largest residual norm of a ground state, in Ha*.

    Returns
    -------
    list of Level
        Rising in energy, at least two of them where there are two; those degenerate with the lowest
        are complete. Each represents its whole spin multiplet.
    """
    problems = [
        prepare(
            SectorHamiltonian(spin_sector(energies.size, n_up, n_electrons - n_up), energies, pairs)
        )
        for n_up in range((n_electrons + 1) // 2, n_electrons + 1)
    ]
    levels: list[Level] = []
    for problem in sorted(problems, key=lambda problem: problem.values[0]):
        levels = distinct(levels + problem.solve(2, tolerance, levels))
    return levels
