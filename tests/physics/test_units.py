"""Effective units and the constants of the materials."""

import numpy as np
import pytest
from scipy import constants

from keras_qd import physics
from keras_qd.errors import UnknownNameError, UsageError


@pytest.mark.parametrize("name", physics.material_names())
def test_units_follow_from_the_fundamental_constants(name):
    material = physics.material(name)
    mass = material.effective_mass * constants.m_e
    permittivity = material.permittivity * constants.epsilon_0
    charge = constants.e**2 / (4 * np.pi * permittivity)
    assert material.bohr_radius * 1e-9 == pytest.approx(constants.hbar**2 / (mass * charge))
    energy = material.hartree * 1e-3 * constants.e
    assert energy == pytest.approx(mass * (charge / constants.hbar) ** 2)


@pytest.mark.parametrize("name", physics.material_names())
def test_every_constant_names_its_source(name):
    material = physics.material(name)
    assert "doi:10." in material.effective_mass_source
    assert "doi:10." in material.permittivity_source
    assert material.convention


def test_vacuum_is_the_atomic_system():
    vacuum = physics.Material("vacuum", 1.0, 1.0)
    assert vacuum.bohr_radius == pytest.approx(0.0529177, rel=1e-5)
    assert vacuum.hartree == pytest.approx(27211.386, rel=1e-6)


def test_the_dot_of_the_literature():
    """Pederiva et al., doi:10.1103/PhysRevB.62.8120 and erratum: 97.9373 Angstrom, 11.8572 meV."""
    gaas = physics.Material("GaAs", 0.067, 12.4)
    assert gaas.bohr_radius == pytest.approx(9.79373, rel=1e-5)
    assert gaas.hartree == pytest.approx(11.86, abs=0.01)


def test_conversions_undo_each_other():
    gaas = physics.material("GaAs")
    values = np.array([0.5, 3.0])
    for there, back in (
        (gaas.to_nanometres, gaas.from_nanometres),
        (gaas.to_millielectronvolts, gaas.from_millielectronvolts),
        (gaas.to_per_nanometre, gaas.from_per_nanometre),
    ):
        np.testing.assert_allclose(back(there(values)), values)
        assert not np.allclose(there(values), values)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_a_density_keeps_its_number_of_electrons(dimensions):
    gaas = physics.material("GaAs")
    cell, density = 0.7, 0.3
    cell_nm = gaas.to_nanometres(cell)
    density_nm = gaas.to_per_nanometre(density, dimensions)
    assert density_nm * cell_nm**dimensions == pytest.approx(density * cell**dimensions)


def test_bad_input_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'GaAs'"):
        physics.material("GaAS")
    with pytest.raises(UsageError, match=r"effective_mass=0\.0"):
        physics.Material("nothing", 0.0, 1.0)
    with pytest.raises(UsageError, match=r"permittivity=-1\.0"):
        physics.Material("nothing", 1.0, -1.0)
