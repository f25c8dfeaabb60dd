"""Regularised Newton steps, and the complete response of two electrons."""

import numpy as np
import pytest

from keras_qd.inverse.newton import (
    FIRST_STRATEGIES,
    LATER_STRATEGIES,
    SingletResponse,
    SmoothFit,
    has_singlet_response,
)
from keras_qd.inverse.response import Band
from keras_qd.physics import Box, Solver, sample_potentials

BOX = Box(10.0)
BAND = Band(8, 24)


def in_band(seed):
    potential = sample_potentials(1, BOX, 24, seed=seed)[0]
    return BAND.field(BAND.coefficients(potential))


@pytest.fixture
def fit():
    generator = np.random.default_rng(1)
    jacobian = generator.normal(size=(20, 5))
    jacobian[:, 0] = 0  # the constant
    coefficients, residual = generator.normal(size=5), generator.normal(size=20)
    weights = np.array([0.0, 1e-3, 2e-3, 3e-3, 4e-3])
    return (
        SmoothFit(coefficients, residual, jacobian, weights),
        coefficients,
        residual,
        jacobian,
        weights,
    )


def test_an_undamped_step_ends_at_the_least_value_of_the_linear_fit(fit):
    fit, coefficients, residual, jacobian, _ = fit

    def value(step):
        return fit.value_at(coefficients + step, residual - jacobian @ step)

    best = fit.step(damping=0.0)
    assert best[0] == 0
    assert value(best) < fit.value == value(np.zeros(5))
    generator = np.random.default_rng(2)
    for _ in range(20):
        other = best + 1e-3 * np.append(0, generator.normal(size=4))
        assert value(other) > value(best)


def test_the_penalty_is_on_the_potential_and_not_on_the_step(fit):
    _, coefficients, residual, jacobian, weights = fit
    heavy = SmoothFit(coefficients, residual, jacobian, 1e9 * weights)
    np.testing.assert_allclose(heavy.step(0.0)[1:], -coefficients[1:], rtol=1e-3)


def test_damping_makes_steps_shorter(fit):
    fit = fit[0]
    lengths = [np.linalg.norm(fit.step(damping)) for damping in (0.0, 1e2, 1e4)]
    assert lengths[0] > lengths[1] > lengths[2] > 0


def test_penalties_fall():
    for strategy in FIRST_STRATEGIES + LATER_STRATEGIES:
        assert list(strategy.penalties) == sorted(strategy.penalties, reverse=True)


def test_damping_of_the_exchange_leaves_other_directions_alone(fit):
    _, *rest = fit
    exchange = np.array([[0.0, 1.0, -1.0, 0.5, 0.0]])
    held = SmoothFit(*rest, exchange)
    free, damped = held.step(damping=0.0), held.step(damping=1e9)
    np.testing.assert_array_equal(free, fit[0].step(damping=0.0))
    assert abs(exchange @ free) > 0.1
    assert abs(exchange @ damped) < 1e-6
    assert np.linalg.norm(damped) > 0.1


@pytest.mark.parametrize(("strength", "interaction"), [(1.0, "coulomb"), (3.0, "finite-thickness")])
def test_derivative_is_that_of_exact_densities(strength, interaction):
    solver = Solver(
        BOX, 2, interaction, n_orbitals=8, strength=strength, tolerance=1e-11, basis_tolerance=1e-2
    )
    potential = in_band(seed=4)
    derivative = SingletResponse(solver, BAND, potential, shift=0.0).derivative()
    assert derivative.shape == (24 * 24, BAND.roughness.size)
    generator = np.random.default_rng(0)
    for _ in range(3):
        direction = generator.normal(size=BAND.roughness.size) / BAND.roughness
        change = BAND.field(direction)
        change *= 1e-3 / np.abs(change).max()
        after, before = (solver.solve(potential + sign * change).density for sign in (1, -1))
        answer = (derivative @ BAND.coefficients(change)).reshape(24, 24)
        np.testing.assert_allclose(answer, (after - before) / 2, atol=2e-6 * np.abs(answer).max())


def test_a_constant_changes_nothing_and_no_charge_appears():
    derivative = SingletResponse(
        Solver(BOX, 2, n_orbitals=10), BAND, in_band(seed=5), shift=0.1
    ).derivative()
    scale = np.abs(derivative).max()
    np.testing.assert_allclose(derivative[:, 0], 0, atol=1e-9 * scale)
    np.testing.assert_allclose(derivative.sum(axis=0) * BOX.pixel_area(24), 0, atol=1e-9 * scale)


def test_a_shift_changes_the_response_a_little():
    potential = in_band(seed=6)
    exact, shifted = (
        SingletResponse(Solver(BOX, 2, n_orbitals=10), BAND, potential, shift).derivative()
        for shift in (0, 0.1)
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
    ("solver", "has_response"),
    [
        (Solver(BOX, 2), True),
        (Solver(BOX, 2, spin=0), True),
        (Solver(BOX, 2, spin=1), False),
        (Solver(BOX, 3), False),
        (Solver(BOX, 2, strength=0), False),
        (Solver(BOX, 2, "none"), False),
    ],
)
def test_two_interacting_electrons_have_a_response(solver, has_response):
    assert has_singlet_response(solver) == has_response
