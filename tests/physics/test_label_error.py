import numpy as np
import pytest

from keras_qd.errors import UsageError
from keras_qd.physics import Box, Solver, estimate_label_error, sample_potentials, solve

BOX = Box(10.0)


def test_against_exact_energy():
    """Taut's dot, E = 3 exactly, from full shell to full shell."""
    x, y = BOX.mesh(64)
    parabola = (x - 5) ** 2 / 2 + (y - 5) ** 2 / 2
    for n_orbitals, n_larger in [(10, 21)]:
        solver = Solver(BOX, 2, n_orbitals=n_orbitals)
        error = solver.solve(parabola).energy - 3.0
        estimate = estimate_label_error(solver, parabola, n_larger)
        assert estimate.energy == pytest.approx(error, rel=0.3)


def test_against_many_orbitals():
    potential = sample_potentials(1, BOX, 64, seed=4, first=2)[0]
    limit = solve(potential, BOX, n_orbitals=45)
    solver = Solver(BOX, 2, n_orbitals=12)
    dot, error = solver.solve(potential), estimate_label_error(solver, potential)
    assert error.energy == pytest.approx(dot.energy - limit.energy, rel=0.5)
    true = abs(dot.density - limit.density).sum() * BOX.pixel_area(64) / 2
    assert true / 2 < error.density < 3 * true


def test_one_electron_has_next_to_none():
    potential = sample_potentials(1, BOX, 48)[0]
    error = estimate_label_error(Solver(BOX, 1), potential)
    assert abs(error.energy) < 1e-3
    assert error.density < 1e-2


def test_fewer_orbitals_make_no_sense():
    with pytest.raises(UsageError, match="more than the solver's 20"):
        estimate_label_error(Solver(BOX, 2, n_orbitals=20), np.zeros((32, 32)), n_orbitals=20)
