"""The complete response of two electrons, against differences of exact solutions."""

import numpy as np
import pytest

from keras_qd.inverse.newton import SingletResponse, has_singlet_response
from keras_qd.inverse.response import Band
from keras_qd.physics import Box, Solver, sample_potentials

BOX = Box(10.0)
BAND = Band(10, 32)


def in_band(seed):
    potential = sample_potentials(1, BOX, 32, seed=seed)[0]
    return BAND.field(BAND.coefficients(potential))


@pytest.mark.parametrize(("strength", "interaction"), [(1.0, "coulomb"), (3.0, "finite-thickness")])
def test_derivative_is_that_of_exact_densities(strength, interaction):
    solver = Solver(
        BOX, 2, interaction, n_orbitals=8, strength=strength, tolerance=1e-11, basis_tolerance=1e-2
    )
    potential = in_band(seed=4)
    derivative = SingletResponse(solver, BAND, potential, shift=0.0).derivative()
    assert derivative.shape == (32 * 32, BAND.roughness.size)
    generator = np.random.default_rng(0)
    for _ in range(3):
        direction = generator.normal(size=BAND.roughness.size) / BAND.roughness
        change = BAND.field(direction)
        change *= 1e-3 / np.abs(change).max()
        after, before = (solver.solve(potential + sign * change).density for sign in (1, -1))
        answer = (derivative @ BAND.coefficients(change)).reshape(32, 32)
        np.testing.assert_allclose(answer, (after - before) / 2, atol=2e-6 * np.abs(answer).max())


def test_a_constant_changes_nothing_and_no_charge_appears():
    derivative = SingletResponse(Solver(BOX, 2), BAND, in_band(seed=5), shift=0.1).derivative()
    scale = np.abs(derivative).max()
    np.testing.assert_allclose(derivative[:, 0], 0, atol=1e-9 * scale)
    np.testing.assert_allclose(derivative.sum(axis=0) * BOX.pixel_area(32), 0, atol=1e-9 * scale)


def test_a_shift_makes_the_answer_smaller():
    """By the orbitals that mix in alone, little where none of them crosses."""
    potential = in_band(seed=6)
    exact, shifted = (
        SingletResponse(Solver(BOX, 2), BAND, potential, shift).derivative() for shift in (0, 0.1)
    )
    assert 1e-6 < np.linalg.norm(exact - shifted) / np.linalg.norm(exact) < 0.1


def test_what_is_exchanged_is_that_of_exact_orbitals():
    """Sixteen amplitudes of orbitals 7 to 10 in 3 to 6, then the sixteen relative distances.

    Levels nearer than 0.01 Ha* count as that far apart, which is seen a little before.
    """
    few, more = (Solver(BOX, 2, n_orbitals=n, basis_tolerance=1e-2) for n in (6, 10))
    potential, generator = in_band(seed=4), np.random.default_rng(1)
    direction = generator.normal(size=BAND.roughness.size) / BAND.roughness
    change = BAND.field(1e-5 * direction)
    rows = SingletResponse(few, BAND, potential, shift=0.0).exchange()
    amplitudes, distances = (rows @ BAND.coefficients(change)).reshape(2, 4, 4)

    before, after = (more.solve_orbitals(v) for v in (potential, potential + change))
    overlaps = before.coefficients.T @ after.coefficients
    overlaps = overlaps[6:10, 2:6] * np.sign(overlaps.diagonal()[2:6])
    apart, then = (o.energies[6:10, None] - o.energies[2:6] for o in (before, after))
    share = apart / np.hypot(apart, 0.01)
    signs = np.sign(overlaps / -amplitudes)  # those of orbitals are arbitrary
    np.testing.assert_allclose(np.abs(overlaps) * share, np.abs(amplitudes), rtol=2e-3, atol=1e-9)
    assert np.linalg.matrix_rank(signs) == 1
    np.testing.assert_allclose((then / apart - 1) * share, distances, rtol=2e-3, atol=1e-9)


@pytest.mark.parametrize(
    ("solver", "answered"),
    [
        (Solver(BOX, 2), True),
        (Solver(BOX, 2, spin=0), True),
        (Solver(BOX, 2, spin=1), False),
        (Solver(BOX, 3), False),
        (Solver(BOX, 2, strength=0), False),
        (Solver(BOX, 2, "none"), False),
    ],
)
def test_two_interacting_electrons_are_answered_for(solver, answered):
    assert has_singlet_response(solver) == answered
