"""The lowest levels of several interacting electrons, over every spin sector that can hold them.

A level of total spin S shows itself in all sectors with ``n_up - n_down <= 2 S``; it is taken from
the highest of them.

Levels of one given spin S are those of ``H + c (S^2 - S (S + 1))`` in the sector with
``n_up - n_down = 2 S``, where no spin is smaller, for a c that lifts larger spins above them. As
``S^2 = N (N + 2) / 4 - 2 R_+^T R_+`` (see `determinants`), the penalty is an attraction -2 c of
singlet pairs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PhysicsError
from keras_qd.physics.determinants import spin_sector
from keras_qd.physics.integrals import PairInteraction
from keras_qd.physics.levels import DEGENERACY, Level, distinct
from keras_qd.physics.sector_problem import SectorHamiltonian, prepare

Array = NDArray[np.float64]

#: Largest difference of <S^2> from S (S + 1) in a level of spin S.
_SPIN_TOLERANCE = 1e-3

#: How often the penalty on larger spins is doubled before giving up.
_MOST_PENALTIES = 12


def lowest_levels(
    energies: Array,
    pairs: PairInteraction,
    n_electrons: int,
    *,
    tolerance: float = 1e-6,
    degeneracy: float = DEGENERACY,
) -> list[Level]:
    """Solve every spin sector: levels from the lowest, at least two where there are two."""
    # Those within `degeneracy` of the lowest are complete; each stands for its spin multiplet.
    problems = [
        prepare(
            SectorHamiltonian(spin_sector(energies.size, n_up, n_electrons - n_up), energies, pairs)
        )
        for n_up in range((n_electrons + 1) // 2, n_electrons + 1)
    ]
    levels: list[Level] = []
    for problem in sorted(problems, key=lambda problem: problem.values[0]):
        levels = distinct(levels + problem.solve(2, tolerance, levels, degeneracy))
    return levels


def lowest_levels_of_spin(
    energies: Array,
    pairs: PairInteraction,
    n_electrons: int,
    spin: float,
    *,
    tolerance: float = 1e-6,
    degeneracy: float = DEGENERACY,
) -> list[Level]:
    """Collect the lowest levels of one total spin, as `lowest_levels` does of all."""
    n_up = round(n_electrons / 2 + spin)
    sector = spin_sector(energies.size, n_up, n_electrons - n_up)
    square = spin * (spin + 1)
    penalty = float(energies[-1] - energies[0])
    for _ in range(_MOST_PENALTIES):
        attracted = pairs.singlet - 2 * penalty * np.eye(pairs.singlet.shape[0])
        hamiltonian = SectorHamiltonian(sector, energies, PairInteraction(attracted, pairs.triplet))
        levels = prepare(hamiltonian).solve(2, tolerance, [], degeneracy)
        if all(abs(level.spin_squared - square) < _SPIN_TOLERANCE for level in levels[:2]):
            offset = penalty * (n_electrons * (n_electrons + 2) / 4 - square)
            return [replace(level, energy=level.energy + offset) for level in levels]
        penalty *= 2
    raise PhysicsError(
        f"levels of spin {spin:g} could not be separated from those of larger spins; "
        "solve without spin="
    )
