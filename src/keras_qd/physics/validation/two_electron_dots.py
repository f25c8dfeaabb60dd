"""Rows of the validation table for two electrons in round dots: exact at any frequency."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from keras_qd.physics.interactions import Interaction
from keras_qd.physics.references import (
    LOHNE,
    SAME_BASIS_ENERGIES,
    TAUT,
    separated_energy,
    taut_density,
    two_electron_energy,
)
from keras_qd.physics.solution import Solution
from keras_qd.physics.validation.check import Case
from keras_qd.physics.validation.round_dots import solve_round_dot

_SHELLS = (5, 6, 7, 8)
_SEPARATION = "exact separation, the distance integrated; Kohn 1961, doi:10.1103/PhysRev.123.1242"
#: Of the extrapolation of energies in 1/R, at omega = 1.
_EXTRAPOLATION = 1e-3


def two_electron_cases() -> list[Case]:
    """Return the rows, not computed yet."""
    return [
        *(_singlet(omega) for omega in (1.0, 0.5, 0.28, 1 / 6, 0.1)),
        _stronger(),
        _screened(),
        _finite_thickness(),
        *(_triplet(omega) for omega in (1.0, 1 / 3, 0.1)),
        *(_same_basis(n_shells) for n_shells in SAME_BASIS_ENERGIES),
        _density(),
    ]


def _singlet(omega: float) -> Case:
    return Case(
        quantity="singlet energy, shells extrapolated",
        dimensions=2,
        n_electrons=2,
        strength=f"omega = {omega:.4g}",
        reference=two_electron_energy(omega),
        tolerance=_EXTRAPOLATION * math.sqrt(omega),
        reason="fits through other shells differ by 5e-4 sqrt(omega), times 2",
        source=TAUT,
        compute=partial(_extrapolated_energy, omega),
    )


def _extrapolated_energy(omega: float, **options: Any) -> float:
    """Energy at 1/R = 0 of a parabola in 1/R through the last shells: the cusp gives 1/R."""
    energies = [solve_round_dot(2, omega, shells, **options).energy for shells in _SHELLS]
    return float(np.polyfit(1.0 / np.array(_SHELLS), energies, 2)[-1])


def _stronger() -> Case:
    """Return the row of strength 2, which is strength 1 at a quarter of the frequency, rescaled."""
    return Case(
        quantity="singlet energy, shells extrapolated",
        dimensions=2,
        n_electrons=2,
        strength="omega = 1, strength = 2",
        reference=4.0 * two_electron_energy(0.25),
        tolerance=4.0 * _EXTRAPOLATION * math.sqrt(0.25),
        reason="as at omega = 1/4, times 4",
        source=f"{TAUT}, by scaling",
        compute=partial(_extrapolated_energy, 1.0, strength=2.0),
    )


def _screened() -> Case:
    interaction = Interaction("screened", screening_length=1.0)
    return Case(
        quantity="singlet energy, screened, shells extrapolated",
        dimensions=2,
        n_electrons=2,
        strength="omega = 1, screening length 1",
        reference=_separated(interaction),
        tolerance=_EXTRAPOLATION,
        reason="the cusp is that of 1/r: tolerance as there",
        source=_SEPARATION,
        compute=partial(_extrapolated_energy, 1.0, interaction=interaction),
    )


def _finite_thickness() -> Case:
    interaction = Interaction("finite-thickness", thickness=1.0)
    return Case(
        quantity="singlet energy, finite thickness, 8 shells",
        dimensions=2,
        n_electrons=2,
        strength="omega = 1, thickness 1",
        reference=_separated(interaction),
        tolerance=2e-5,
        reason="no cusp: each shell halves the error, to 8e-6, times 2.5",
        source=_SEPARATION,
        compute=lambda: solve_round_dot(2, 1.0, 8, interaction=interaction).energy,
    )


def _separated(interaction: Interaction) -> float:
    return separated_energy(1.0, lambda distance: float(interaction(np.array(distance))))


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
    n_pixels, box = solution.density.shape[0], solution.box
    x, y = box.mesh(n_pixels)
    exact = taut_density(np.hypot(x - 0.5 * box.length, y - 0.5 * box.length))
    return float(np.abs(solution.density - exact).sum()) * box.pixel_area(n_pixels) / 2.0
