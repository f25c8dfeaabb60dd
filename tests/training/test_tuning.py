"""A search draws from its seed, prunes bad trials, and resumes after being killed."""

import json
import os
import shlex
import shutil
import signal
import sys

import keras
import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

import keras_qd
from keras_qd.cli.options import task_changes
from keras_qd.errors import RunError, UsageError
from keras_qd.models import searches
from keras_qd.registry import components
from keras_qd.training import Run
from keras_qd.training.tuning import (
    Prune,
    Trial,
    best_trial,
    changes_of,
    default_space,
    distribution,
    read_space,
    tune,
)
from tests.command import killed, whole_chain

from .conftest import make_dataset, make_task

SPACE = {
    "model.learning_rate": distribution("", {"low": 1e-4, "high": 1e-1, "log": True}),
    "batch_size": distribution("", [8, 12]),
}
N_TRIALS = 7


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
    return make_task(
        model="one-by-one", model_config={}, monitor=None, followed=("l1", "r2"), metrics=("l1",)
    )


def search(path, trials=N_TRIALS, seed=3, report=None):
    return tune(
        searched_task(), path, trials, space=SPACE, dataset=make_dataset(), seed=seed, report=report
    )


def search_until_killed(path):
    """Search, and end this process in the second epoch of the third trial."""
    report = Prune.on_epoch_end

    def kill(callback, epoch, logs=None):
        report(callback, epoch, logs)
        if epoch == 1 and callback._trial.number == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    Prune.on_epoch_end = kill
    # A copy of the test's process has the model already; a process of its own has not.
    components("models")._registered.pop("one-by-one", None)
    keras_qd.register("models", "one-by-one")(one_by_one)
    search(path)


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


def test_bad_trials_are_pruned(whole):
    """Pruned are trials in which the metric was worse than the median of those before."""
    trials, _ = whole
    pruned = [trial for trial in trials if trial.value is None]
    assert pruned
    assert all(trial.number >= 5 and trial.epochs < 3 for trial in pruned)
    best = best_trial(searched_task().replace(monitor="l1"), trials)
    assert best.value == min(trial.value for trial in trials if trial.value is not None)


@whole_chain
def test_killed_and_resumed_equals_never_stopped(whole, tmp_path):
    killed(search_until_killed, tmp_path / "cut")
    calls = []
    trials = search(tmp_path / "cut", report=lambda *progress: calls.append(progress))
    assert [each[0] for each in calls] == list(range(2, N_TRIALS))
    assert trials == whole[0]


def test_another_seed_draws_others_and_another_search_is_refused(whole, tmp_path):
    others = search(tmp_path / "other", trials=1, seed=4)
    assert others[0].settings != whole[0][0].settings
    with pytest.raises(RunError, match="another task, space or seed"):
        search(whole[1], seed=4)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="not a search directory"):
        search(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [],
        lambda lines: lines[::-1],
        lambda lines: lines[1:],
        lambda lines: [*lines, b'{"op_code": 99}\n'],
        lambda lines: [*lines, b"[" * 50_000 + b"\n"],
        lambda lines: [*lines, b"\xff\xfe\n"],
        lambda lines: [*lines[:3], lines[3][:9] + b"\n", *lines[4:]],
        lambda lines: [*lines, b"3\n"],
    ],
)
def test_a_damaged_journal_is_refused(whole, tmp_path, damage):
    path = shutil.copytree(whole[1], tmp_path / "damaged")
    journal = path / "journal.log"
    damaged = b"".join(damage(journal.read_bytes().splitlines(keepends=True)))
    journal.write_bytes(damaged)
    with pytest.raises(RunError, match=r"journal\.log is damaged: "):
        search(path)
    assert journal.read_bytes() == damaged


def test_a_last_line_cut_off_by_a_power_failure_is_dropped(whole, tmp_path):
    path = shutil.copytree(whole[1], tmp_path / "cut")
    journal = path / "journal.log"
    whole_lines = journal.read_bytes()
    journal.write_bytes(whole_lines + b'{"op_code": 4, "wor')
    assert search(path) == whole[0]
    assert journal.read_bytes().startswith(whole_lines)
    assert search(path) == whole[0]


def test_the_best_is_the_largest_where_that_is_better():
    trials = [Trial(n, {}, value, 1) for n, value in enumerate((0.5, None, 0.9))]
    assert best_trial(searched_task().replace(monitor="r2"), trials).number == 2
    with pytest.raises(RunError, match="no trial was completed"):
        best_trial(searched_task(), trials[1:2])


def test_spaces_from_files(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text("batch_size = [8, 16]\n[model]\ndropout = {low = 0.0, high = 0.5}\n")
    assert read_space(path) == {
        "batch_size": CategoricalDistribution((8, 16)),
        "model.dropout": FloatDistribution(0.0, 0.5),
    }
    for text, message in (
        ("batch_size = 8", "is not a range"),
        ("[model]\nfilters = {low = 8}", "is not a range"),
        ("[model]\nfilters = {low = 0, high = 8, log = true}", "log"),
        ("", "names no setting"),
        ("batch_size = [", "not a TOML"),
    ):
        path.write_text(text)
        with pytest.raises(UsageError, match=message):
            read_space(path)


@pytest.mark.parametrize("side", [8, 32])
def test_every_end_of_the_default_spaces_can_be_built(side):
    dataset = make_dataset(n_train=1, n_other=1, n_pixels=side)
    for model in ("unet", "pix2pix"):
        space = default_space(make_task(model=model), dataset)
        assert {"model.upsampling", "model.depth", "model.learning_rate"} <= set(space)
        assert ("model.discriminator_levels" in space) == (model == "pix2pix")
        ends = {
            name: each.choices if hasattr(each, "choices") else (each.low, each.high)
            for name, each in space.items()
        }
        for end in (0, -1):
            settings = {name: values[end] for name, values in ends.items()} | {"model.filters": 2}
            config = changes_of(settings)["model_config"]
            keras_qd.build(model, input_shape=(side, side, 1), **config)


def test_a_model_defines_its_search_space_or_has_its_learning_rate_searched():
    """A third party's model is treated like the built-in ones."""
    dataset, task = make_dataset(n_train=1, n_other=1), searched_task()
    assert set(default_space(task, dataset)) == {"model.learning_rate"}
    builders = components("models")._registered
    shapes = []

    def space(input_shape):
        shapes.append(input_shape)
        return {"filters": {"low": 1, "high": 4}}

    try:
        keras_qd.register("models", "searched")(searches(space)(lambda **config: None))
        found = default_space(task.replace(model="searched"), dataset)
        keras_qd.register("models", "unsearched")(lambda **config: None)
        with pytest.raises(UsageError, match="'unsearched' has no search space"):
            default_space(task.replace(model="unsearched"), dataset)
    finally:
        for name in ("searched", "unsearched"):
            builders.pop(name, None)
    assert found == {"model.filters": IntDistribution(1, 4)}
    assert shapes == [(16, 16, 1)]


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
