"""A search draws from its seed, gives up what falls behind, and goes on after being killed."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.cli.options import task_changes
from keras_qd.errors import RunError, UsageError
from keras_qd.registry import components
from keras_qd.training import Run
from keras_qd.training.search_space import Choice, Range, default_space, read_space
from keras_qd.training.tuning import Trial, best_trial, changes_of, tune

from .conftest import make_dataset, make_task

SPACE = {"model.learning_rate": Range(1e-4, 1e-1, log=True), "batch_size": Choice((8, 12))}
N_TRIALS = 7

#: Searches as the tests do, and is killed by itself in the second epoch of the third trial.
SCRIPT = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
import keras_qd
from tests.training.test_tuning import one_by_one, search
from keras_qd.training.tuning import Prune

report = Prune.on_epoch_end
def kill(callback, epoch, logs=None):
    report(callback, epoch, logs)
    if epoch == 1 and callback._trial.number == 2:
        os.kill(os.getpid(), signal.SIGKILL)

Prune.on_epoch_end = kill
keras_qd.register("models", "one-by-one")(one_by_one)
search(sys.argv[1])
"""


def one_by_one(input_shape=(16, 16, 1), output_shape=None, *, learning_rate=1e-3, filters=1):
    """A linear map of each pixel, which compiles in no time."""
    layers = [keras.layers.Conv2D(1, 1, kernel_initializer="zeros")]
    model = keras.Sequential([keras.Input(input_shape), *layers])
    model.compile(keras.optimizers.SGD(learning_rate), "mse")
    return model


@pytest.fixture(scope="module", autouse=True)
def _registered():
    """Register the small model for these tests alone: others list what there is."""
    keras_qd.register("models", "one-by-one")(one_by_one)
    yield
    del components("models")._registered["one-by-one"]


def searched_task():
    return make_task(model="one-by-one", model_config={}, followed=("l1", "r2"), metrics=("l1",))


def search(path, trials=N_TRIALS, seed=3, told=None):
    return tune(
        searched_task(), path, trials, space=SPACE, dataset=make_dataset(), seed=seed, told=told
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a search that nothing interrupted, and where it is."""
    path = tmp_path_factory.mktemp("searches") / "whole"
    return search(path), path


def test_every_trial_is_drawn_from_the_space_and_has_a_run(whole):
    trials, path = whole
    assert [trial.number for trial in trials] == list(range(N_TRIALS))
    rates = {trial.settings["model.learning_rate"] for trial in trials}
    assert len(rates) == N_TRIALS
    assert all(1e-4 <= rate <= 1e-1 for rate in rates)
    for trial in trials:
        run = Run.open(path / f"trial-{trial.number:04d}")
        assert run.config["task"]["batch_size"] == trial.settings["batch_size"]
        if trial.value is not None:
            assert trial.value == pytest.approx(min(run.history()["val_l1"]))


def test_what_falls_behind_is_given_up(whole):
    """Pruned are trials in which the metric was worse than the median of those before."""
    trials, _ = whole
    given_up = [trial for trial in trials if trial.value is None]
    assert given_up
    assert all(trial.number >= 5 and trial.epochs < 3 for trial in given_up)
    best = best_trial(searched_task().replace(monitor="l1"), trials)
    assert best.value == min(trial.value for trial in trials if trial.value is not None)


def test_killed_and_gone_on_with_equals_never_stopped(whole, tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "cut"), str(Path(__file__).parents[2])],
        env={**os.environ, "KERAS_BACKEND": keras.config.backend()},
        capture_output=True,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    told = []
    trials = search(tmp_path / "cut", told=lambda *words: told.append(words))
    assert [words[0] for words in told] == list(range(2, N_TRIALS))
    assert trials == whole[0]


def test_another_seed_draws_others_and_another_search_is_refused(whole, tmp_path):
    others = search(tmp_path / "other", trials=1, seed=4)
    assert others[0].settings != whole[0][0].settings
    with pytest.raises(RunError, match="another task, space or seed"):
        search(whole[1], seed=4)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="something else"):
        search(tmp_path)


def test_the_best_is_the_largest_where_that_is_better():
    trials = [Trial(n, {}, value, 1) for n, value in enumerate((0.5, None, 0.9))]
    assert best_trial(searched_task().replace(monitor="r2"), trials).number == 2
    with pytest.raises(RunError, match="no trial came to its end"):
        best_trial(searched_task(), trials[1:2])


def test_spaces_from_files(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text("batch_size = [8, 16]\n[model]\ndropout = {low = 0.0, high = 0.5}\n")
    assert read_space(path) == {
        "batch_size": Choice((8, 16)),
        "model.dropout": Range(0.0, 0.5),
    }
    for text, message in (
        ("batch_size = 8", "is no range"),
        ("[model]\nfilters = {low = 8}", "is no range"),
        ("[model]\nfilters = {low = 0, high = 8, log = true}", "both positive"),
        ("", "names no setting"),
        ("batch_size = [", "no TOML"),
    ):
        path.write_text(text)
        with pytest.raises(UsageError, match=message):
            read_space(path)


@pytest.mark.parametrize("side", [8, 32])
def test_every_end_of_the_default_spaces_can_be_built(side):
    for model in ("unet", "pix2pix"):
        task = make_task(model=model)
        space = default_space(task, side)
        assert {"model.upsampling", "model.depth", "model.learning_rate"} <= set(space)
        assert ("model.discriminator_levels" in space) == (model == "pix2pix")
        for end in (0, -1):
            ends = {
                n: (r.values if isinstance(r, Choice) else (r.low, r.high))
                for n, r in space.items()
            }
            settings = {name: values[end] for name, values in ends.items()} | {"model.filters": 2}
            config = changes_of(settings)["model_config"]
            keras_qd.build(model, input_shape=(side, side, 1), **config)


def test_the_command_prints_how_to_train_the_best(tmp_path, monkeypatch, capsys):
    from keras_qd.cli import tune as verb

    space = tmp_path / "space.toml"
    space.write_text("batch_size = [8, 12]\n")
    monkeypatch.setattr(verb, "load_dataset", lambda task: make_dataset())
    arguments = ["potential-to-density", "--trials", "1", "--out", str(tmp_path / "search")]
    options = ["--space", str(space), "--epochs", "1", "--set", "model=one-by-one", "--json"]
    verb.command.main([*arguments, *options], standalone_mode=False)
    found = json.loads(capsys.readouterr().out)
    words = shlex.split(found["command"])
    assert words[:5] == ["keras-qd", "train", "potential-to-density", "--epochs", "1"]
    changes = task_changes([word for word in words if "=" in word])
    assert changes == {"model": "one-by-one", "batch_size": found["best"]["settings"]["batch_size"]}
    assert np.isfinite(found["best"]["value"])


def test_without_optuna_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match=r"keras-qd\[tune\]"):
        search(tmp_path / "search")
    assert not (tmp_path / "search").exists()
