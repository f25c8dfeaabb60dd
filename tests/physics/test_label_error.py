"""Estimated errors against the true ones: of solutions, and of the labels of a data set."""

import math

import numpy as np
import pytest

from keras_qd.errors import UsageError
from keras_qd.physics import (
    Box,
    PairBatch,
    Solver,
    estimate_label_error,
    potential_families,
    sample_potentials,
    solve,
    solve_batch,
)
from keras_qd.physics.two_electrons import batch_errors

BOX = Box(10.0)

#: Energies in Ha* that single precision does not resolve.
ROUNDING = 1e-6


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


def dots(n_each, n_pixels):
    """Potentials of every family, the first ones of a seed that nothing was fitted to."""
    families = sorted(set(potential_families()) - {"random-mixture"})  # a mixture of the others
    found = [sample_potentials(n_each, BOX, n_pixels, family=name, seed=31) for name in families]
    return np.concatenate(found)


def share_of_honest(estimates, true):
    """Share of estimates within half and three times the true error, or both below rounding."""
    estimates, true = np.abs(estimates), np.abs(true)
    honest = (estimates > 0.5 * true) & (estimates < 3 * true)
    return np.mean(honest | ((estimates < ROUNDING) & (true < ROUNDING)))


def true_errors(found, best):
    """Errors of energy, gap and density, given as sequences, against a much finer grid's."""
    area = BOX.pixel_area(best.density.shape[-1])
    difference = np.abs(np.stack([each.density for each in found]) - best.density)
    return {
        "energy": [each.energy for each in found] - best.energy,
        "gap": [each.gap for each in found] - best.gap,
        "exchange": [each.exchange for each in found] - best.exchange,
        "density": difference.sum(axis=(1, 2)) * area / 2,
    }


def one_by_one(potentials, n_grid):
    """What `solve_batch` returns, without the memory that all systems take at once."""
    rows = [solve_batch(each[None], BOX, n_grid=n_grid, steps=9) for each in potentials]
    return PairBatch(*(np.concatenate(each) for each in zip(*rows, strict=True)))


def check_solutions(potentials, n_best, least):
    found = [solve(each, BOX) for each in potentials]
    true = true_errors(found, one_by_one(potentials, n_best))
    for name, errors in true.items():
        estimates = [getattr(each, f"{name}_error") for each in found]
        assert share_of_honest(estimates, errors) >= least, name


def test_errors_of_solutions():
    """As `test_errors_of_forty_solutions`, of ten dots against a coarser grid."""
    check_solutions(dots(2, 32), 18, 0.7)


@pytest.mark.slow
def test_errors_of_forty_solutions():
    """At least four of five errors of density, energy, gap and exchange are honest."""
    check_solutions(dots(8, 64), 24, 0.8)


@pytest.mark.slow
def test_errors_of_forty_labels():
    """The errors that a data set stores, from n = 12 and 16, against n = 24."""
    potentials = dots(8, 64)
    coarse, fine, best = (one_by_one(potentials, n) for n in (12, 16, 24))
    errors = batch_errors(coarse, fine, 12)
    rows = [PairBatch(*row) for row in zip(*coarse, strict=True)]
    for name, true in true_errors(rows, best).items():
        if name != "exchange":
            estimates = [getattr(each, name) for each in errors]
            assert share_of_honest(estimates, true) >= 0.8, name


def test_errors_are_nan_where_not_estimated():
    dot = solve(sample_potentials(1, BOX, 32)[0], BOX, n_orbitals=10)
    assert math.isnan(dot.exchange_error)
    assert math.isnan(dot.gap_error)
