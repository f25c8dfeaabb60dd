"""Rows of the validation table for two to six electrons in round parabolic dots.

Hard walls stand 5.5 oscillator lengths from the centre, where they change the energies by less than
the tolerances. Determinants are made of full shells: R shells hold R (R + 1) / 2 orbitals.
"""

from __future__ import annotations

import math
from functools import partial

from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.references import (
    KVAAL,
    LOHNE,
    SHELL_ENERGIES,
    SIX_ELECTRONS_ENERGY,
    SIX_SHELL_ENERGIES,
    WEAK_COUPLING_SLOPES,
)
from keras_qd.physics.solution import Solution
from keras_qd.physics.solver import Solver
from keras_qd.physics.validation.check import Case

#: Strict, for it speaks of the lowest orbitals and the highest shell has to be good as well.
_BASIS_TOLERANCE = 1e-10
_WALLS = 5.5
_PIXELS = 64
_PERTURBATION = "exact first-order perturbation theory"


def round_dot_cases() -> list[Case]:
    """Return the rows, not computed yet."""
    return [
        *(_without_interaction(n) for n in SHELL_ENERGIES),
        *(_weak_coupling(n) for n in WEAK_COUPLING_SLOPES),
        *(_six_shells(*problem) for problem in SIX_SHELL_ENERGIES),
        *(_field_shift(n) for n in (2, 3, 4)),
        _six_electrons(),
    ]


def solve_round_dot(
    n_electrons: int,
    omega: float,
    n_shells: int,
    *,
    strength: float = 1.0,
    field: float = 0.0,
    spin: float | None = None,
    interaction: str | Interaction = "coulomb",
) -> Solution:
    """Solve a round dot, its determinants made of full shells, in a field along x."""
    box = Box(2.0 * _WALLS / math.sqrt(omega))
    x, y = box.mesh(_PIXELS)
    x, y = x - 0.5 * box.length, y - 0.5 * box.length
    potential = 0.5 * omega**2 * (x**2 + y**2) + field * x
    solver = Solver(
        box,
        n_electrons,
        interaction,
        n_orbitals=n_shells * (n_shells + 1) // 2,
        strength=strength,
        spin=spin,
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


def _six_shells(n_electrons: int, length: int, spin: float) -> Case:
    """Return a published row: the oscillator is so many a0* long."""
    omega = 1 / length**2
    return Case(
        quantity=f"energy / omega in 6 shells, spin {spin:g}",
        dimensions=2,
        n_electrons=n_electrons,
        strength=f"omega = 1/{length**2}",
        reference=SIX_SHELL_ENERGIES[n_electrons, length, spin],
        tolerance=1e-5,
        reason="5e-6 from rounding in print, times 2",
        source=f"{KVAAL} (full configuration interaction in the same determinants)",
        compute=lambda: solve_round_dot(n_electrons, omega, 6, spin=spin).energy / omega,
    )


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
