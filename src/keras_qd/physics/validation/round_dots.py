"""Rows of the validation table for round parabolic dots in two dimensions.

Hard walls stand 5.5 oscillator lengths from the centre, where they change the energies by
less than the tolerances. Determinants are made of full shells: R shells hold R (R + 1) / 2
orbitals.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.box import Box
from keras_qd.physics.references import (
    LOHNE,
    SAME_BASIS_ENERGIES,
    SHELL_ENERGIES,
    SIX_ELECTRONS_ENERGY,
    TAUT,
    WEAK_COUPLING_SLOPES,
    taut_density,
    two_electron_energy,
)
from keras_qd.physics.solution import Solution
from keras_qd.physics.solver import Solver
from keras_qd.physics.validation.check import Case

_PIXELS = 64
_SHELLS = (5, 6, 7, 8)
#: Strict, for it speaks of the lowest orbitals and the highest shell has to be good as well.
_BASIS_TOLERANCE = 1e-10
_WALLS = 5.5
_PERTURBATION = "exact first-order perturbation theory"


def round_dot_cases() -> list[Case]:
    """Return the rows for round dots, not computed yet."""
    return [
        *(_without_interaction(n) for n in SHELL_ENERGIES),
        *(_weak_coupling(n) for n in WEAK_COUPLING_SLOPES),
        *(_field_shift(n) for n in (2, 3, 4)),
        *(_singlet(omega) for omega in (1.0, 0.5, 0.28, 1 / 6, 0.1)),
        *(_triplet(omega) for omega in (1.0, 1 / 3, 0.1)),
        *(_same_basis(n_shells) for n_shells in SAME_BASIS_ENERGIES),
        _density(),
        _six_electrons(),
    ]


def solve_round_dot(
    n_electrons: int,
    omega: float,
    n_shells: int,
    *,
    strength: float = 1.0,
    field: float = 0.0,
) -> Solution:
    """Solve a round dot, its determinants made of full shells, in a field along x."""
    box = Box(2.0 * _WALLS / math.sqrt(omega))
    x, y = box.mesh(_PIXELS)
    x, y = x - 0.5 * box.length, y - 0.5 * box.length
    potential = 0.5 * omega**2 * (x**2 + y**2) + field * x
    solver = Solver(
        box,
        n_electrons,
        n_orbitals=n_shells * (n_shells + 1) // 2,
        strength=strength,
        basis_tolerance=_BASIS_TOLERANCE,
    )
    return solver.solve(potential)


def _without_interaction(n_electrons: int) -> Case:
    return Case(
        quantity="energy without interaction",
        dimensions=2,
        n_electrons=n_electrons,
        strength="omega = 1",
        reference=float(SHELL_ENERGIES[n_electrons]),
        tolerance=1e-8,
        reason="1e-10 from the sine basis and the walls, times 100",
        source="exact: filled shells",
        compute=lambda: solve_round_dot(n_electrons, 1.0, 4, strength=0.0).energy,
    )


def _weak_coupling(n_electrons: int) -> Case:
    return Case(
        quantity="slope of the energy with the interaction",
        dimensions=2,
        n_electrons=n_electrons,
        strength="omega = 1, strength to 0",
        reference=WEAK_COUPLING_SLOPES[n_electrons] * math.sqrt(0.5 * math.pi),
        tolerance=1e-6,
        reason="third order in the strength 1e-3 of the finite difference, 1e-7, times 10",
        source=_PERTURBATION,
        compute=partial(_slope, n_electrons),
    )


def _slope(n_electrons: int, step: float = 1e-3) -> float:
    none, one, two = (
        solve_round_dot(n_electrons, 1.0, 4, strength=strength).energy
        for strength in (0.0, step, 2.0 * step)
    )
    return (4.0 * one - two - 3.0 * none) / (2.0 * step)


def _field_shift(n_electrons: int, field: float = 0.3) -> Case:
    """Return the row of Kohn's theorem: a field moves the dot as a whole, at any interaction."""
    return Case(
        quantity=f"shift of the energy in a field of {field:g}",
        dimensions=2,
        n_electrons=n_electrons,
        strength="omega = 1",
        reference=-0.5 * n_electrons * field**2,
        tolerance=1e-7,
        reason="5e-9 from the walls, 5.2 lengths from the displaced dot, times 20",
        source="Kohn's theorem; Dobson 1994, doi:10.1103/PhysRevLett.73.2244",
        compute=lambda: (
            solve_round_dot(n_electrons, 1.0, 4, field=field).energy
            - solve_round_dot(n_electrons, 1.0, 4).energy
        ),
    )


def _singlet(omega: float) -> Case:
    return Case(
        quantity="singlet energy, shells extrapolated",
        dimensions=2,
        n_electrons=2,
        strength=f"omega = {omega:.4g}",
        reference=two_electron_energy(omega),
        tolerance=3e-4,
        reason="the fit leaves 1e-4 of the 1e-2 that 8 shells are off, times 3",
        source=TAUT,
        compute=partial(_extrapolated_energy, omega),
    )


def _extrapolated_energy(omega: float) -> float:
    """Energy at 1/R = 0 of a parabola in 1/R through the last shells: the cusp gives 1/R."""
    energies = [solve_round_dot(2, omega, shells).energy for shells in _SHELLS]
    return float(np.polyfit(1.0 / np.array(_SHELLS), energies, 2)[-1])


def _triplet(omega: float) -> Case:
    return Case(
        quantity="triplet energy, 8 shells",
        dimensions=2,
        n_electrons=2,
        strength=f"omega = {omega:.4g}",
        reference=two_electron_energy(omega, angular_momentum=1),
        tolerance=1e-3 * math.sqrt(omega),
        reason="electrons of like spin meet without a cusp: 5e-4 sqrt(omega), times 2",
        source=TAUT,
        compute=lambda: _first_excited_energy(solve_round_dot(2, omega, 8)),
    )


def _first_excited_energy(solution: Solution) -> float:
    return solution.energy + solution.gap


def _same_basis(n_shells: int) -> Case:
    return Case(
        quantity=f"singlet energy in {n_shells} shells",
        dimensions=2,
        n_electrons=2,
        strength="omega = 1",
        reference=SAME_BASIS_ENERGIES[n_shells],
        tolerance=5e-6,
        reason="the walls' push on the highest shell, and the last digit of the reference",
        source=LOHNE,
        compute=lambda: solve_round_dot(2, 1.0, n_shells).energy,
    )


def _density() -> Case:
    return Case(
        quantity="distance of the density from the exact one, per electron",
        dimensions=2,
        n_electrons=2,
        strength="omega = 1",
        reference=0.0,
        tolerance=0.012,
        reason="7 shells: the error falls as 0.28 / orbitals",
        source=TAUT,
        compute=_density_error,
    )


def _density_error() -> float:
    solution = solve_round_dot(2, 1.0, 7)
    box = solution.box
    x, y = box.mesh(_PIXELS)
    exact: NDArray[np.float64] = taut_density(np.hypot(x - 0.5 * box.length, y - 0.5 * box.length))
    distance = np.abs(solution.density - exact).sum() * box.pixel_area(_PIXELS)
    return float(distance) / 2.0


def _six_electrons() -> Case:
    return Case(
        quantity="energy, 4 and 5 shells extrapolated",
        dimensions=2,
        n_electrons=6,
        strength="omega = 1",
        reference=SIX_ELECTRONS_ENERGY,
        tolerance=0.06,
        reason="30 % of the basis error of 5 shells, as of every estimated label error",
        source=f"{LOHNE} (diffusion Monte Carlo, +-2e-4)",
        compute=_extrapolated_six,
        is_quick=False,
    )


def _extrapolated_six() -> float:
    """Energy at 1/M = 0 of a line in 1/M, M orbitals: the law that label errors go by."""
    four, five = (solve_round_dot(6, 1.0, shells).energy for shells in (4, 5))
    return 3.0 * five - 2.0 * four
