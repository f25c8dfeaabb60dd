"""Energies of dots in the plane, from potentials and from gate voltages."""

import numpy as np
import pytest

import keras_qd
from keras_qd.data import ArrayDataset, GateDots, QuantumDots

CHARGES = {"energy": 2, "chemical_potential": 1, "exchange": 0, "gap": 0}
#: Splits in a small training.
ROWS = {"train": slice(64), "validation": slice(64, 72), "test": slice(72, None)}


def dataset_of(recipe, samples):
    """Return the samples of a recipe in splits."""
    splits = {split: {k: v[rows] for k, v in samples.items()} for split, rows in ROWS.items()}
    return ArrayDataset(**splits, fields=recipe.stored_fields)


@pytest.fixture(scope="module")
def dots():
    recipe = QuantumDots(n_pixels=16, accuracy=5e-3)
    return dataset_of(recipe, recipe.make(range(112)))


@pytest.fixture(scope="module")
def run(dots, tmp_path_factory):
    changes = {"width": 8, "blocks": 1, "block": 2}
    task = keras_qd.task("potential-to-energies", model_config=changes, epochs=30, batch_size=4)
    path = tmp_path_factory.mktemp("run") / "run"
    return keras_qd.train(task, path, dataset=dots, seed=1, report=lambda *_: None)


def test_energies_are_learnt(run, dots):
    test = dots.split("test")
    predicted = keras_qd.predict(run, test)
    error = np.abs(predicted["energy"] - test["energy"]).mean()
    mean = dots.split("train")["energy"].mean()
    assert error < 0.5 * np.abs(mean - test["energy"]).mean()


@pytest.mark.parametrize("constant", [0.5, -8.0])
def test_the_trained_model_is_exact_in_the_constant_of_the_potential(run, dots, constant):
    # Steps of 1/256, so that means are exact in 32 bits.
    potential = np.round(256 * dots.split("test")["potential"]) / 256
    plain = keras_qd.predict(run, {"potential": potential})
    shifted = keras_qd.predict(run, {"potential": potential + constant})
    for name, charge in CHARGES.items():
        expected = plain[name] + charge * constant
        np.testing.assert_allclose(shifted[name], expected, rtol=0, atol=4e-6, err_msg=name)
    np.testing.assert_array_equal(shifted["exchange"], plain["exchange"])


def test_exact_energies_have_these_charges():
    recipe = QuantumDots(n_pixels=16)
    potential = recipe.make(range(1))["potential"][0].astype(np.float64)
    plain, shifted = recipe.solve(potential), recipe.solve(potential + 0.5)
    for name, charge in CHARGES.items():
        assert shifted[name] == pytest.approx(plain[name] + charge * 0.5, abs=1e-6), name


def test_another_number_of_targets_needs_their_charges(dots, tmp_path):
    task = keras_qd.task("potential-to-energies", targets=("energy", "gap"))
    with pytest.raises(keras_qd.errors.UsageError, match="charge of each number"):
        keras_qd.train(task, tmp_path / "run", dataset=dots, report=lambda *_: None)


def test_gates_are_learnt(tmp_path):
    recipe = GateDots(max_electrons=1)
    dataset = dataset_of(recipe, recipe.make(range(112)))
    task = keras_qd.task("gates-to-addition-energies", epochs=20, batch_size=4)
    run = keras_qd.train(task, tmp_path / "run", dataset=dataset, seed=1, report=lambda *_: None)
    found = keras_qd.evaluate(run, data=dataset, n_draws=10)
    assert found.score("mae").unit == "meV"
    assert found.score("mae").value < 0.4 * found.score("mae").baseline
