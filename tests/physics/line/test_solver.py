"""The public solver on a line: shapes, states, errors, sampling."""

import numpy as np
import pytest

from keras_qd import physics
from keras_qd.errors import DataError, UnknownNameError, UsageError

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
