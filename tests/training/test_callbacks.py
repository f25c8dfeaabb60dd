"""The weights of the best epoch are kept; training stops when none is better."""

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import RunError, UnknownNameError, UsageError
from keras_qd.training.callbacks import best_index
from keras_qd.training.checkpoint import load_weights

from .conftest import Interrupt, make_dataset, make_task, quiet, small_task


class Weights(keras.callbacks.Callback):
    """Remembers the weights after every epoch."""

    def __init__(self):
        super().__init__()
        self.after = []

    def on_epoch_end(self, epoch, logs=None):
        self.after.append([keras.ops.convert_to_numpy(w.value).copy() for w in self.model.weights])


def trained(path, **changes):
    watcher = Weights()
    run = keras_qd.train(
        small_task(**changes),
        path,
        dataset=make_dataset(),
        seed=5,
        callbacks=[watcher],
        report=quiet,
    )
    return run, watcher.after


@pytest.mark.parametrize(("monitor", "choose"), [("l1", np.argmin), ("ssim", np.argmax)])
def test_the_model_has_the_weights_of_the_best_epoch(tmp_path, monitor, choose):
    run, after = trained(tmp_path / "run", monitor=monitor, followed=(monitor,), epochs=3)
    values = run.history()[f"val_{monitor}"]
    model, split = run.load_model().network, make_dataset().split("validation")
    for kept, expected in zip(model.weights, after[int(choose(values))], strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(kept.value), expected)
    # On the values as the network sees them.
    exact = run.pipeline.scale_targets(split)
    predicted = model.predict(run.pipeline.scale_inputs(split), verbose=0)
    expected = keras_qd.metric(monitor).over_set(exact, predicted)
    assert values[int(choose(values))] == pytest.approx(expected, rel=1e-5)


def test_training_stops_without_improvement_also_when_killed_before_the_model_is_written(tmp_path):
    """With a rate of zero nothing improves after the first epoch."""
    model = {"filters": 2, "depth": 1, "dropout": 0.0, "learning_rate": 0.0}
    changes = {"monitor": "loss", "patience": 2, "epochs": 9, "model_config": model}
    run, _ = trained(tmp_path / "run", **changes)
    history = run.history()
    best = best_index(history["val_loss"], -1.0)
    assert len(history["epoch"]) == best + 3 < 9
    run.model_path.unlink()
    resumed = keras_qd.resume(tmp_path / "run", dataset=make_dataset())
    assert resumed.finished
    assert resumed.history() == history


class Rates(keras.callbacks.Callback):
    """Remembers the learning rate of every batch."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_begin(self, batch, logs=None):
        self.seen.append(float(keras.ops.copy(self.model.optimizer.learning_rate)))


@pytest.mark.parametrize("make", [small_task, make_task])
def test_the_rate_falls_within_an_epoch(tmp_path, make):
    """The optimizer gets there: at a rate that falls, weights are others than at a constant one."""
    rates, ends = Rates(), []
    for schedule in ("cosine", "constant"):
        task = make(schedule=schedule, epochs=1, batch_size=2, monitor=None)
        run = keras_qd.train(
            task, tmp_path / schedule, dataset=make_dataset(), callbacks=[rates], report=quiet
        )
        ends.append(run.load_model().network.get_weights())
    cosine, constant = np.split(np.array(rates.seen), 2)
    n = len(constant)
    middles = (np.arange(n) + 0.5) / n
    np.testing.assert_allclose(cosine, constant * (1 + np.cos(np.pi * middles)) / 2, rtol=1e-5)
    assert any(not np.allclose(*pair, atol=1e-7) for pair in zip(*ends, strict=True))


def test_best_index():
    assert best_index([3.0, 1.0, 1.0, 2.0], -1.0) == 1
    assert best_index([3.0, 1.0, 5.0, 5.0], 1.0) == 2


def test_without_validation_split_there_is_nothing_to_monitor(tmp_path):
    with pytest.raises(RunError, match="a validation split is needed"):
        keras_qd.train(small_task(monitor="l1"), tmp_path / "run", dataset=make_dataset(n_other=0))


def test_bad_settings_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'r2'"):
        make_task(monitor="r22")
    with pytest.raises(UsageError, match="needs a metric to monitor"):
        make_task(monitor=None, patience=3)
    with pytest.raises(UsageError, match="patience"):
        make_task(monitor="l1", patience=0)


def test_weights_of_another_model_are_refused(tmp_path):
    run, _ = trained(tmp_path / "run", monitor="l1", epochs=1)
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(RunError, match="other variables"):
        load_weights(run.best_path, other)


def test_interrupted_and_resumed_is_as_never_stopped(tmp_path):
    changes = {"monitor": "psnr", "followed": ("l1", "psnr"), "epochs": 4}
    whole, _ = trained(tmp_path / "whole", **changes)
    with pytest.raises(KeyboardInterrupt):
        keras_qd.train(
            small_task(**changes),
            tmp_path / "cut",
            dataset=make_dataset(),
            seed=5,
            callbacks=[Interrupt()],
            report=quiet,
        )
    cut = keras_qd.resume(tmp_path / "cut", dataset=make_dataset())
    for key in ("val_l1", "val_psnr"):
        assert cut.history()[key] == whole.history()[key]
    for one, other in zip(cut.load_model().weights, whole.load_model().weights, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (one.value, other.value)))
