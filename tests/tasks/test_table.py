"""A task without any map, from a table of numbers to a class, through every step."""

import keras
import numpy as np
import pytest
from tests.command import whole_chain
from tests.several import make_table_dataset, make_table_task

import keras_qd
from keras_qd.errors import UsageError
from keras_qd.export.formats import find_format
from keras_qd.report.report import sections
from keras_qd.training.tuning import best_trial, tune


def quiet(*progress):
    """Print nothing."""


class Interrupt(keras.callbacks.Callback):
    """Stops the training when its second epoch begins."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that was interrupted and resumed."""
    path, task = tmp_path_factory.mktemp("table") / "run", make_table_task(epochs=6)
    with pytest.raises(KeyboardInterrupt):
        keras_qd.train(task, path, callbacks=["evolution", Interrupt()], report=quiet)
    return keras_qd.resume(path, report=quiet)


def test_it_is_evaluated_and_reported(run):
    found = keras_qd.evaluate(run, n_draws=10)
    assert found.score("accuracy").value > found.score("accuracy").baseline
    assert found.data["baseline"] == "most frequent class"
    titles = [section.title for section in sections(run, found)]
    assert titles == ["Confusion", "Learning curves"]


def test_it_predicts_classes_and_probabilities(run):
    test = make_table_dataset().split("test")
    found = keras_qd.predict(run, test["table"])
    assert found["kind"].shape == (16,)
    np.testing.assert_allclose(found["kind_probabilities"].sum(axis=1), 1, rtol=1e-5)
    model = keras_qd.load_model(run)
    assert model.network.input_shape == (None, 3)


@pytest.mark.skipif(keras.config.backend() == "jax", reason="ONNX takes a minute through JAX")
def test_it_is_exported(run, tmp_path):
    try:
        find_format("onnx").check(keras.config.backend())
    except UsageError as missing:
        pytest.skip(str(missing))
    exported = keras_qd.export_model(run, tmp_path / "out", "onnx")
    assert [port.name for port in exported.outputs] == ["kind", "kind_probabilities"]


@whole_chain
def test_it_is_tuned(tmp_path):
    pytest.importorskip("optuna")
    task = make_table_task(epochs=1)
    trials = tune(task, tmp_path / "search", 2)
    assert best_trial(task.replace(monitor="accuracy"), trials).value <= 1.0
