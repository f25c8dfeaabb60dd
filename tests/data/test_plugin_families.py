"""Families of potentials that an installed plug-in brings, and those of one session."""

import json
import subprocess
import sys

import numpy as np
import pytest

import keras_qd
from keras_qd import physics, testing
from keras_qd.data import QuantumDots, generate, in_material, open_store
from keras_qd.errors import ConformanceError, PluginError, UsageError
from keras_qd.physics.potentials.base import FAMILIES
from keras_qd.registry import components

MODULE = """
import dataclasses
from typing import ClassVar

from keras_qd.physics import Parameter, PotentialFamily


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slopes(PotentialFamily):
    'A slope of random `steepness` [1]_.'

    name: ClassVar[str] = "slopes"
    energies: ClassVar[tuple[str, ...]] = ("steepest",)
    steepest: float = 0.5

    @property
    def parameters(self):
        return (Parameter("slope", (0.0, self.steepest)),)

    def values(self, drawn, box, n_pixels):
        return drawn["slope"] * box.mesh(n_pixels)[0] / box.length


class Misnamed(Slopes):
    pass


def no_class():
    return Slopes()
"""
ENTRY_POINTS = """[keras_qd.potentials]
slopes = slopes_plugin:Slopes
misnamed = slopes_plugin:Misnamed
no-class = slopes_plugin:no_class
"""
SMALL = {"n_pixels": 16, "n_orbitals": 4, "n_electrons": 1}


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A plug-in as pip leaves it: a module, and metadata beside it."""
    (tmp_path / "slopes_plugin.py").write_text(MODULE)
    described = tmp_path / "slopes_plugin-1.2.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: slopes-plugin\nVersion: 1.2\n"
    )
    (described / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield tmp_path
    sys.modules.pop("slopes_plugin", None)


@pytest.fixture
def session_family(plugin, monkeypatch):
    """The name of a family that only this session knows."""
    known = components("potentials")
    monkeypatch.setattr(known, "_registered", dict(known._registered))
    other = type("Other", (FAMILIES["slopes"],), {"name": "other-slopes"})
    return keras_qd.register("potentials", "other-slopes")(other).name


def test_a_plugins_family_is_found_by_name(plugin):
    assert "slopes" in physics.potential_families()
    potentials = physics.sample_potentials(2, physics.Box(4.0), 16, family="slopes", steepest=2.0)
    assert potentials.shape == (2, 16, 16)
    assert 0 < np.ptp(potentials[0]) < 2.0
    testing.check_potential_family("slopes", steepest=2.0)
    with pytest.raises(UsageError, match="slopes has no parameter 'steep'; it has steepest"):
        physics.potential_family("slopes", steep=1.0)


def test_workers_find_it_and_the_store_says_whose_it_is(plugin, monkeypatch):
    recipe = QuantumDots(**SMALL, family="slopes", family_settings={"steepest": 0.7})
    store = generate(plugin / "slopes.zarr", recipe, 6, workers=2)
    assert store.configuration["family"] == "slopes"
    assert store.configuration["family_settings"] == {"steepest": 0.7}
    assert store.origins == {"slopes": "slopes-plugin 1.2"}
    assert store.fields["parameters"].labels == ("slope",)
    drawn = physics.sample_potentials(6, physics.Box(10.0), 16, family="slopes", steepest=0.7)
    monkeypatch.setattr(sys, "path", sys.path[1:])  # the plug-in is gone
    assert "slopes" not in physics.potential_families()
    again = open_store(plugin / "slopes.zarr")
    np.testing.assert_array_equal(again.read("potential"), drawn.astype("float32"))


def test_its_energies_are_converted(plugin):
    settings = {"family": "slopes", "family_settings": {"steepest": 5.0}}
    recipe = in_material(QuantumDots, "GaAs", **SMALL, **settings)
    hartree = physics.material("GaAs").hartree
    assert recipe.family_settings["steepest"] == pytest.approx(5.0 / hartree)


def test_a_mixture_may_hold_it_and_does_not_by_itself(plugin):
    mixed = physics.potential_family("random-mixture", components=["slopes", "parabolic"])
    recipe = QuantumDots(family="random-mixture", family_settings=mixed.configuration())
    assert recipe.origins["slopes"] == "slopes-plugin 1.2"
    assert set(recipe.origins) == {"random-mixture", "slopes", "parabolic"}
    default = physics.potential_family("random-mixture")
    assert "slopes" not in {family.name for family in default.families}


def test_it_is_listed(plugin):
    search = "import sys, keras_qd.cli.main as cli; sys.path.insert(0, sys.argv.pop(1)); cli.main()"
    command = [sys.executable, "-c", search, str(plugin), "list", "potentials", "--json"]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    listed = json.loads(process.stdout)["potentials"]
    assert listed["slopes"]["from"] == "slopes-plugin 1.2"
    assert listed["slopes"]["summary"] == "A slope of random steepness"
    assert listed["parabolic"]["from"].startswith("keras-qd ")


@pytest.mark.parametrize("name", ["misnamed", "no-class"])
def test_what_is_no_family_of_that_name_is_refused(plugin, name):
    expected = (
        rf"{name}' of slopes-plugin 1\.2 is .* register (it under its own|a subclass of .*Family)"
    )
    with pytest.raises(PluginError, match=expected):
        physics.potential_family(name)
    with pytest.raises(ConformanceError, match=expected):
        testing.check_potential_family(name)


def test_a_check_by_name_looks_it_up():
    with pytest.raises(ConformanceError, match=r"looking it up raises .*unknown potential family"):
        testing.check_potential_family("slops")


def test_a_family_of_one_session_travels_to_the_workers(session_family, plugin):
    recipe = QuantumDots(**SMALL, family=session_family)
    store = generate(plugin / "here.zarr", recipe, 2, workers=1)
    assert store.origins == {"other-slopes": "this session"}
    np.testing.assert_array_equal(store.read("potential"), recipe.make(range(2))["potential"])
