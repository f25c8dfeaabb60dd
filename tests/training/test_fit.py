"""A training leaves a complete run; a killed and resumed one equals one never interrupted."""

import json
import os
import signal
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import DataError, RunError, UnknownNameError
from keras_qd.training import Run
from keras_qd.training.snapshots import read_snapshots
from tests.command import killed, whole_chain

from .conftest import make_dataset, make_task, small_task


class Kill(keras.callbacks.Callback):
    """Kills its process after the second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGKILL)


def train_until_killed(path):
    callbacks = ["evolution", Kill()]
    keras_qd.train(make_task(), path, dataset=make_dataset(), seed=5, callbacks=callbacks)


def weights(run):
    return [keras.ops.convert_to_numpy(weight.value) for weight in run.load_model().weights]


def test_a_run_is_whole(whole, dataset):
    assert whole.finished
    assert {path.name for path in whole.path.iterdir()} == {
        "checkpoints",
        "config.json",
        "environment.json",
        "evolution",
        "example.npz",
        "history.csv",
        "model.keras",
    }
    with np.load(whole.example_path) as example:
        np.testing.assert_array_equal(example["potential"], dataset.split("test")["potential"][:3])
    assert whole.config["data"]["digest"] == dataset.metadata["digest"]
    assert whole.config["samples"] == {"train": 24, "validation": 8, "test": 8}
    assert whole.config["backend"] == keras.config.backend()
    assert whole.environment["packages"]["keras"] == keras.__version__
    assert str(Path.home()) not in json.dumps(whole.environment)


def test_history_has_a_row_an_epoch(whole):
    history = whole.history()
    assert history["epoch"] == [1.0, 2.0, 3.0]
    for column in ("generator_loss", "discriminator_loss", "l1_loss", "val_l1", "val_r2"):
        assert np.isfinite(history[column]).all()


# On the other backends the killed and resumed run says the same of the seed.
@whole_chain
def test_same_seed_same_weights_watched_or_not(whole, task, dataset, tmp_path):
    again = keras_qd.train(task, tmp_path / "again", dataset=dataset, seed=5, callbacks=[])
    assert read_snapshots(again) is None
    for one, other in zip(weights(whole), weights(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_killed_and_resumed_equals_never_stopped(whole, dataset, tmp_path):
    path = tmp_path / "killed"
    killed(train_until_killed, path)
    run = Run.open(path)
    assert not run.finished
    assert run.history()["epoch"] == [1.0, 2.0]
    assert sorted(read_snapshots(run).predictions) == [1, 2]
    with pytest.raises(RunError, match="keras-qd train --resume"):
        run.load_model()

    resumed = keras_qd.resume(path, dataset=dataset)
    for column in ("generator_loss", "val_l1"):
        assert resumed.history()[column] == whole.history()[column]
    snapshots, expected = read_snapshots(resumed).predictions, read_snapshots(whole).predictions
    assert sorted(snapshots) == sorted(expected)
    for epoch, fields in expected.items():
        np.testing.assert_array_equal(snapshots[epoch]["density"], fields["density"])
    for one, other in zip(weights(resumed), weights(whole), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_finished_run_is_left_alone(whole, dataset):
    before = whole.model_path.stat().st_mtime_ns
    keras_qd.resume(whole.path, dataset=dataset)
    assert whole.model_path.stat().st_mtime_ns == before


def test_a_taken_directory_is_refused(whole, task, dataset):
    with pytest.raises(RunError, match="exists already"):
        keras_qd.train(task, whole.path, dataset=dataset)


def test_resuming_on_another_backend_is_refused(whole, tmp_path, dataset):
    run = Run.create(tmp_path / "run", {**whole.config, "backend": "other"}, {})
    with pytest.raises(RunError, match="--backend other"):
        keras_qd.resume(run.path, dataset=dataset)


def test_a_broken_checkpoint_is_named(whole, task, dataset, tmp_path):
    run = Run.create(tmp_path / "run", whole.config, whole.environment)
    run.checkpoint_path.parent.mkdir()
    run.checkpoint_path.write_bytes(whole.checkpoint_path.read_bytes()[:1000])
    with pytest.raises(RunError, match=r"checkpoint .* cannot be read"):
        keras_qd.resume(run.path, dataset=dataset)


def test_diverging_says_so_and_leaves_no_model(tmp_path, dataset):
    task = small_task(epochs=1).replace(model_config={"learning_rate": 1e30})
    with pytest.raises(RunError, match="diverged in epoch 1"):
        keras_qd.train(task, tmp_path / "run", dataset=dataset)
    assert not (tmp_path / "run" / "model.keras").exists()


def test_bad_input_leaves_no_run_behind(tmp_path, dataset):
    with pytest.raises(DataError, match="density_noninteracting"):
        keras_qd.train(
            keras_qd.task("potential-to-noninteracting-density"), tmp_path / "a", dataset=dataset
        )
    with pytest.raises(UnknownNameError, match="schedule"):
        keras_qd.train(make_task(schedule="cosinus"), tmp_path / "b", dataset=dataset)
    assert not list(tmp_path.iterdir())


@whole_chain
def test_every_batch_and_epoch_is_reported_and_the_seed_counts(tmp_path, dataset):
    calls, other_calls = [], []
    runs = [
        keras_qd.train(
            small_task(epochs=1),
            tmp_path / str(seed),
            dataset=dataset,
            seed=seed,
            report=lambda *progress, kept=kept: kept.append(progress),
        )
        for seed, kept in ((5, calls), (6, other_calls))
    ]
    assert [each[:4] for each in calls if not each[4]] == [(0, 1, n, 3) for n in range(4)]
    assert [calls[-1][4]["val_r2"]] == pytest.approx(runs[0].history()["val_r2"])
    assert not np.allclose(*(weights(run)[0] for run in runs))
