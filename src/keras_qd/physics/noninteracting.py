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
    """Fill the lowest orbitals, each with one electron of either spin.

    Electrons in a degenerate shell are shared equally among its orbitals.

    Parameters
    ----------
    orbitals : Orbitals
        Orbitals of one electron.
    values : ndarray, shape (n_orbitals, n_pixels, n_pixels)
        Those orbitals at the pixel centres.
    n_electrons : int
        Number of electrons.
    spin : float, optional
        Total spin; the lowest possible one by default.

    Returns
    -------
    Solution
    """
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
    """Occupations of orbitals by electrons of one spin, those of a degenerate shell equal.

    Parameters
    ----------
    energies : ndarray, shape (n_orbitals,)
        Orbital energies in Ha*, rising.
    n_electrons : int
        Electrons of this spin.
    degeneracy : float, default 1e-6
        Orbitals closer to the highest occupied one, in Ha*, are of its shell.

    Returns
    -------
    ndarray, shape (n_orbitals,)
        Between 0 and 1.

    Examples
    --------
    >>> fill(np.array([1.0, 2.0, 2.0, 3.0]), 2)
    array([1. , 0.5, 0.5, 0. ])
    """
    if n_electrons == 0:
        return np.zeros_like(energies)
    top = energies[n_electrons - 1]
    below, shell = energies < top - degeneracy, np.abs(energies - top) <= degeneracy
    return np.asarray(below + shell * ((n_electrons - below.sum()) / shell.sum()))


def first_excitation(energies: Array, n_electrons: int) -> float:
    """Energy that lifts the outermost of the electrons of one spin to the next orbital."""
    return float(energies[n_electrons] - energies[n_electrons - 1])
