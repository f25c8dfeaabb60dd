"""Levels of several electrons, interacting or not, and the mixture of those that are degenerate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.determinants import SpinSector
from keras_qd.physics.sine_basis import Orbitals
from keras_qd.physics.solution import Solution

Array = NDArray[np.float64]

#: Levels closer than this, in Ha*, are degenerate within the accuracy of the solver.
DEGENERACY = 1e-6

#: Two states of one spin closer than this, in Ha*, found in two sectors, are one level.
_SAME_LEVEL = 1e-5


@dataclass(frozen=True)
class Level:
    """One energy level, represented by its state of one spin sector, shape (dimension,)."""

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


def ensemble(levels: list[Level], orbitals: Orbitals, values: Array) -> Solution:
    """Mix the levels degenerate with the lowest, states of a multiplet with equal weight."""
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
        exchange=exchange_of_levels(levels),
    )


def exchange_of_levels(levels: list[Level]) -> float:
    """Lowest level of the second smallest spin less that of the smallest; nan if one is missing."""
    rising = {level.multiplicity: level.energy for level in reversed(levels)}
    smallest = 1 + levels[0].sector.n_electrons % 2
    return rising.get(smallest + 2, math.nan) - rising.get(smallest, math.nan)


def exchange_of_orbitals(energies: Array, n_electrons: int) -> float:
    """Return the same without interaction: an outermost electron turns; nan for one electron."""
    n_up, n_down = (n_electrons + 1) // 2, n_electrons // 2
    return float(energies[n_up] - energies[n_down - 1]) if n_down else math.nan


def noninteracting_solution(
    orbitals: Orbitals, values: Array, n_electrons: int, spin: float | None = None
) -> Solution:
    """Fill the lowest orbitals; electrons in a degenerate shell are shared among its orbitals."""
    n_up = (n_electrons + 1) // 2 if spin is None else round(n_electrons / 2 + spin)
    n_down = n_electrons - n_up
    energies = orbitals.energies
    up, down = fill(energies, n_up), fill(energies, n_down)
    n_open = max(int(np.count_nonzero((row > 0) & (row < 1))) for row in (up, down))
    spin = (n_up - n_down) / 2
    return Solution(
        box=orbitals.box,
        energy=float((up + down) @ energies),
        gap=min(first_excitation(energies, n) for n in {n_up, n_down} if n),
        spin_squared=spin * (spin + 1),
        sector=(n_up, n_down),
        n_states=max(n_open, 1),
        orbital_energies=energies,
        orbitals=values,
        density_matrix_up=np.diag(up),
        density_matrix_down=np.diag(down),
        exchange=exchange_of_orbitals(energies, n_electrons),
    )


def fill(energies: Array, n_electrons: int, degeneracy: float = DEGENERACY) -> Array:
    """Occupations of rising energies by electrons of one spin, equal within a degenerate shell."""
    if n_electrons == 0:
        return np.zeros_like(energies)
    top = energies[n_electrons - 1]
    below, shell = energies < top - degeneracy, np.abs(energies - top) <= degeneracy
    return np.asarray(below + shell * ((n_electrons - below.sum()) / shell.sum()))


def first_excitation(energies: Array, n_electrons: int) -> float:
    """Energy that lifts the outermost of the electrons of one spin to the next orbital."""
    return float(energies[n_electrons] - energies[n_electrons - 1])
