"""The field `density_gap`: how far a dot is from another density."""

import numpy as np
import pytest

from keras_qd.data import generate
from keras_qd.data.quantum_dots import QuantumDots
from keras_qd.errors import UsageError
from keras_qd.physics import Box, spectrum


def two_wells(bias):
    """Two deep wells far apart: without interaction both electrons choose the lower one."""
    x, y = Box(10.0).mesh(32)
    left, right = (np.exp(-((x - centre) ** 2 + (y - 5) ** 2) / 2) for centre in (2.5, 7.5))
    return -4.0 * left - (4.0 + bias) * right


def test_the_nearest_level_with_another_density_is_an_electron_in_the_other_well():
    levels = spectrum(two_wells(0.3), Box(10.0), 2, strength=0.0, n_states=6)
    one = spectrum(two_wells(0.3), Box(10.0), 1, n_states=2)
    assert levels.density_gap() == pytest.approx(one.excitation_energies[1], abs=1e-4)


def test_a_singlet_and_a_triplet_of_one_density_do_not_count():
    levels = spectrum(two_wells(0.0), Box(10.0), 2, n_states=6)
    assert levels.excitation_energies[1] < 1e-3
    assert levels.density_gap() > 0.1


def test_where_no_level_differs_it_is_the_distance_to_the_highest():
    levels = spectrum(two_wells(0.0), Box(10.0), 2, n_states=2)
    assert levels.density_gap() == levels.excitation_energies[-1]


def test_one_level_has_no_density_gap():
    with pytest.raises(UsageError, match="two levels"):
        spectrum(two_wells(0.0), Box(10.0), 1, n_states=1).density_gap()


def test_the_field_changes_no_other_one():
    plain = QuantumDots(n_pixels=32).make(range(2))
    having = QuantumDots(n_pixels=32, density_gap=True).make(range(2))
    gaps = having.pop("density_gap")
    assert (gaps > having["gap"] - 2e-3).all()
    assert all((plain[name] == having[name]).all() for name in plain)
    assert plain.keys() == having.keys()


def test_every_sample_of_a_mixture_has_one():
    recipe = QuantumDots(n_electrons=(1, 3), strength=(0.5, 1.0), n_pixels=32, density_gap=True)
    assert (recipe.make(range(2))["density_gap"] > 0).all()


def test_a_store_has_it_as_a_field(tmp_path):
    recipe = QuantumDots(n_pixels=32, n_electrons=1, density_gap=True)
    store = generate(tmp_path / "dots.zarr", recipe, 2, workers=1)
    assert "density_gap" in store.fields


@pytest.mark.parametrize("settings", [{"n_electrons": 5}, {"n_orbitals": 8}])
def test_it_needs_levels(settings):
    with pytest.raises(UsageError, match="leave density_gap out"):
        QuantumDots(density_gap=True, **settings)
