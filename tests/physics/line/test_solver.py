"""The solver on a line: shapes, states, errors, and pairs against exact and independent results."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_qd import physics
from keras_qd.errors import DataError, UnknownNameError, UsageError
from keras_qd.physics.line.one_electron import kinetic_matrix
from keras_qd.physics.line.solver import interaction_matrix, lowest_pair_levels

FLAT = np.zeros((2, 16))


def test_solution_says_where_and_how_many():
    solution = physics.solve_1d(FLAT, 17.0, 2, interaction="none")
    assert solution.energies.shape == (2,)
    assert solution.densities.shape == (2, 16)
    np.testing.assert_allclose(solution.nodes, np.arange(1, 17))
    assert solution.n_electrons == 2
    np.testing.assert_allclose(solution.densities.sum(axis=1) * solution.spacing, 2.0)


def test_states_are_orthonormal_and_those_of_the_box():
    energies, orbitals = physics.states_1d(FLAT, np.pi, 4)
    np.testing.assert_allclose(energies[0], np.arange(1, 5) ** 2 / 2)
    overlaps = orbitals[0] @ orbitals[0].T * np.pi / 17
    np.testing.assert_allclose(overlaps, np.eye(4), atol=1e-12)
    assert np.all(orbitals[:, 0] > 0)


def test_oscillator_levels_to_spectral_accuracy():
    x = np.arange(1, 64) * 16.0 / 64
    energies, _ = physics.states_1d(0.5 * (x - 8.0)[None] ** 2, 16.0, 5)
    np.testing.assert_allclose(energies[0], np.arange(5) + 0.5, atol=1e-10)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((np.zeros(16), 1.0), {}, DataError, r"shape \(16,\).*potential\[None, :\]"),
        ((np.zeros((2, 2)), 1.0), {}, DataError, "at least 3 points"),
        ((np.full((2, 16), np.nan), 1.0), {}, DataError, "potential 0 .and 1 more. is not finite"),
        ((FLAT, 0.0), {}, UsageError, "length=0.0"),
        ((FLAT, 1.0, 3), {}, UsageError, "n_electrons=3"),
        ((FLAT, 1.0, 2), {"spin": "doublet"}, UsageError, "spin='doublet'"),
        ((FLAT, 1.0, 2), {"interaction": "soft-coulom"}, UnknownNameError, "soft-coulomb"),
        ((FLAT, 1.0, 2), {"softening": 0.0}, UsageError, "softening=0.0"),
        ((FLAT, 1.0, 2), {"strength": -1.0}, UsageError, "strength=-1.0"),
    ],
)
def test_bad_input_is_refused_with_the_reason(arguments, options, error, message):
    with pytest.raises(error, match=message):
        physics.solve_1d(*arguments, **options)


@pytest.mark.parametrize("n_states", [0, 17])
def test_impossible_numbers_of_states_are_refused(n_states):
    with pytest.raises(UsageError, match="from 1 to the number of points, 16"):
        physics.states_1d(FLAT, 1.0, n_states)


@pytest.mark.parametrize("family", ["random-fourier", "gaussian-wells"])
def test_a_potential_depends_on_its_number_alone_and_not_on_the_grid(family):
    many = physics.sample_potentials_1d(6, 10.0, 19, family=family, seed=4, offset=(-1, 1))
    alone = physics.sample_potentials_1d(
        2, 10.0, 19, family=family, seed=4, first=3, offset=(-1, 1)
    )
    np.testing.assert_array_equal(many[3:5], alone)
    fine = physics.sample_potentials_1d(6, 10.0, 39, family=family, seed=4, offset=(-1, 1))
    np.testing.assert_allclose(fine[:, 1::2], many, atol=1e-10)


def test_offset_is_the_mean_and_its_spread_as_asked():
    values = physics.sample_potentials_1d(2000, 10.0, 32, offset=(-0.44, 0.44))
    plain = physics.sample_potentials_1d(2000, 10.0, 32)
    offsets = np.mean(values - plain, axis=1)
    np.testing.assert_allclose(values - plain, offsets[:, None] * np.ones(32), atol=1e-12)
    assert np.var(offsets) == pytest.approx(0.88**2 / 12, rel=0.06)


def test_sampling_refuses_what_makes_no_sense():
    with pytest.raises(UnknownNameError, match="random-fourier"):
        physics.sample_potentials_1d(1, 10.0, family="random-fouri")
    with pytest.raises(UsageError, match="has no parameter 'colour'"):
        physics.sample_potentials_1d(1, 10.0, colour=1)
    with pytest.raises(UsageError, match="at least 1"):
        physics.sample_potentials_1d(0, 10.0)


LENGTH = 10.0


def lowest_dense_level(potential, interaction, sign):
    """The lowest level of one symmetry, from the pair Hamiltonian among its states."""
    n = len(potential)
    one = kinetic_matrix(n, LENGTH) + np.diag(potential)
    full = np.kron(one, np.eye(n)) + np.kron(np.eye(n), one) + np.diag(interaction.ravel())
    rows, columns = np.tril_indices(n, k=-1 if sign < 0 else 0)
    states = np.zeros((len(rows), n, n))
    states[np.arange(len(rows)), rows, columns] = 1.0
    states = (states + sign * states.swapaxes(1, 2)).reshape(len(rows), n * n)
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    return np.linalg.eigvalsh(states @ full @ states.T)[0]


@pytest.mark.parametrize("n_systems", [40, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("spin", ["singlet", "triplet"])
def test_never_a_wrong_root(n_systems, spin):
    """Deep, rough potentials and strong repulsion: many states lie close to the lowest."""
    n, sign = 16, 1 if spin == "singlet" else -1
    potentials = physics.sample_potentials_1d(
        n_systems, LENGTH, n, seed=1, amplitude=(0.5, 5.0), correlation_length=0.1
    )
    strengths = np.linspace(0.1, 4.0, n_systems)
    for potential, strength in zip(potentials, strengths, strict=True):
        solution = physics.solve_1d(potential[None], LENGTH, 2, spin=spin, strength=strength)
        pair = interaction_matrix("soft-coulomb", n, LENGTH, 1.0, strength)
        expected = lowest_dense_level(potential, pair, sign)
        assert solution.energies[0] == pytest.approx(expected, abs=1e-9)


def dense_levels(potential, interaction, sign):
    """All levels of one symmetry, from the full pair Hamiltonian."""
    n = len(potential)
    one = kinetic_matrix(n, LENGTH) + np.diag(potential)
    full = np.kron(one, np.eye(n)) + np.kron(np.eye(n), one) + np.diag(interaction.ravel())
    swap = np.eye(n * n).reshape(n, n, n, n).swapaxes(2, 3).reshape(n * n, n * n)
    # States of the other symmetry are pushed out of the way.
    return np.linalg.eigh(full + 1e4 * 0.5 * (np.eye(n * n) - sign * swap))


@pytest.mark.parametrize("spin", ["singlet", "triplet"])
@pytest.mark.parametrize("interaction", ["soft-coulomb", "cusp-coulomb", "none"])
def test_agrees_with_dense_diagonalisation(spin, interaction):
    n = 20
    potentials = physics.sample_potentials_1d(3, LENGTH, n, seed=2)
    solution = physics.solve_1d(potentials, LENGTH, 2, spin=spin, interaction=interaction)
    pair = interaction_matrix(interaction, n, LENGTH, 1.0, 1.0)
    for potential, energy, density in zip(
        potentials, solution.energies, solution.densities, strict=True
    ):
        levels, vectors = dense_levels(potential, pair, 1 if spin == "singlet" else -1)
        assert energy == pytest.approx(levels[0], abs=1e-10)
        exact = 2 * np.sum(vectors[:, 0].reshape(n, n) ** 2, axis=1) / solution.spacing
        np.testing.assert_allclose(density, exact, atol=1e-5)


def test_without_interaction_two_electrons_share_the_lowest_orbital():
    potentials = physics.sample_potentials_1d(5, LENGTH, seed=3)
    pair = physics.solve_1d(potentials, LENGTH, 2, interaction="none")
    energies, orbitals = physics.states_1d(potentials, LENGTH, 2)
    np.testing.assert_allclose(pair.energies, 2 * energies[:, 0], atol=1e-10)
    np.testing.assert_allclose(pair.densities, 2 * orbitals[:, 0] ** 2, atol=1e-6)
    triplet = physics.solve_1d(potentials, LENGTH, 2, interaction="none", spin="triplet")
    np.testing.assert_allclose(triplet.energies, energies.sum(axis=1), atol=1e-10)


def test_a_parabola_separates_into_centre_and_distance():
    """E = omega/2 + the lowest even level of -u''+ omega^2 x^2/4 + W(x), both solved apart."""
    omega, length, n = 0.5, 20.0, 99
    x = np.arange(1, n + 1) * length / (n + 1)
    pair = physics.solve_1d(0.5 * omega**2 * (x - 10)[None] ** 2, length, 2)
    # Half the Hamiltonian of the distance has the kinetic energy of a unit mass.
    distance = np.arange(1, 400) * 40.0 / 400 - 20.0
    relative = 0.125 * omega**2 * distance**2 + 0.5 / np.sqrt(distance**2 + 1)
    levels, _ = physics.states_1d(relative[None], 40.0)
    assert pair.energies[0] == pytest.approx(0.5 * omega + 2 * levels[0, 0], abs=1e-8)


def test_strong_repulsion_makes_singlet_and_triplet_equal():
    x = np.arange(1, 65) * 60.0 / 65
    wide = 0.5 * 0.05**2 * (x - 30)[None] ** 2
    singlet = physics.solve_1d(wide, 60.0, 2, strength=3.0).energies[0]
    triplet = physics.solve_1d(wide, 60.0, 2, strength=3.0, spin="triplet").energies[0]
    assert 0 < triplet - singlet < 2e-3


def test_density_is_the_response_of_the_energy():
    """Hellmann and Feynman: dE = integral of density times dV."""
    potentials = physics.sample_potentials_1d(1, LENGTH, seed=5)
    change = physics.sample_potentials_1d(1, LENGTH, seed=6)
    step = 1e-3
    up = physics.solve_1d(potentials + step * change, LENGTH, 2).energies[0]
    down = physics.solve_1d(potentials - step * change, LENGTH, 2).energies[0]
    middle = physics.solve_1d(potentials, LENGTH, 2)
    slope = np.sum(middle.densities * change) * middle.spacing
    assert (up - down) / (2 * step) == pytest.approx(slope, abs=1e-5)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    amplitude=st.floats(0.1, 5.0),
    strength=st.floats(0.0, 5.0),
)
def test_any_pair_obeys_the_bounds_of_first_order(seed, amplitude, strength):
    potential = physics.sample_potentials_1d(1, LENGTH, 24, seed=seed, amplitude=amplitude)
    pair = physics.solve_1d(potential, LENGTH, 2, strength=strength)
    free = physics.solve_1d(potential, LENGTH, 2, interaction="none")
    triplet = physics.solve_1d(potential, LENGTH, 2, strength=strength, spin="triplet")
    mean = interaction_matrix("soft-coulomb", 24, LENGTH, 1.0, strength)
    single = 0.5 * free.densities[0] * free.spacing
    assert free.energies[0] - 1e-9 <= pair.energies[0]
    assert pair.energies[0] <= free.energies[0] + single @ mean @ single + 1e-9
    assert pair.energies[0] <= triplet.energies[0] + 1e-9
    assert pair.densities.sum() * pair.spacing == pytest.approx(2.0)


def test_wave_function_has_the_symmetry_of_its_spin():
    potential = physics.sample_potentials_1d(1, LENGTH, 24)[0]
    one = kinetic_matrix(24, LENGTH) + np.diag(potential)
    pair = interaction_matrix("soft-coulomb", 24, LENGTH, 1.0, 1.0)
    for triplet, sign in ((False, 1), (True, -1)):
        _, waves = lowest_pair_levels(one, pair, triplet=triplet)
        np.testing.assert_allclose(waves[0], sign * waves[0].T, atol=1e-12)
        assert np.sum(waves[0] ** 2) == pytest.approx(1.0)


@pytest.mark.parametrize("spin", ["singlet", "triplet"])
def test_gaps_are_those_of_dense_diagonalisation(spin):
    n, sign = 16, 1 if spin == "singlet" else -1
    potentials = physics.sample_potentials_1d(5, LENGTH, n, seed=5, amplitude=2.0)
    solution = physics.solve_1d(potentials, LENGTH, 2, spin=spin)
    pair = interaction_matrix("soft-coulomb", n, LENGTH, 1.0, 1.0)
    for potential, gap in zip(potentials, solution.gaps, strict=True):
        levels, _ = dense_levels(potential, pair, sign)
        assert gap == pytest.approx(levels[1] - levels[0], abs=1e-8)


def test_degenerate_triplets_are_mixed_and_keep_the_symmetry():
    """Three wells far apart: two electrons leave one of them empty, at the left or at the right."""
    x = np.arange(1, 64) * 40.0 / 64
    wells = -5.0 * sum(np.exp(-((x - centre) ** 2) / 6) for centre in (6.25, 20.0, 33.75))
    solution = physics.solve_1d(wells[None], 40.0, 2, spin="triplet", interaction="none")
    assert solution.n_states[0] == 3
    assert solution.gaps[0] == 0
    assert solution.is_degenerate[0]
    density = solution.densities[0]
    np.testing.assert_allclose(density, density[::-1], atol=1e-4)
    held = [density[np.abs(x - centre) < 4].sum() * solution.spacing for centre in (6.0, 20.0)]
    np.testing.assert_allclose(held, 2 / 3, atol=1e-3)
