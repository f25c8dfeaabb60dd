"""The quantum dots: what their samples are, and what is stored of their configuration."""

import json

import numpy as np
import pytest

from keras_qd.data import QuantumDots, generate
from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.potentials.base import sample_potentials
from keras_qd.physics.solver import solve

SMALL = {"n_pixels": 32, "n_orbitals": 8}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "dots.zarr"
    return generate(path, QuantumDots(seed=3, **SMALL), 6, workers=1)


def test_fields_have_units_and_the_densities_their_electrons(store):
    area = (10 / 32) ** 2
    for name in ("density", "density_noninteracting"):
        densities = store.read(name)
        assert densities.shape == (6, 32, 32)
        assert densities.dtype == np.float32
        np.testing.assert_allclose(densities.sum(axis=(1, 2)) * area, 2, rtol=1e-6)
    assert store.read("energy").dtype == np.float64
    assert (store.read("energy") > store.read("energy_noninteracting")).all()
    assert all(field.unit and field.meaning for field in store.fields.values())
    assert store.fields["potential"].unit == "Ha*"


def test_samples_are_the_solutions_of_the_stored_potentials(store):
    potentials = store.read("potential")
    drawn = sample_potentials(6, Box(10.0), 32, seed=3)
    np.testing.assert_array_equal(potentials, drawn.astype(np.float32))
    solution = solve(potentials[4].astype(float), Box(10.0), 2, n_orbitals=8)
    assert store.read("energy")[4] == pytest.approx(solution.energy, rel=1e-12)
    np.testing.assert_allclose(store.read("density")[4], solution.density, rtol=1e-6, atol=1e-9)


def test_the_result_does_not_depend_on_the_division_of_the_work(store, tmp_path):
    recipe = QuantumDots(seed=3, **SMALL)
    alone = recipe.make(range(5, 6))
    np.testing.assert_array_equal(alone["potential"][0], store.read("potential")[5])
    np.testing.assert_array_equal(alone["energy"][0], store.read("energy")[5])
    grown = generate(tmp_path / "grown", recipe, 2, workers=1)
    assert grown.digest() == store.digest(2)
    assert generate(tmp_path / "grown", recipe, 6, workers=1).digest() == store.digest()


def test_settings_reach_the_solver():
    recipe = QuantumDots(
        n_electrons=3,
        interaction="finite-thickness",
        thickness=0.5,
        strength=0.7,
        box_length=8,
        family="parabolic",
        family_settings={"omega": 1.0},
        **SMALL,
    )
    sample = recipe.make(range(2, 3))
    interaction = Interaction("finite-thickness", thickness=0.5)
    expected = solve(
        sample["potential"][0].astype(float), Box(8.0), 3, interaction, n_orbitals=8, strength=0.7
    )
    assert sample["energy"][0] == pytest.approx(expected.energy, rel=1e-12)
    assert sample["spin_squared"][0] == pytest.approx(expected.spin_squared)


def test_image_charges_weaken_the_repulsion():
    near = QuantumDots(interaction="image-charge", gate_distance=0.5, **SMALL)
    assert near.configuration()["gate_distance"] == 0.5
    with_image, bare = (recipe.make(range(1)) for recipe in (near, QuantumDots(**SMALL)))
    np.testing.assert_array_equal(with_image["potential"], bare["potential"])
    assert with_image["energy_noninteracting"] < with_image["energy"] < bare["energy"] - 0.1
    assert QuantumDots(interaction="image-charge").gate_distance == 1.0
    with pytest.raises(UsageError, match="gate_distance"):
        QuantumDots(gate_distance=0.5)


def test_the_configuration_is_resolved_and_builds_the_same_recipe():
    recipe = QuantumDots(interaction="screened", family="random-mixture", n_electrons=4)
    configuration = recipe.configuration()
    assert configuration["screening_length"] == 1.0
    assert configuration["n_orbitals"] is None
    settings = json.loads(json.dumps(recipe.settings()))
    assert QuantumDots(**settings).configuration() == configuration
    assert json.loads(json.dumps(configuration)) == configuration


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"n_pixels": 4}, UsageError, "n_pixels=4"),
        ({"seed": -1}, UsageError, "seed=-1"),
        ({"n_electrons": 9}, UsageError, "n_electrons=9: expected a whole number from 1 to 6"),
        ({"box_length": -1.0}, UsageError, "box_length=-1.0"),
        ({"interaction": "coulom"}, UnknownNameError, "did you mean 'coulomb'"),
        ({"family": "random-fouriers"}, UnknownNameError, "did you mean 'random-fourier'"),
        ({"family_settings": {"width": 3}}, UsageError, "random-fourier has no parameter 'width'"),
    ],
)
def test_settings_that_make_no_sense_are_refused_at_once(settings, kind, message):
    with pytest.raises(kind, match=message):
        QuantumDots(**settings)
