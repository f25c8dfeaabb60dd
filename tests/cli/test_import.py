"""``keras-qd import``: the files of the field's notebooks come in, and any task trains on them."""

import json
import pickle

import numpy as np
import pytest

import keras_qd
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


@keras_qd.register("tasks", "wells-potential-to-density")
def wells_task():
    return keras_qd.tasks.Task(
        name="wells-potential-to-density",
        dataset="wells-1d",
        inputs="potential",
        targets=("density",),
        model="line-net",
        scaling={"potential": "centered-standard", "density": "standard"},
        metrics=("l1", "r2", "charge-error"),
        followed=("l1", "r2"),
        epochs=6,
        batch_size=16,
    )


@keras_qd.register("models", "line-net")
def line_net(input_shape=(64, 1), output_shape=None):
    import keras

    layers = [
        keras.layers.Input(input_shape),
        keras.layers.Flatten(),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(input_shape[0]),
        keras.layers.Reshape(output_shape),
    ]
    model = keras.Sequential(layers)
    model.compile("adam", "mse")
    return model


def test_a_task_on_wells_trains_on_the_imported_files(store, tmp_path):
    task = keras_qd.task("wells-potential-to-density", dataset_config={"path": str(store)})
    run = keras_qd.train(task, tmp_path / "run", report=lambda *words: None)
    loss = run.history()["loss"]
    assert loss[-1] < 0.8 * loss[0]
    assert (
        run.config["samples"]["train"]
        + sum(run.config["samples"][name] for name in ("validation", "test"))
        == 300
    )
    evaluation = keras_qd.evaluate(run)
    assert evaluation.data["length"] == 10.0
    assert np.isfinite(evaluation.score("charge-error").value)


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
