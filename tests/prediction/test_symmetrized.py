"""Predictions averaged over the symmetries of a task."""

from types import SimpleNamespace

import numpy as np
import pytest
from tests.wells import make_dataset, make_task

import keras_qd
from keras_qd.data import Reflection, SquareSymmetries, symmetry
from keras_qd.errors import UsageError
from keras_qd.prediction import predict
from keras_qd.prediction._predict import Symmetrized, symmetrized


class Uneven:
    """A network without any symmetry, whose output the mean is taken of: numbers or fields."""

    def __init__(self, numbers):
        self._numbers = numbers

    def predict_on_batch(self, x):
        weights = np.random.default_rng(0).normal(size=x.shape[1:])
        fields = np.tanh(x * weights)
        return fields.reshape(len(x), -1).sum(axis=1, keepdims=True) if self._numbers else fields


def averaged(network, symmetries):
    """Return the mean of a network's scaled output over symmetries, as a function."""
    return Symmetrized(SimpleNamespace(pipeline=None, predictor=network), symmetries).mean


@pytest.fixture
def images():
    return np.random.default_rng(1).normal(size=(3, 6, 6, 1))


@pytest.mark.parametrize("element", range(8))
def test_the_mean_commutes_with_the_symmetries_of_the_square(images, element):
    mean = averaged(Uneven(numbers=False), SquareSymmetries())
    turned = mean(symmetry(images, element, axes=(1, 2)))
    expected = symmetry(mean(images), element, axes=(1, 2))
    np.testing.assert_allclose(turned, expected, rtol=0, atol=1e-14)


def test_without_the_mean_it_would_not(images):
    model = Uneven(numbers=False)
    turned = model.predict_on_batch(symmetry(images, 1, axes=(1, 2)))
    expected = symmetry(model.predict_on_batch(images), 1, axes=(1, 2))
    assert np.abs(turned - expected).max() > 0.1


def test_numbers_do_not_change_under_a_symmetry(images):
    mean = averaged(Uneven(numbers=True), Reflection())
    lines = images[:, 0]
    energies = mean(lines)
    assert energies.shape == (3, 1)
    np.testing.assert_allclose(mean(lines[:, ::-1]), energies, rtol=1e-13)


@pytest.fixture(scope="module")
def symmetric(tmp_path_factory):
    """A run of a task that has the symmetries of the square."""
    task = make_task(augmentation="square-symmetries", epochs=1)
    path = tmp_path_factory.mktemp("runs") / "symmetric"
    return keras_qd.train(task, path, dataset=make_dataset(), report=lambda *_: None)


def test_a_run_predicts_the_mean_over_all_eight(symmetric):
    wells = make_dataset().split("test")["potential"]
    found = predict(symmetric, wells, symmetries=True)["density"]
    each = [
        predict(symmetric, symmetry(wells, element, axes=(1, 2)))["density"] for element in range(8)
    ]
    back = [0, 3, 2, 1, 4, 5, 6, 7]
    expected = np.mean(
        [symmetry(one, undo, axes=(1, 2)) for one, undo in zip(each, back, strict=True)], axis=0
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert np.abs(found - each[0]).max() > 1e-4


def test_an_evaluation_judges_the_mean(symmetric):
    plain = keras_qd.evaluate(symmetric, cost=False)
    averaged = keras_qd.evaluate(symmetric, symmetries=True, cost=False)
    assert averaged.folder.name.startswith("symmetries-test-")
    assert (averaged.folder / "metrics.json").exists()
    assert plain.folder == symmetric.path

    exact = make_dataset().split("test")
    mean = predict(symmetric, exact["potential"], symmetries=True)["density"]
    residual = ((mean - exact["density"]) ** 2).sum()
    spread = ((exact["density"] - exact["density"].mean(axis=0)) ** 2).sum()
    assert averaged.score("r2").value == pytest.approx(1 - residual / spread, rel=1e-4)
    assert averaged.score("r2").value != pytest.approx(plain.score("r2").value, rel=1e-4)


def test_the_command_writes_the_mean(keras_qd_command, symmetric, tmp_path):
    wells = make_dataset().split("test")["potential"]
    np.save(tmp_path / "wells.npy", wells)
    command = ["predict", symmetric.path, tmp_path / "wells.npy", "--symmetries"]
    code, _, error = keras_qd_command(*command, "--out", tmp_path / "out.npy")
    assert code == 0, error
    expected = predict(symmetric, wells, symmetries=True)["density"]
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, rtol=1e-5, atol=1e-6)


def test_a_store_is_not_gone_on_with_in_another_way(keras_qd_command, symmetric, tmp_path):
    np.save(tmp_path / "wells.npy", make_dataset().split("test")["potential"])
    command = ["predict", symmetric.path, tmp_path / "wells.npy", "--out", tmp_path / "out.zarr"]
    assert keras_qd_command(*command)[0] == 0
    code, _, error = keras_qd_command(*command, "--symmetries")
    assert code == 2
    assert "symmetries" in error


@pytest.mark.parametrize("augmentation", [None, "jitter"])
def test_a_task_without_symmetries_says_so(augmentation):
    with pytest.raises(UsageError, match="not a group of symmetries"):
        symmetrized(None, make_task(augmentation=augmentation))
