"""Rows of the validation table on a line."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.one_dimensional.solver import solve_1d, states_1d
from keras_qd.physics.references import box_level
from keras_qd.physics.validation.check import Case

_EXACT = "exact"
_SEPARATION = "exact separation, solved apart on 399 nodes; Kohn 1961, doi:10.1103/PhysRev.123.1242"


def line_cases() -> list[Case]:
    """Return the rows on a line, not computed yet."""
    return [*_one_electron(), *_two_electrons()]


def _one_electron() -> list[Case]:
    box = Case(
        quantity="ground-state energy, Numerov",
        dimensions=1,
        n_electrons=1,
        strength="hard walls, L = 10",
        reference=box_level(10.0),
        tolerance=1e-8,
        reason="Numerov's error on 64 points, E (pi / 65)^4 / 240 = 1e-9, times 10",
        source=_EXACT,
        compute=lambda: float(solve_1d(np.zeros((1, 64)), 10.0).energies[0]),
    )
    oscillator = Case(
        quantity="ground-state energy, Numerov",
        dimensions=1,
        n_electrons=1,
        strength="omega = 1",
        reference=0.5,
        tolerance=2e-5,
        reason="Numerov's error at a spacing of 0.185, h^4 / 64",
        source=_EXACT,
        compute=partial(_ground_energy, 1.0, 12.0, 64),
    )
    levels = [
        Case(
            quantity=f"level {level}, sine DVR",
            dimensions=1,
            n_electrons=1,
            strength="omega = 1",
            reference=level + 0.5,
            tolerance=1e-9,
            reason="spectral accuracy; the walls lie 8 oscillator lengths off",
            source=_EXACT,
            compute=partial(_level, level),
        )
        for level in (0, 4)
    ]
    return [box, oscillator, *levels]


def _two_electrons() -> list[Case]:
    return [
        Case(
            quantity=f"{spin} energy, softened Coulomb",
            dimensions=1,
            n_electrons=2,
            strength=f"omega = {omega:g}",
            reference=_separated_energy(omega, state),
            tolerance=1e-8,
            reason="spectral accuracy on 99 nodes",
            source=_SEPARATION,
            compute=partial(_pair_energy, omega, spin),
        )
        for omega in (1.0, 0.25)
        for state, spin in enumerate(("singlet", "triplet"))
    ]


def _parabola(omega: float, length: float, n_points: int) -> NDArray[np.float64]:
    nodes = np.arange(1, n_points + 1) * (length / (n_points + 1))
    return np.asarray(0.5 * omega**2 * (nodes - 0.5 * length)[None] ** 2, dtype=np.float64)


def _ground_energy(omega: float, length: float, n_points: int) -> float:
    return float(solve_1d(_parabola(omega, length, n_points), length).energies[0])


def _level(level: int) -> float:
    energies, _ = states_1d(_parabola(1.0, 16.0, 64), 16.0, level + 1)
    return float(energies[0, level])


def _pair_energy(omega: float, spin: str) -> float:
    length = 14.0 / np.sqrt(omega)
    return float(solve_1d(_parabola(omega, length, 99), length, 2, spin=spin).energies[0])


def _separated_energy(omega: float, state: int) -> float:
    """Centre of mass plus distance d: half of -d''/2 + omega^2 d^2/8 + w(d)/2, twice."""
    length, n_points = 28.0 / np.sqrt(omega), 399
    distance = np.arange(1, n_points + 1) * (length / (n_points + 1)) - 0.5 * length
    half = 0.125 * omega**2 * distance**2 + 0.5 / np.sqrt(distance**2 + 1.0)
    energies, _ = states_1d(half[None], length, state + 1)
    return float(0.5 * omega + 2.0 * energies[0, state])
