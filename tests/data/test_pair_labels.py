"""Labels of two electrons: on the usual grid, or a finer one where that is not good enough."""

import numpy as np
import pytest

from keras_qd.data import QuantumDots
from keras_qd.physics import Box, solve_batch


@pytest.fixture(scope="module")
def recipe():
    return QuantumDots(n_pixels=32)


@pytest.fixture(scope="module")
def samples(recipe):
    return recipe.make(range(3))


def test_samples_have_their_electrons_and_gaps(samples):
    np.testing.assert_allclose(samples["density"].sum(axis=(1, 2)) * (10 / 32) ** 2, 2, atol=1e-5)
    assert (samples["exchange"] >= samples["gap"]).all()
    assert (samples["gap"] > 0).all()


def test_the_chemical_potential_is_the_energy_that_the_second_electron_adds(recipe, samples):
    one = QuantumDots(n_pixels=32, n_electrons=1)
    for potential, energy, added in zip(
        *(samples[name] for name in ("potential", "energy", "chemical_potential")), strict=True
    ):
        first = one.solve(potential.astype(np.float64))["energy"]
        assert added == pytest.approx(energy - first, abs=2e-4)


def test_no_density_is_negative(recipe):
    """Rounding must not refuse a logarithmic scaling, as that of density-to-potential."""
    samples = recipe.make(range(8))
    assert samples["density"].min() >= 0
    assert samples["density_noninteracting"].min() >= 0


def test_a_sample_does_not_depend_on_its_neighbours(recipe, samples):
    alone = recipe.make(range(2, 3))
    for name, values in alone.items():
        assert np.array_equal(values[0], samples[name][2]), name


def honest(estimates, errors):
    """Share of estimates within 0.5 to 3 of the errors; both below rounding count."""
    estimates, errors = np.abs(estimates), np.abs(errors)
    small = (estimates < 1e-6) & (errors < 1e-6)
    return (small | ((estimates > 0.5 * errors) & (estimates < 3 * errors))).mean()


def test_label_errors_are_honest(recipe):
    """Six dots against a much finer grid; forty are tried in tests/physics/test_label_error.py."""
    samples = recipe.make(range(6))
    errors = recipe.label_errors(samples)
    best = solve_batch(samples["potential"].astype(np.float64), Box(10.0), n_grid=22, steps=9)
    difference = np.abs(samples["density"] - best.density).sum(axis=(1, 2)) * (10 / 32) ** 2 / 2
    assert honest(errors["density"], difference) == 1
    assert honest(errors["energy"], samples["energy"] - best.energy) == 1
    for name in ("gap", "exchange"):
        assert honest(errors[name], samples[name] - getattr(best, name)) >= 0.8


def test_labels_that_may_err_more_are_solved_on_fewer_points():
    recipe = QuantumDots(n_pixels=32, accuracy=5e-3)
    samples = recipe.make(range(6))
    exact = solve_batch(samples["potential"].astype(np.float64), Box(10.0), n_grid=18, steps=9)
    rough = solve_batch(samples["potential"].astype(np.float64), Box(10.0), n_grid=10)
    errors = np.abs(samples["density"] - exact.density).sum(axis=(1, 2)) * (10 / 32) ** 2 / 2
    assert (errors < 5e-3).mean() >= 0.8
    assert np.allclose(samples["energy"], rough.energy, atol=1e-4)
    assert honest(recipe.label_errors(samples)["density"], errors) >= 0.8


def test_large_boxes_are_solved_with_care():
    """A parabola in a box of 24 a0*: the usual grid would be far from enough."""
    settings = {"family": "parabolic", "n_pixels": 48, "box_length": 24.0}
    careful, rough = QuantumDots(**settings), QuantumDots(**settings, accuracy=1.0)
    samples = careful.make(range(1))
    density, wrong = samples["density"][0], rough.make(range(1))["density"][0]
    assert np.abs(density - wrong).sum() * 0.5**2 / 2 > 5e-3
    assert careful.label_errors(samples)["density"][0] < 2e-3


def test_configuration_interaction_has_an_exchange_too():
    sample = QuantumDots(n_pixels=24, n_orbitals=10).make(range(1))
    assert sample["exchange"][0] == pytest.approx(sample["gap"][0])
