"""Rows of the validation table for one electron in two dimensions."""

from __future__ import annotations

import math

import numpy as np

from keras_qd.physics.box import Box
from keras_qd.physics.references import box_level
from keras_qd.physics.solution import Solution
from keras_qd.physics.solver import Solver
from keras_qd.physics.validation.check import Case


def box_cases() -> list[Case]:
    """Return the rows, not computed yet."""
    return [
        Case(
            quantity="ground-state energy",
            dimensions=2,
            n_electrons=1,
            strength="hard walls, L = 10",
            reference=box_level(10.0, 2),
            tolerance=1e-12,
            reason="the basis holds the state: rounding",
            source="exact",
            compute=lambda: _flat().energy,
        ),
        Case(
            quantity="gap",
            dimensions=2,
            n_electrons=1,
            strength="hard walls, L = 10",
            reference=1.5 * math.pi**2 / 100.0,
            tolerance=1e-12,
            reason="the basis holds the states: rounding",
            source="exact",
            compute=lambda: _flat().gap,
        ),
        Case(
            quantity="ground-state energy",
            dimensions=2,
            n_electrons=1,
            strength="omega = 0.8 and 1.2, turned by 0.5 rad",
            reference=1.0,
            tolerance=1e-6,
            reason="tolerance of the sine basis",
            source="exact",
            compute=lambda: _turned_parabola().energy,
        ),
    ]


def _flat() -> Solution:
    return Solver(Box(10.0), 1).solve(np.zeros((64, 64)))


def _turned_parabola() -> Solution:
    box = Box(12.0)
    x, y = box.mesh(64)
    u = (x - 6.0) * math.cos(0.5) + (y - 6.0) * math.sin(0.5)
    v = (y - 6.0) * math.cos(0.5) - (x - 6.0) * math.sin(0.5)
    potential = 0.5 * (0.8**2 * u**2 + 1.2**2 * v**2)
    return Solver(box, 1, n_orbitals=10, basis_tolerance=1e-6).solve(potential)
