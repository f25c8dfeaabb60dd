"""nm and meV at the edge: the same numbers as converted by hand, and the same samples."""

import numpy as np
import pytest
from scipy import constants

from keras_qd.data import QuantumDots, Wells, generate, in_material
from keras_qd.data.store.summary import laboratory_unit, shown_units
from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.physics import material
from keras_qd.physics.potentials.base import sample_generator

#: a0* in nm and Ha* in meV of GaAs, from CODATA's values and m* = 0.067 m, epsilon = 12.9.
LENGTH = constants.physical_constants["Bohr radius"][0] * 1e9 * 12.9 / 0.067
ENERGY = constants.physical_constants["Hartree energy in eV"][0] * 1e3 * 0.067 / 12.9**2


def test_lengths_and_energies_are_as_converted_by_hand():
    recipe = in_material(
        QuantumDots,
        "GaAs",
        box_length=100,
        interaction="finite-thickness",
        thickness=5,
        family="parabolic",
        family_settings={"omega": [3, 6.0], "ratio": 1.2, "shift": [-0.1, 0.1], "disorder": 2},
        n_orbitals=8,
    )
    assert recipe.material == "GaAs"
    assert recipe.box_length == pytest.approx(100 / LENGTH, rel=1e-15)
    assert recipe.thickness == pytest.approx(5 / LENGTH, rel=1e-15)
    settings = recipe.family_settings
    assert settings["omega"] == pytest.approx([3 / ENERGY, 6 / ENERGY], rel=1e-15)
    assert settings["disorder"] == pytest.approx(2 / ENERGY, rel=1e-15)
    assert (settings["ratio"], settings["shift"]) == (1.2, [-0.1, 0.1])
    assert settings["correlation_length"] == 0.15


def test_what_is_left_out_has_its_default_in_effective_units():
    plain, named = QuantumDots(), in_material(QuantumDots, "InAs", family_settings={})
    assert named.settings() == {**plain.settings(), "material": "InAs"}


@pytest.mark.parametrize("family", sorted(QuantumDots.families))
def test_every_family_says_which_of_its_settings_are_energies(family):
    """A potential scales with its energies: twice the energies, twice the potential."""
    base = QuantumDots.families[family]().configuration()
    twice = QuantumDots.families[family].convert_energies(base, lambda energy: 2 * energy)
    if family in ("parabolic", "double-dot"):  # but for these, where it goes with omega squared
        base["omega"], twice["omega"] = 0.0, 0.0
    if family == "random-mixture":
        base, twice = (self_without_omega(settings) for settings in (base, twice))
    settings = {"n_pixels": 16, "n_orbitals": 4, "family": family, "seed": 5}
    low, high = (QuantumDots(**settings, family_settings=each) for each in (base, twice))
    for index in range(6):
        found, expected = (each._draw(sample_generator(5, index))[0] for each in (high, low))
        np.testing.assert_allclose(found, 2 * expected, atol=1e-5)


def self_without_omega(settings):
    """Return the settings of a mixture with its parabolas made flat."""
    components = [
        {**component, "omega": 0.0} if "omega" in component else component
        for component in settings["components"]
    ]
    return {"components": components}


@pytest.mark.parametrize("family", sorted(Wells.families))
def test_every_family_on_a_line_does_so_too(family):
    base = {"offset": (-0.4, 0.4), **Wells.families[family]().configuration()}
    twice = Wells.families[family].convert_energies(base, lambda energy: 2 * energy)
    low, high = (Wells(family=family, family_settings=each) for each in (base, twice))
    np.testing.assert_allclose(
        high._draw(range(6))[0], 2 * low._draw(range(6))[0], rtol=1e-6, atol=1e-6
    )


def test_the_same_resolved_numbers_make_the_same_samples(tmp_path):
    small = {"n_pixels": 16, "n_orbitals": 5}
    named = in_material(
        QuantumDots, "GaAs", box_length=100, family_settings={"amplitude": 6.0}, **small
    )
    by_hand = QuantumDots(
        box_length=named.box_length,
        family_settings={"amplitude": named.family_settings["amplitude"]},
        **small,
    )
    stores = [
        generate(tmp_path / str(number), recipe, 3, workers=1)
        for number, recipe in enumerate((named, by_hand))
    ]
    for name in stores[0].fields:
        np.testing.assert_array_equal(stores[0].read(name), stores[1].read(name))
    assert stores[0].digest() != stores[1].digest()  # which has the settings in it
    assert [store.configuration["material"] for store in stores] == ["GaAs", None]
    with pytest.raises(UsageError, match="material is 'GaAs', not None"):
        generate(stores[0].path, by_hand, 3, workers=1)
    factor, unit = shown_units(stores[0])["density"]
    assert unit == "1/nm^2"
    density = factor * stores[0].read("density").astype(float)
    np.testing.assert_allclose(density.sum(axis=(1, 2)) * (100 / 16) ** 2, 2, rtol=1e-6)
    assert shown_units(stores[1])["density"] == (1.0, "1/a0*^2")


def test_units_are_shown_in_nm_and_mev():
    gaas = material("GaAs")
    for unit, factor, shown in [
        ("Ha*", ENERGY, "meV"),
        ("a0*", LENGTH, "nm"),
        ("1/a0*", 1 / LENGTH, "1/nm"),
        ("1/a0*^2", LENGTH**-2, "1/nm^2"),
        ("hbar^2", 1.0, "hbar^2"),
    ]:
        assert laboratory_unit(unit, gaas) == (pytest.approx(factor, rel=1e-12), shown)


@pytest.mark.parametrize("kind", [QuantumDots, Wells])
def test_mistakes_are_told(kind):
    with pytest.raises(UnknownNameError, match="did you mean 'GaAs'"):
        in_material(kind, "GaAS")
    with pytest.raises(UnknownNameError, match="did you mean 'GaAs'"):
        kind(material="GaAS")
    with pytest.raises(UnknownNameError, match="did you mean 'random-fourier'"):
        in_material(kind, "GaAs", family="random-fouriers", family_settings={"amplitude": 2})
    with pytest.raises(UsageError, match="amplitude='much' is not usable"):
        in_material(kind, "GaAs", family="random-fourier", family_settings={"amplitude": "much"})
