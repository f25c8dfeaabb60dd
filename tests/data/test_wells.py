"""The wells on a line: exact samples, the same however the work is divided."""

import numpy as np
import pytest

from keras_qd.data import Wells, generate
from keras_qd.data.wells import wells_1d
from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.physics.line.solver import states_1d


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return generate(tmp_path_factory.mktemp("data") / "wells.zarr", Wells(seed=2), 1100, workers=1)


def test_samples_are_ground_states(store):
    potentials, densities = store.read("potential"), store.read("density")
    energies, orbitals = states_1d(potentials[:50], 10.0)
    np.testing.assert_allclose(store.read("energy")[:50], energies[:, 0], atol=2e-3)
    np.testing.assert_allclose(densities[:50], orbitals[:, 0] ** 2, atol=5e-3)
    np.testing.assert_allclose(densities.sum(axis=1) * 10 / 65, 1, rtol=1e-6)


def test_kinetic_and_potential_energy_sum_up(store):
    products = store.read("density").astype(float) * store.read("potential")
    total = store.read("kinetic_energy") + products.sum(axis=1) * 10 / 65
    np.testing.assert_allclose(total, store.read("energy"), atol=1e-6)
    assert (store.read("kinetic_energy") > 0).all()


def test_the_kinetic_energy_is_von_weizsaeckers_functional_of_the_density(store):
    """For one electron T[n] is the integral of n'^2 / (8 n), and so that of (sqrt(n))'^2 / 2."""
    amplitude = np.sqrt(store.read("density").astype(np.float64))
    modes = np.arange(1, 65)
    # Sines vanish at the walls as the amplitude does, and their slopes are known.
    shares = amplitude @ np.sin(np.pi * np.outer(modes, modes) / 65) * (2 / 65)
    functional = 0.5 * np.sum((np.pi * modes / 10.0 * shares) ** 2, axis=1) * 10.0 / 2
    np.testing.assert_allclose(functional, store.read("kinetic_energy"), atol=2e-4)


def test_the_random_constant_has_the_variance_that_the_density_cannot_know(store):
    constants = store.read("parameters")[:, store.fields["parameters"].labels.index("offset")]
    assert (constants.min(), constants.max()) == pytest.approx((0.06, 0.94), abs=0.01)
    assert constants.var() == pytest.approx(0.88**2 / 12, rel=0.1)
    # What the density can know of the energy is a sixth of its variance, as in the course's data.
    energies = store.read("energy")
    assert energies.var() == pytest.approx(0.079, rel=0.1)
    assert (energies - constants).var() == pytest.approx(0.015, rel=0.2)


def test_appending_and_workers_change_no_bit(store, tmp_path):
    grown = generate(tmp_path / "wells", Wells(seed=2), 37, workers=1)
    assert grown.digest() == store.digest(37)
    assert generate(tmp_path / "wells", Wells(seed=2), 1100, workers=1).digest() == store.digest()


def test_the_data_set_has_half_its_samples_for_training(store, monkeypatch, tmp_path):
    dataset = wells_1d(store.path, n_points=64)
    sizes = [len(dataset.split(name)["energy"]) for name in ("train", "validation", "test")]
    assert sum(sizes) == 1100
    assert sizes == pytest.approx([550, 275, 275], abs=60)
    monkeypatch.setenv("KERAS_QD_CACHE", str(tmp_path))
    made = wells_1d(samples=20, seed=2, workers=1)
    assert made.metadata["digest"] == store.digest(20)


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(UsageError, match="n_points=1: expected"):
        Wells(n_points=1)
    with pytest.raises(UsageError, match="length=-2"):
        Wells(length=-2)
    with pytest.raises(UnknownNameError, match="potential family"):
        Wells(family="square")
