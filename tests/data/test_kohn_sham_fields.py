"""Exact Kohn-Sham fields of the data set quantum-dots, on request."""

import numpy as np
import pytest

from keras_qd import physics
from keras_qd.data import QuantumDots
from keras_qd.errors import UsageError
from keras_qd.physics import Box, kohn_sham_of_density, solve_batch

NAMES = {"xc_potential", "hartree_potential", "xc_energy", "kohn_sham_kinetic_energy"}
AREA = (10.0 / 32) ** 2


@pytest.fixture(scope="module")
def samples():
    return QuantumDots(n_pixels=32, kohn_sham=True).make(range(4))


def test_fields_come_on_request(samples):
    without, having = QuantumDots(n_pixels=32), QuantumDots(n_pixels=32, kohn_sham=True)
    assert set(having.fields) - set(without.fields) == NAMES
    assert {having.fields[name].unit for name in NAMES} == {"Ha*"}
    for name, values in without.make(range(2)).items():
        assert np.array_equal(values, samples[name][:2]), name


def test_energies_add_up(samples):
    potential, density = samples["potential"].astype(float), samples["density"].astype(float)
    external = (potential * density).sum(axis=(1, 2)) * AREA
    hartree = (samples["hartree_potential"] * density).sum(axis=(1, 2)) * AREA / 2
    parts = samples["kohn_sham_kinetic_energy"] + external + hartree + samples["xc_energy"]
    np.testing.assert_allclose(parts, samples["energy"], atol=1e-4)
    assert (samples["xc_energy"] < -hartree / 2).all()


def test_they_are_those_of_a_solution(samples):
    potential = samples["potential"][0].astype(float)
    found = physics.kohn_sham(potential, physics.solve(potential, Box(10.0), accuracy=2e-4))
    density = samples["density"][0]
    error = np.abs(samples["xc_potential"][0] - found.xc_potential)
    assert (error * density).sum() / density.sum() < 1e-2
    assert samples["xc_energy"][0] == pytest.approx(found.xc_energy, abs=1e-3)


def test_error_against_a_finer_grid(samples):
    """docs/concepts/physics.md has the figures of forty such dots."""
    potentials = samples["potential"].astype(float)
    best = solve_batch(potentials, Box(10.0), n_grid=18, steps=9)
    for i, potential in enumerate(potentials):
        level = float(best.energy[i] - best.energy_noninteracting[i] / 2)
        exact = kohn_sham_of_density(potential, best.density[i], Box(10.0), level=level)
        error = np.abs(samples["xc_potential"][i] - exact.xc_potential)
        assert (error * best.density[i]).sum() / best.density[i].sum() < 0.03
        assert error[exact.determined].max() < 0.2


def test_one_electron_has_exchange_alone():
    samples = QuantumDots(n_pixels=32, n_electrons=1, kohn_sham=True).make(range(2))
    there = samples["density"] > 0.01 * samples["density"].max(axis=(1, 2), keepdims=True)
    error = np.abs(samples["xc_potential"] + samples["hartree_potential"])
    assert error[there].max() < 0.1
    assert (error * samples["density"]).sum() / samples["density"].sum() < 0.01


def test_three_electrons_are_refused():
    with pytest.raises(UsageError, match="one or two electrons, got n_electrons=3"):
        QuantumDots(n_electrons=3, kohn_sham=True)
