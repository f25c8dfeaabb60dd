"""Trainings that are cut off, repeated, or meant for other data: nothing is lost without a word."""

import contextlib
import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import RunError, UsageError
from keras_qd.training import Run
from keras_qd.training import checkpoint as checkpoints
from tests.command import call
from tests.reliability import contents, refuse
from tests.training.conftest import Interrupt, make_dataset, quiet, small_task

on_torch = pytest.mark.skipif(
    keras.config.backend() != "torch", reason="locks and files do not depend on the backend"
)


@pytest.fixture(scope="module")
def data():
    return make_dataset()


def weights(run):
    return [keras.ops.convert_to_numpy(weight.value) for weight in run.load_model().weights]


def stopped(path, data, **changes):
    """Return a run of three epochs that was stopped after two."""
    task = small_task(epochs=3, **changes)
    with contextlib.suppress(KeyboardInterrupt):
        keras_qd.train(task, path, dataset=data, seed=5, callbacks=[Interrupt()], report=quiet)
    return Run.open(path)


def test_resumed_in_the_middle_equals_never_stopped(tmp_path, data):
    """On every backend: weights, optimizer and the state of dropout come from the checkpoint."""
    settings = {"model_config": {"filters": 2, "depth": 1, "dropout": 0.5}, "monitor": "l1"}
    run = stopped(tmp_path / "stopped", data, **settings)
    assert run.history()["epoch"] == [1, 2]
    resumed = keras_qd.resume(run.path, dataset=data, report=quiet)
    whole = keras_qd.train(
        small_task(epochs=3, **settings), tmp_path / "whole", dataset=data, seed=5, report=quiet
    )
    assert resumed.history()["val_l1"] == whole.history()["val_l1"]
    for one, other in zip(weights(resumed), weights(whole), strict=True):
        np.testing.assert_array_equal(one, other)


@on_torch
def test_other_data_are_refused(tmp_path, data):
    run = stopped(tmp_path / "run", data)
    before = contents(tmp_path)
    with pytest.raises(RunError, match="the data set has changed"):
        keras_qd.resume(run.path, dataset=make_dataset(n_train=32), report=quiet)
    assert contents(tmp_path) == before


@on_torch
@pytest.mark.parametrize("what", ["deleted", "changed", "of another seed", "shorter"])
def test_a_stored_data_set_that_is_gone_or_another_one(what, tmp_path):
    store = tmp_path / "wells.zarr"
    make = ["generate", "wells-1d", "--points", 48, "--workers", 1, "--out", store]
    assert call(*make, "--samples", 40).code == 0
    task = keras_qd.task(
        "potential-to-energy",
        dataset_config={"path": str(store)},
        epochs=3,
        model_config={"units": [5]},
    )
    run = tmp_path / "run"
    with contextlib.suppress(KeyboardInterrupt):
        keras_qd.train(task, run, callbacks=[Interrupt()], report=quiet)
    if what == "changed":
        chunk = next(path for path in (store / "energy" / "c").rglob("*") if path.is_file())
        chunk.write_bytes(chunk.read_bytes()[:-9] + bytes(9))
    else:
        store.rename(tmp_path / "elsewhere.zarr")
    if what == "of another seed":
        assert call(*make, "--samples", 40, "--seed", 1).code == 0
    elif what == "shorter":
        assert call(*make, "--samples", 20).code == 0
    message = refuse("train", "--resume", run, folder=tmp_path, codes=(1,))
    expected = {"deleted": str(store), "changed": "energy"}.get(what, "the data set has changed")
    assert expected in message


@on_torch
def test_a_lost_checkpoint_is_not_the_beginning(tmp_path, data):
    run = stopped(tmp_path / "run", data)
    run.checkpoint_path.unlink()
    before = contents(tmp_path)
    with pytest.raises(RunError, match=r"last\.npz is gone, without which it cannot be resumed"):
        keras_qd.resume(run.path, dataset=data, report=quiet)
    assert contents(tmp_path) == before


@on_torch
def test_a_disk_that_is_full_during_a_checkpoint_loses_one_epoch(tmp_path, data, monkeypatch):
    """The last checkpoint stays whole, no temporary file is left, and the run can be resumed."""
    savez, calls = np.savez, []

    def full(path, **arrays):
        savez(path, **arrays)
        if not isinstance(path, Path):  # the example of a run is an open file
            return
        calls.append(path)
        if len(calls) == 2:
            os.truncate(path, os.path.getsize(path) // 2)
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints.np, "savez", full)
    path = tmp_path / "run"
    with pytest.raises(OSError, match="No space left"):
        keras_qd.train(small_task(epochs=3), path, dataset=data, seed=5, report=quiet)
    monkeypatch.undo()
    assert not list(tmp_path.rglob("*.partial*"))
    assert checkpoints.load_history(Run.open(path).checkpoint_path)["epoch"] == [1]
    assert keras_qd.resume(path, dataset=data, report=quiet).history()["epoch"] == [1, 2, 3]


@on_torch
def test_a_disk_that_is_full_at_once_leaves_nothing(tmp_path, data, monkeypatch):
    def full(path, **arrays):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints.np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        keras_qd.train(small_task(epochs=3), tmp_path / "run", dataset=data, report=quiet)
    monkeypatch.undo()
    assert contents(tmp_path) == {}
    keras_qd.train(small_task(epochs=1), tmp_path / "run", dataset=data, report=quiet)


@on_torch
def test_leftovers_of_a_killed_training_are_removed(tmp_path, data):
    run = stopped(tmp_path / "run", data)
    for name in (".last.host-1.partial.npz", ".history.host-1.partial.csv"):
        (run.path / "checkpoints" / name).write_bytes(b"half")
    keras_qd.resume(run.path, dataset=data, report=quiet)
    assert not list(tmp_path.rglob("*.partial*"))


@on_torch
@pytest.mark.parametrize("link", [False, True])
def test_a_run_has_one_training_at_a_time(link, tmp_path, data):
    run = stopped(tmp_path / "run", data)
    path = run.path
    if link:
        path = tmp_path / "link"
        path.symlink_to(run.path)
    with run.locked():
        message = refuse("train", "--resume", path, folder=tmp_path, codes=(1,))
        assert "is in use: another process trains into it" in message
        with pytest.raises(RunError, match=r"exists already|is in use"):
            keras_qd.train(small_task(), path, dataset=data, report=quiet)
    keras_qd.resume(path, dataset=data, report=quiet)


#: Trains into a directory, and reports how that ended.
RACE = """
import sys
sys.path.insert(0, sys.argv[2])
import keras_qd
from keras_qd.errors import RunError
from tests.training.conftest import make_dataset, quiet, small_task
data = make_dataset()
sys.stdin.readline()
try:
    keras_qd.train(small_task(epochs=2), sys.argv[1], dataset=data, report=quiet)
except RunError as error:
    print("refused:", error)
else:
    print("trained")
"""


@on_torch
@pytest.mark.slow
def test_of_two_trainings_on_one_path_one_is_refused(tmp_path):
    arguments = [sys.executable, "-c", RACE, str(tmp_path / "run"), str(Path(__file__).parents[2])]
    processes = [
        subprocess.Popen(
            arguments,
            env={**os.environ, "KERAS_BACKEND": "torch"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    ends = sorted(process.communicate(timeout=300)[0].strip() for process in processes)
    assert ends[0].startswith("refused: ")
    assert ends[1] == "trained"
    assert Run.open(tmp_path / "run").history()["epoch"] == [1, 2]


@on_torch
def test_a_clock_that_is_set_back_changes_nothing(tmp_path, data, monkeypatch):
    now, steps = time.time, []

    def back():
        steps.append(None)
        return now() - 3600 * len(steps)

    monkeypatch.setattr(time, "time", back)
    run = stopped(tmp_path / "run", data)
    old = now() - 10**8
    for file in run.path.rglob("*"):
        os.utime(file, (old, old))
    resumed = keras_qd.resume(run.path, dataset=data, report=quiet)
    assert resumed.history()["epoch"] == [1, 2, 3]
    assert min(resumed.history()["seconds"]) >= 0


@on_torch
@pytest.mark.parametrize(
    ("changes", "seed"),
    [
        ({"optimizer": "nope"}, 0),
        ({"model_config": {"filters": "many"}}, 0),
        ({"targets": "nothing"}, 0),
        ({"metrics": ["nope"]}, 0),
        ({}, -1),
    ],
)
def test_a_start_that_fails_does_not_block_the_corrected_one(changes, seed, tmp_path, data):
    with pytest.raises((UsageError, ValueError)):
        keras_qd.train(
            small_task(epochs=1).replace(**changes),
            tmp_path / "run",
            dataset=data,
            seed=seed,
            report=quiet,
        )
    assert contents(tmp_path) == {}


@on_torch
def test_a_callback_that_fails_at_first_does_not_block_either(tmp_path, data):
    class Fails(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        keras_qd.train(
            small_task(), tmp_path / "run", dataset=data, callbacks=[Fails()], report=quiet
        )
    assert contents(tmp_path) == {}


@on_torch
def test_names_in_tables_are_no_formulas(tmp_path, data):
    """Names of fields come from files of others, and tables are opened in spreadsheets."""
    from keras_qd.evaluation.result import read_table, write_table

    columns = {
        "=HYPERLINK(1)": np.array([-1.5, 2.0]),
        "@x": np.array(["+1", "=1"]),
        "'plain": np.array([1, 2]),
    }
    write_table(tmp_path / "table.csv", columns)
    header, *rows = (tmp_path / "table.csv").read_text().splitlines()
    assert header == "'=HYPERLINK(1),'@x,''plain"
    assert rows == ["-1.5,'+1,1", "2.0,'=1,2"]
    found = read_table(tmp_path / "table.csv")
    assert list(found) == list(columns)
    for name, values in columns.items():
        np.testing.assert_array_equal(found[name], values)
    run = stopped(tmp_path / "run", data)
    run.write_history({"epoch": [1], "=loss": [0.5]})
    assert run.history_path.read_text().splitlines()[0] == "epoch,'=loss"
    assert run.history() == {"epoch": [1], "=loss": [0.5]}
