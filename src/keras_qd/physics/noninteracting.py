"""Electrons that do not interact: the lowest orbitals, filled."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.levels import DEGENERACY
from keras_qd.physics.orbitals import Orbitals
from keras_qd.physics.solution import Solution

Array = NDArray[np.float64]


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
        exchange=float(energies[1] - energies[0]) if n_electrons == 2 else math.nan,
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
