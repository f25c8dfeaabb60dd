"""``keras-qd import``: the files of the field's notebooks come in, and any task trains on them."""

import json
import pickle

import numpy as np
import pytest

import keras_qd
from keras_qd.cli.steps import on_store
from keras_qd.data import Wells
from keras_qd.errors import StoreError, UsageError

ARGUMENTS = (
    *("--field", "potential=V.db", "--field", "energy=E.db", "--length", 10),
    *("--unit", "potential=Ha*", "--unit", "energy=Ha*", "--unit", "density=1/a0*"),
)


@pytest.fixture(scope="module")
def samples():
    return Wells().make(range(512))


@pytest.fixture(scope="module")
def files(tmp_path_factory, samples):
    """Pickled arrays, as the field's teaching notebooks keep them."""
    folder = tmp_path_factory.mktemp("notebook")
    for name, field in {"V": "potential", "density": "density", "E": "energy"}.items():
        with (folder / f"{name}.db").open("wb") as file:
            pickle.dump(samples[field].astype("float64")[:300], file)
    return [folder / f"{name}.db" for name in ("V", "density", "E")]


@pytest.fixture(scope="module")
def store(keras_qd_command, files):
    path = files[0].with_name("imported.zarr")
    process = keras_qd_command("import", *files, *ARGUMENTS, "--out", path, "--json")
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["finished"] == 300
    return path


def test_load_and_inspect_know_it(store, samples, keras_qd_command, tmp_path):
    dataset = keras_qd.load("stored", path=store)
    assert {name: field.shape for name, field in dataset.fields.items()} == {
        "potential": (64,),
        "energy": (),
        "density": (64,),
    }
    n_split = [len(dataset.split(name)["energy"]) for name in ("train", "validation", "test")]
    assert sum(n_split) == 300
    assert set(dataset.split("test")["energy"]) <= set(samples["energy"][:300])
    figure = tmp_path / "sheet.png"
    process = keras_qd_command("inspect", store, "--verify", "--figure", figure)
    assert process.returncode == 0, process.stderr
    for word in ("300 of 300 samples", "300 x 64", "Ha*", "checksums: all right", "V.db"):
        assert word in process.stdout
    assert figure.stat().st_size > 5000


def test_a_task_trains_on_the_imported_files(store, keras_qd_command, tmp_path):
    run = tmp_path / "run"
    process = keras_qd_command(
        *("train", "potential-to-energy", "--data", store, "--out", run, "--epochs", 3, "--json"),
        *("--batch-size", 32, "--set", "dataset.fractions=[0.5,0.25,0.25]"),
    )
    assert process.returncode == 0, process.stderr
    config = json.loads((run / "config.json").read_text())
    assert sum(config["samples"].values()) == 300
    assert config["data"]["configuration"]["kind"] == "imported"
    assert config["fields"]["energy"]["unit"] == "Ha*"
    assert json.loads(process.stdout)["data"]["length"] == 10.0
    loss = keras_qd.training.Run.open(run).history()["loss"]
    assert loss[-1] < loss[0]


def test_tasks_whose_data_come_as_no_store_train_on_one_as_well(store):
    task = keras_qd.task("mnist-classification", dataset_config={"path": str(store)})
    assert on_store(task).dataset == "stored"
    assert len(on_store(task).load_dataset().split("train")["energy"]) > 200
    for path in ("mnist.npz", None):
        task = keras_qd.task("mnist-classification", dataset_config={"path": path})
        assert on_store(task) is task
    task = keras_qd.task("potential-to-energy", dataset_config={"path": str(store)})
    assert on_store(task).dataset == "wells-1d"


def test_settings_that_are_asked_for_must_be_those_stored(store):
    assert keras_qd.load("wells-1d", path=store, length=10.0).fields["potential"].unit == "Ha*"
    with pytest.raises(UsageError, match=r"length is 10.0, not 12.0"):
        keras_qd.load("wells-1d", path=store, length=12.0)
    with pytest.raises(UsageError, match="family is None"):
        keras_qd.load("wells-1d", path=store, family="random-fourier")
    with pytest.raises(StoreError, match="holds 300 samples, not 301; ask for fewer"):
        keras_qd.load("stored", path=store, samples=301)


def test_faults_are_told_in_one_line(keras_qd_command, files, tmp_path):
    short = tmp_path / "short.npy"
    np.save(short, np.zeros(3))
    process = keras_qd_command("import", files[0], short, "--out", tmp_path / "s.zarr")
    assert process.returncode == 1
    assert process.stderr.startswith("keras-qd: nothing was imported: the fields have different")
    assert not (tmp_path / "s.zarr").exists()
    process = keras_qd_command("import", files[0], "--field", "V", "--out", tmp_path / "s.zarr")
    assert process.returncode == 2
    assert "takes NAME=TEXT; got 'V'" in process.stderr
