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


def test_a_sample_does_not_depend_on_its_neighbours(recipe, samples):
    alone = recipe.make(range(2, 3))
    for name, values in alone.items():
        assert np.array_equal(values[0], samples[name][2]), name


def test_label_errors_are_honest(recipe, samples):
    errors = recipe.label_errors(samples)
    potentials = samples["potential"].astype(np.float64)
    best = solve_batch(potentials, Box(10.0), n_grid=18, steps=9)
    difference = np.abs(samples["density"] - best.density).sum(axis=(1, 2)) * (10 / 32) ** 2 / 2
    assert ((errors["density"] / difference > 0.5) & (errors["density"] / difference < 2)).all()
    # The energy of one of the three does not fall towards its limit: 40 dots are tried in
    # tests/physics/test_label_error.py.
    ratios = errors["energy"] / (samples["energy"] - best.energy)
    assert ((ratios > 0.5) & (ratios < 3)).sum() >= 2
    for name in ("energy", "gap", "exchange"):
        difference = samples[name] - getattr(best, name)
        np.testing.assert_allclose(errors[name], difference, atol=2e-4)


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
