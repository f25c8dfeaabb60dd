"""Predictions averaged over the symmetries of a task."""

from types import SimpleNamespace

import numpy as np
import pytest
from tests.wells import make_dataset, make_task

import keras_qd
from keras_qd.data import Reflection, SquareSymmetries, fit_scaling, open_store, symmetry
from keras_qd.errors import UsageError
from keras_qd.evaluation.uncertainty import rank_correlation
from keras_qd.prediction import predict
from keras_qd.prediction._predict import ErrorBars, Symmetrized, _ones, relative_error, symmetrized
from keras_qd.tasks.pipeline import Pipeline


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
def symmetric(tmp_path_factory, dataset):
    """A run of a task that has the symmetries of the square."""
    task = make_task(augmentation="square-symmetries", epochs=1)
    path = tmp_path_factory.mktemp("runs") / "symmetric"
    return keras_qd.train(task, path, dataset=dataset, report=lambda *_: None)


@pytest.mark.parametrize("count", [2, 8])
def test_a_run_predicts_the_mean_over_the_first_or_all(symmetric, count):
    wells = make_dataset().split("test")["potential"]
    found = predict(symmetric, wells, symmetries=count)["density"]
    each = [predict(symmetric, symmetry(wells, k, axes=(1, 2)))["density"] for k in range(count)]
    back = [0, 3, 2, 1, 4, 5, 6, 7][:count]
    expected = np.mean(
        [symmetry(one, undo, axes=(1, 2)) for one, undo in zip(each, back, strict=True)], axis=0
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert np.abs(found - each[0]).max() > 1e-4


def test_an_evaluation_judges_the_mean(symmetric):
    plain = keras_qd.evaluate(symmetric, cost=False)
    averaged = keras_qd.evaluate(symmetric, symmetries=8, cost=False)
    assert averaged.folder.name.startswith("symmetries-8-test-")
    assert (averaged.folder / "metrics.json").exists()
    assert plain.folder == symmetric.path

    exact = make_dataset().split("test")
    mean = predict(symmetric, exact["potential"], symmetries=8)["density"]
    residual = ((mean - exact["density"]) ** 2).sum()
    spread = ((exact["density"] - exact["density"].mean(axis=0)) ** 2).sum()
    assert averaged.score("r2").value == pytest.approx(1 - residual / spread, rel=1e-4)
    assert averaged.score("r2").value != pytest.approx(plain.score("r2").value, rel=1e-4)


def test_the_command_writes_the_mean(keras_qd_command, symmetric, tmp_path):
    wells = make_dataset().split("test")["potential"]
    np.save(tmp_path / "wells.npy", wells)
    command = ["predict", symmetric.path, tmp_path / "wells.npy", "--symmetries", 8]
    code, _, error = keras_qd_command(*command, "--out", tmp_path / "out.npy")
    assert code == 0, error
    expected = predict(symmetric, wells, symmetries=8)["density"]
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, rtol=1e-5, atol=1e-6)


def test_a_store_is_not_gone_on_with_in_another_way(keras_qd_command, symmetric, tmp_path):
    np.save(tmp_path / "wells.npy", make_dataset().split("test")["potential"])
    command = ["predict", symmetric.path, tmp_path / "wells.npy", "--out", tmp_path / "out.zarr"]
    assert keras_qd_command(*command)[0] == 0
    code, _, error = keras_qd_command(*command, "--symmetries", 2)
    assert code == 2
    assert "symmetries" in error


@pytest.mark.parametrize("augmentation", [None, "jitter"])
def test_a_task_without_symmetries_says_so(augmentation):
    with pytest.raises(UsageError, match="not a group of symmetries"):
        symmetrized(None, make_task(augmentation=augmentation))


def test_there_are_no_more_symmetries_than_the_task_has(symmetric, images):
    for count in (0, 9):
        with pytest.raises(UsageError, match=f"over 1 to 8 symmetries, got {count}"):
            predict(symmetric, images, symmetries=count)
    with pytest.raises(UsageError, match="leave out symmetries"):
        predict(symmetric, images, symmetries=2, uncertainty=True)


def test_error_bars_are_right_in_the_mean_over_the_validation_split(symmetric):
    (symmetric.path / "error_bars.json").unlink(missing_ok=True)
    validation = make_dataset().split("validation")
    found = predict(symmetric, validation["potential"], uncertainty=True)
    mean = predict(symmetric, validation["potential"], symmetries=8)["density"]
    np.testing.assert_allclose(found["density"], mean, rtol=1e-5, atol=1e-6)
    errors = relative_error(mean, validation["density"])
    assert found["density_error"].shape == errors.shape
    assert found["density_error"].mean() == pytest.approx(errors.mean(), rel=1e-4)
    assert np.ptp(found["density_error"]) > 0


def test_error_bars_are_calibrated_once(symmetric):
    wells = make_dataset().split("test")["potential"]
    first = predict(symmetric, wells, uncertainty=True)["density_error"]
    (symmetric.path / "error_bars.json").write_text('{"density": 0.0}')
    assert not predict(symmetric, wells, uncertainty=True)["density_error"].any()
    (symmetric.path / "error_bars.json").unlink()
    np.testing.assert_array_equal(
        predict(symmetric, wells, uncertainty=True)["density_error"], first
    )


@pytest.mark.parametrize("name", ["out.npz", "out.zarr"])
def test_the_command_writes_error_bars(keras_qd_command, symmetric, tmp_path, name):
    wells = make_dataset().split("test")["potential"]
    np.save(tmp_path / "wells.npy", wells)
    command = ["predict", symmetric.path, tmp_path / "wells.npy", "--uncertainty"]
    code, printed, error = keras_qd_command(*command, "--out", tmp_path / name)
    assert code == 0, error
    assert "density_error" in printed
    written = np.load(tmp_path / name) if name == "out.npz" else None
    read = written.__getitem__ if written else open_store(tmp_path / name).read
    for field, expected in predict(symmetric, wells, uncertainty=True).items():
        np.testing.assert_allclose(read(field), expected, rtol=1e-5, atol=1e-6)


def test_error_bars_need_a_second_field(keras_qd_command, symmetric, tmp_path):
    np.save(tmp_path / "wells.npy", make_dataset().split("test")["potential"])
    command = ["predict", symmetric.path, tmp_path / "wells.npy", "--uncertainty"]
    code, _, error = keras_qd_command(*command, "--out", tmp_path / "out.npy")
    assert code == 2
    assert "density, density_error" in error


def test_error_bars_rank_systems_and_cover_their_errors():
    generator = np.random.default_rng(4)
    amplitudes = 10 ** generator.uniform(-3, -1, 200)
    exact = 1 + generator.random((200, 8, 8))
    noise = generator.normal(size=(8, 8))

    def predict_on_batch(x):
        # Wrong by a pattern of one orientation, more so for some systems than for others.
        return x + amplitudes[:, None, None, None] * noise[:, :, None]

    fields = {"density": (8, 8)}
    pipeline = Pipeline(fields, fields, {"density": fit_scaling("none", exact)})
    network = SimpleNamespace(predict_on_batch=predict_on_batch)
    model = SimpleNamespace(pipeline=pipeline, predictor=network)
    found = ErrorBars(model, SquareSymmetries(), {"density": 1.0}).predict_on_batch(
        {"density": exact}
    )
    errors = relative_error(found["density"], exact)
    expected = found["density_error"] * errors.mean() / found["density_error"].mean()
    assert rank_correlation(expected, errors) > 0.95
    assert 0.9 < np.mean(errors < 1.5 * expected) <= 1.0


def test_numbers_have_no_error_bars():
    with pytest.raises(UsageError, match="maps or lines"):
        _ones(Pipeline({"v": (8, 8)}, {"energy": ()}, {"energy": fit_scaling("none", [1.0])}))
