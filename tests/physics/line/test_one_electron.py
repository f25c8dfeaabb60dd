"""One electron by Numerov's matrix: exact values, the oracle, bounds and order."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_qd import physics
from keras_qd.errors import PhysicsError
from keras_qd.physics.line.one_electron import BLOCK, numerov_ground_states

LENGTH = 10.0
#: 129 = 2 * 65 - 1 nodes: every second of them is one of 64. Spectral accuracy needs no more.
FINE, COARSE = 129, 64


def random_potentials(n, n_points, seed=0, **parameters):
    return physics.sample_potentials_1d(n, LENGTH, n_points, seed=seed, **parameters)


def oscillator(n_points, length, omega=1.0):
    x = np.arange(1, n_points + 1) * length / (n_points + 1)
    return 0.5 * omega**2 * (x - 0.5 * length)[None] ** 2


@pytest.mark.parametrize("family", ["random-fourier", "gaussian-wells"])
def test_density_and_energy_agree_with_the_oracle(family):
    n = 200
    solution = physics.solve_1d(random_potentials(n, COARSE, family=family), LENGTH)
    energies, orbitals = physics.states_1d(random_potentials(n, FINE, family=family), LENGTH)
    oracle = orbitals[:, 0, 1::2] ** 2
    error = np.abs(solution.densities - oracle).sum(axis=1) * solution.spacing
    assert error.max() < 1e-3
    assert np.median(error) < 1e-4
    assert np.abs(solution.energies - energies[:, 0]).max() < 5e-4


def test_bounds_hold_and_are_tight():
    states = numerov_ground_states(random_potentials(300, COARSE), LENGTH)
    rounding = 1e-12
    assert np.all(states.lower <= states.energies + rounding)
    assert np.all(states.energies <= states.upper + rounding)
    assert np.max(states.upper - states.lower) < 1e-10


def test_eigenvalues_are_those_of_numerovs_matrix():
    potentials = random_potentials(5, 40)
    spacing = LENGTH / 41
    off = np.eye(40, k=1) + np.eye(40, k=-1)
    second = (off - 2 * np.eye(40)) / spacing**2
    average = (off + 10 * np.eye(40)) / 12
    states = numerov_ground_states(potentials, LENGTH)
    for potential, energy, density in zip(
        potentials, states.energies, states.densities, strict=True
    ):
        matrix = -0.5 * np.linalg.solve(average, second) + np.diag(potential)
        levels, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
        assert energy == pytest.approx(levels[0], abs=1e-11)
        np.testing.assert_allclose(density, vectors[:, 0] ** 2 / spacing, atol=1e-9)


def test_box_and_oscillator_levels():
    assert physics.solve_1d(np.zeros((1, 64)), LENGTH).energies[0] == pytest.approx(
        np.pi**2 / (2 * LENGTH**2), rel=1e-7
    )
    energy = physics.solve_1d(oscillator(200, 16.0), 16.0).energies[0]
    assert energy == pytest.approx(0.5, abs=1e-6)


def test_energy_converges_with_the_fourth_power_of_the_spacing():
    errors = [
        abs(numerov_ground_states(oscillator(n - 1, 16.0), 16.0).energies[0] - 0.5)
        for n in (40, 80, 160)
    ]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(orders, 4.0, atol=0.1)


def test_a_constant_moves_the_energy_and_nothing_else():
    potentials = random_potentials(20, COARSE)
    plain = physics.solve_1d(potentials, LENGTH)
    moved = physics.solve_1d(potentials + 123.0, LENGTH)
    np.testing.assert_allclose(moved.energies, plain.energies + 123.0, atol=1e-10)
    np.testing.assert_allclose(moved.densities, plain.densities, atol=1e-8)
    np.testing.assert_allclose(moved.internal_energies, plain.internal_energies, atol=1e-8)


def test_reflection_reflects_the_density():
    potentials = random_potentials(20, COARSE)
    plain = physics.solve_1d(potentials, LENGTH)
    mirrored = physics.solve_1d(potentials[:, ::-1], LENGTH)
    np.testing.assert_allclose(mirrored.densities[:, ::-1], plain.densities, atol=1e-8)


def test_scaling_lengths_scales_energies():
    potentials = random_potentials(5, COARSE)
    plain = physics.solve_1d(potentials, LENGTH)
    stretched = physics.solve_1d(potentials / 9.0, 3.0 * LENGTH)
    np.testing.assert_allclose(stretched.energies, plain.energies / 9.0, atol=1e-11)


def test_internal_energy_is_von_weizsaeckers():
    potentials = random_potentials(20, FINE)
    solution = physics.solve_1d(potentials, LENGTH)
    root = np.pad(np.sqrt(solution.densities), ((0, 0), (1, 1)))
    kinetic = 0.5 * np.sum(np.diff(root, axis=1) ** 2, axis=1) / solution.spacing
    np.testing.assert_allclose(solution.internal_energies, kinetic, rtol=2e-2)


def test_results_do_not_depend_on_the_company():
    potentials = random_potentials(BLOCK + 3, 16)
    together = physics.solve_1d(potentials, LENGTH)
    alone = physics.solve_1d(potentials[-3:], LENGTH)
    np.testing.assert_allclose(together.energies[-3:], alone.energies, atol=1e-10)
    np.testing.assert_allclose(together.densities[-3:], alone.densities, atol=1e-8)


def test_two_deep_wells_far_apart_converge():
    x = np.arange(1, 65) * LENGTH / 65
    wells = -6.0 * (np.exp(-((x - 2.5) ** 2)) + np.exp(-((x - 7.5) ** 2)))
    uneven = wells + np.array([[0.0], [1e-3], [1e-6]]) * x
    solution = physics.solve_1d(uneven, LENGTH)
    energies, _ = physics.states_1d(uneven, LENGTH, 2)
    assert np.all(energies[:, 1] - energies[:, 0] < 0.02)
    np.testing.assert_allclose(solution.energies, energies[:, 0], atol=2e-4)


def test_a_potential_too_narrow_for_its_grid_is_refused_with_points_that_are_enough():
    with pytest.raises(PhysicsError, match=r"use at least \d+ points") as caught:
        physics.solve_1d(oscillator(16, 20.0, omega=10.0), 20.0)
    n_points = int(re.search(r"use at least (\d+) points", str(caught.value))[1])
    solution = physics.solve_1d(oscillator(n_points, 20.0, omega=10.0), 20.0)
    assert solution.energies[0] == pytest.approx(5.0, abs=1e-3)


@pytest.mark.parametrize("width", [0.025, 0.03, 0.05])
def test_narrow_wells_are_as_exact_as_wide_ones(width):
    """On 64 points Numerov's matrix errs by up to 5e-2 Ha* here."""
    settings = {"family": "gaussian-wells", "width": width, "depth": (5.0, 20.0)}
    solution = physics.solve_1d(random_potentials(30, COARSE, **settings), LENGTH)
    energies, orbitals = physics.states_1d(random_potentials(30, 259, **settings), LENGTH)
    error = np.abs(solution.energies - energies[:, 0])
    assert error.max() < 1e-3
    assert (error < 1.5 * solution.energy_errors + 1e-6).all()
    density = np.abs(solution.densities - orbitals[:, 0, 3::4] ** 2).sum(axis=1) * solution.spacing
    assert density.max() < 1e-2


def test_errors_of_numerovs_matrix_are_known():
    solution = physics.solve_1d(random_potentials(50, COARSE, seed=2), LENGTH)
    energies, _ = physics.states_1d(random_potentials(50, FINE, seed=2), LENGTH)
    errors = solution.energy_errors / np.abs(solution.energies - energies[:, 0])
    assert ((errors > 0.8) & (errors < 1.25)).mean() > 0.9


def test_a_high_barrier_is_solved_in_sine_functions():
    x = np.arange(1, 65) * LENGTH / 65
    solution = physics.solve_1d(np.where(np.abs(x - 5) < 4, 0.0, 400.0)[None], LENGTH)
    assert solution.energies[0] == pytest.approx(np.pi**2 / (2 * 8.0**2), rel=0.05)


def test_degenerate_states_are_mixed_and_flagged():
    x = np.arange(1, 65) * LENGTH / 65
    wells = -40.0 * (np.exp(-((x - 2.5) ** 2)) + np.exp(-((x - 7.5) ** 2)))
    uneven = wells + np.array([[0.0], [1e-9], [1e-3]]) * x
    solution = physics.solve_1d(uneven, LENGTH)
    assert list(solution.n_states) == [2, 2, 1]
    np.testing.assert_allclose(solution.densities[:2], solution.densities[:2, ::-1], atol=1e-4)
    assert list(solution.gaps[:2]) == [0.0, 0.0]
    assert solution.gaps[2] == pytest.approx(5e-3, rel=1e-3)
    assert solution.densities[2, :32].sum() * solution.spacing > 0.999
    assert list(solution.is_degenerate) == [True, True, False]


def test_gaps_are_those_of_the_states():
    potentials = random_potentials(5, COARSE)
    energies, _ = physics.states_1d(potentials, LENGTH, 2)
    gaps = physics.solve_1d(potentials, LENGTH).gaps
    np.testing.assert_allclose(gaps, energies[:, 1] - energies[:, 0], atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    values=st.lists(st.floats(-20, 20), min_size=3, max_size=40),
    length=st.floats(0.5, 4.0),
)
def test_any_potential_has_a_bound_positive_normalised_state(values, length):
    potential = np.array([values])
    try:
        solution = physics.solve_1d(potential, length)
    except PhysicsError:
        assert np.ptp(potential) * (length / (len(values) + 1)) ** 2 > 0.05
        return
    assert solution.energies[0] > potential.min()
    assert solution.energies[0] < potential.max() + np.pi**2 / (2 * length**2) + 1e-9
    assert np.all(solution.densities >= 0)
    assert solution.densities.sum() * solution.spacing == pytest.approx(1.0)
    assert solution.internal_energies[0] > 0
