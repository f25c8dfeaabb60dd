"""A store says how far its labels are from the exact ones."""

import numpy as np
import pytest

from keras_qd.data import QuantumDots, Wells, generate
from keras_qd.data.store.store import Store
from keras_qd.physics.box import Box
from keras_qd.physics.solver import Solver


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "dots.zarr"
    return generate(path, QuantumDots(n_pixels=32, n_orbitals=8), 3, workers=1)


def test_the_estimate_is_near_what_a_much_larger_basis_says(store):
    solver = Solver(Box(10.0), n_orbitals=40)
    better = [solver.solve(each.astype(float)).energy for each in store.read("potential")]
    errors = store.read("energy") - np.array(better)
    assert store.label_error["samples"] == 3
    assert store.label_error["energy"]["largest"] == pytest.approx(errors.max(), rel=0.5)


def test_a_longer_store_has_the_estimate_of_one_made_at_once(store, tmp_path):
    recipe, before = QuantumDots(n_pixels=32, n_orbitals=8), store.digest()
    longer = generate(store.path, recipe, 4, workers=1)
    at_once = generate(tmp_path / "dots.zarr", recipe, 4, workers=1)
    assert longer.label_error["samples"] == 4
    assert longer.label_error == at_once.label_error
    assert longer.digest() == at_once.digest()
    assert longer.digest(3) == before


def test_labels_that_cannot_be_judged_say_so_and_are_kept(tmp_path):
    most = QuantumDots(n_electrons=1, n_pixels=32, n_orbitals=100)
    store = generate(tmp_path / "dots.zarr", most, 1, workers=1)
    assert store.label_error["samples"] == 0
    assert store.label_error["reason"]
    assert store.digest()


def test_wells_are_judged_by_the_sine_basis(tmp_path):
    store = generate(tmp_path / "wells.zarr", Wells(), 8, workers=1)
    assert 0 < store.label_error["energy"]["largest"] < 1e-3
    assert 0 < store.label_error["density"]["largest"] < 1e-3
    assert Store(store.path).label_error == store.label_error


def test_three_electrons_have_errors_of_all_labels():
    recipe = QuantumDots(n_electrons=3, n_pixels=32)
    errors = recipe.label_errors({"potential": recipe.make(range(1))["potential"]})
    assert set(errors) == {"energy", "density", "gap", "exchange"}
    assert 1e-4 < errors["density"][0] < 0.05
    assert "effective interaction" in recipe.solver_description()
