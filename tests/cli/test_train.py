"""The verb ``train``: settings reach the task; an interruption says how to resume."""

import contextlib
import json
import signal

import numpy as np
import pytest

import keras_qd
from keras_qd.cli import train as verb
from keras_qd.training.run import Run
from tests.command import call, refused, succeed, whole_chain

STORE = ("generate", "quantum-dots", "--samples", 24, "--grid", 16, "--orbitals", 5)
TINY = (
    *("--set", "model=unet", "--set", "model.filters=4", "--set", "model.depth=2"),
    *("--set", "batch_size=8", "--set", 'metrics=["l1","r2"]'),
)


@pytest.fixture
def interrupted(monkeypatch):
    """Let the first training receive what Ctrl-C sends, in its second epoch."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    signals = iter([signal.SIGINT])

    @contextlib.contextmanager
    def progress():
        def report(epoch, epochs, batch, batches, logs):
            if epoch == 1:
                for number in signals:
                    signal.raise_signal(number)

        yield report

    monkeypatch.setattr(verb, "training_progress", progress)
    yield
    signal.signal(signal.SIGINT, handler)


@whole_chain
@pytest.mark.usefixtures("interrupted", "without_report")
def test_an_interrupted_training_is_resumed_evaluated_and_applied(tmp_path):
    store, run = tmp_path / "dots.zarr", tmp_path / "run"
    succeed(*STORE, "--workers", 1, "--out", store)
    arguments = ["train", "potential-to-density", "--data", store, "--out", run, "--epochs", 4]
    finished = call(*arguments, *TINY)
    assert finished.code == 1
    last = finished.error.splitlines()[-1]
    assert last == f"keras-qd: stopped; resume with: keras-qd train --resume {run}"
    assert not (run / "model.keras").exists()

    printed = succeed("train", "--resume", run, "--json")
    assert len((run / "history.csv").read_text().splitlines()) - 1 == 4
    assert json.loads(printed)["run"] == str(run)
    config = json.loads((run / "config.json").read_text())
    assert config["task"]["model_config"]["filters"] == 4
    assert config["task"]["batch_size"] == 8
    assert "train potential-to-density" in config["command"]

    potentials = tmp_path / "potentials.npy"
    np.save(potentials, np.zeros((3, 16, 16)))
    succeed("predict", run, potentials, "--out", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as found:
        assert found["density"].shape == (3, 16, 16)


def test_a_field_that_the_data_lack_is_named_and_stores_replace_other_data(tmp_path):
    wells = tmp_path / "wells.zarr"
    succeed("generate", "wells-1d", "--samples", 20, "--workers", 1, "--out", wells)
    out = tmp_path / "run"
    code, message = refused("train", "potential-to-density", "--data", wells, "--out", out)
    assert code == 1
    assert "holds 'wells-1d'" in message
    assert not out.exists()

    task = keras_qd.task("mnist-classification", dataset_config={"path": str(wells)})
    assert verb.on_store(task).dataset == "stored"
    assert len(verb.on_store(task).load_dataset().split("train")["energy"]) > 10
    for path in ("mnist.npz", None):
        task = keras_qd.task("mnist-classification", dataset_config={"path": path})
        assert verb.on_store(task) is task
    task = keras_qd.task("potential-to-energy", dataset_config={"path": str(wells)})
    assert verb.on_store(task).dataset == "wells-1d"


@whole_chain
@pytest.mark.usefixtures("without_report")
def test_a_configuration_trains_again_from_toml_and_from_json(tmp_path):
    store = tmp_path / "wells.zarr"
    succeed("generate", "wells-1d", "--samples", 60, "--workers", 1, "--out", store)
    (tmp_path / "train.toml").write_text(
        'task = "potential-to-energy"\nepochs = 1\nseed = 3\n'
        "[set]\nbatch_size = 8\n[set.model]\nunits = [5]\n"
    )
    common = ("--data", store, "--no-evolution")
    first, again = tmp_path / "first", tmp_path / "again"
    succeed("train", "--config", tmp_path / "train.toml", *common, "--out", first)
    succeed("train", "--config", first / "config.json", "--out", again)
    one, other = (json.loads((run / "config.json").read_text()) for run in (first, again))
    assert (one["task"]["batch_size"], one["task"]["model_config"]["units"]) == (8, [5])
    assert {**one, "command": ""} == {**other, "command": ""}
    losses = (Run.open(each).history()["loss"] for each in (first, again))
    assert next(losses) == next(losses)

    message = refused("train", "potential-to-energy", "--config", first / "config.json")[1]
    assert "give either a task to train, the configuration of one with --config" in message
    (tmp_path / "broken.json").write_text("{}")
    assert "is damaged" in refused("train", "--config", tmp_path / "broken.json")[1]


def test_potentials_without_labels_are_to_be_solved_first(tmp_path):
    np.save(tmp_path / "potential.npy", np.random.default_rng(0).normal(size=(30, 16, 16)))
    store = tmp_path / "dots.zarr"
    printed = succeed("import", tmp_path / "potential.npy", "--out", store)
    assert f"keras-qd solve {store} --out" in printed
    arguments = ("--data", store, "--out", tmp_path / "run")
    finished = call("train", "potential-to-density", *arguments)
    assert finished.code == 1
    assert "solve its potentials with: keras-qd solve" in " ".join(finished.error.split())


@pytest.mark.usefixtures("without_report")
def test_fresh_systems_in_every_epoch(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_QD_CACHE", str(tmp_path / "cache"))
    run = tmp_path / "run"
    settings = ("--set", "dataset.samples=30", "--set", "dataset.n_points=32", "--epochs", 2)
    succeed("train", "potential-to-energy", "--out", run, "--fresh", 10, *settings)
    assert Run.open(run).config["fresh"] == 10
    assert "leave out fresh" in refused("train", "--resume", run, "--fresh", 5)[1]
