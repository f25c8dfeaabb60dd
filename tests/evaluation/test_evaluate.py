"""An evaluation: values, what is written, and what is refused."""

import csv
import json

import numpy as np
import pytest

import keras_qd
from keras_qd.data import ArrayDataset
from keras_qd.data.store.store import checksum
from keras_qd.errors import DataError, RunError, UnknownNameError
from keras_qd.evaluation import Evaluation
from tests.wells import LENGTH, make_dataset, make_task, make_wells


@pytest.fixture(scope="module")
def evaluated(trained, tmp_path_factory):
    """An evaluation of the run, in a copy of it."""
    import shutil

    from keras_qd.training.run import Run

    run = Run.open(shutil.copytree(trained.path, tmp_path_factory.mktemp("evaluated") / "wells"))
    return run, keras_qd.evaluate(run, keep_predictions=True, n_draws=100)


def test_the_values_are_those_of_the_predictions(evaluated, dataset):
    run, evaluation = evaluated
    exact = dataset.split("test")["density"]
    error = keras_qd.predict(run, dataset.split("test"))["density"] - exact
    expected = np.abs(error).mean()
    assert evaluation.score("l1").value == pytest.approx(expected, rel=1e-5)
    r2 = 1 - (error**2).sum() / ((exact - exact.mean(axis=0)) ** 2).sum()
    assert evaluation.score("r2").value == pytest.approx(r2, rel=1e-4)


def test_scaled_values_are_those_of_the_network(evaluated, dataset):
    _, evaluation = evaluated
    largest = np.abs(dataset.split("train")["density"]).max()
    physical, scaled = (evaluation.score("l1", space=each) for each in ("physical", "scaled"))
    assert scaled.value == pytest.approx(physical.value / largest, rel=1e-6)
    assert (physical.unit, scaled.unit) == ("1/a0*^2", "")


def test_the_baseline_is_the_mean_of_the_training_split(evaluated, dataset):
    mean = dataset.split("train")["density"].mean(axis=0)
    expected = np.abs(dataset.split("test")["density"] - mean).mean()
    assert evaluated[1].score("l1").baseline == pytest.approx(expected, rel=1e-6)


def test_what_is_written_reads_back(evaluated):
    run, evaluation = evaluated
    again = Evaluation.read(run.path)
    assert again.summary == evaluation.summary
    assert list(again.samples) == ["index", "energy", "density_l1", "density_r2", "density_ssim"]
    for name, column in evaluation.samples.items():
        np.testing.assert_array_equal(again.samples[name], column)
    for one, other in zip(again.examples, evaluation.examples, strict=True):
        assert (one.label, one.index, one.error) == (other.label, other.index, other.error)
        np.testing.assert_array_equal(one.prediction["density"], other.prediction["density"])
    np.testing.assert_array_equal(again.parities[0].counts, evaluation.parities[0].counts)


def test_files(evaluated, dataset):
    run, evaluation = evaluated
    summary = json.loads((run.path / "metrics.json").read_text())
    assert summary["data"] == {
        "split": "test",
        "n_samples": 11,
        "digest": dataset.metadata["digest"],
        "systems": checksum({"density": dataset.split("test")["density"]}).hex(),
        "own": True,
        "length": LENGTH,
        "units": {"energy": "Ha*"},
        "drawn": [],
        "baseline": "mean image",
        "notice": None,
    }
    with (run.path / "samples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 11
    assert float(rows[3]["density_l1"]) == evaluation.samples["density_l1"][3]
    with np.load(run.path / "predictions.npz") as archive:
        assert archive["density"].shape == (11, 16, 16)


def test_more_metrics_can_be_asked_for(run):
    evaluation = keras_qd.evaluate(run, metrics=["charge-error", "l1"], n_draws=10)
    assert [each.metric for each in evaluation.scores[:4]] == ["l1", "r2", "ssim", "charge-error"]
    assert evaluation.score("charge-error").unit == "electrons"
    with pytest.raises(UnknownNameError, match="did you mean 'charge-error'"):
        keras_qd.evaluate(run, metrics=["charge-errors"])


def test_the_same_seed_gives_the_same_intervals(evaluated):
    run, evaluation = evaluated
    again = keras_qd.evaluate(run, n_draws=100)
    other = keras_qd.evaluate(run, n_draws=100, seed=1)
    assert again.score("l1").interval == evaluation.score("l1").interval
    assert other.score("l1").interval != evaluation.score("l1").interval


def test_other_data_is_kept_apart(run):
    own = keras_qd.evaluate(run, n_draws=10)
    other = keras_qd.evaluate(run, data=make_dataset(seed=1), n_draws=10)
    validation = keras_qd.evaluate(run, "validation", n_draws=10)
    assert own.folder == run.path
    assert not other.data["own"]
    assert {path.name for path in (run.path / "evaluations").iterdir()} == {
        other.folder.name,
        validation.folder.name,
    }
    assert Evaluation.read(run.path).score("l1").value == own.score("l1").value
    assert other.score("l1").value != own.score("l1").value


def test_a_constant_does_not_count_where_the_scaling_is_centered(tmp_path):
    task = make_task(
        inputs="density", targets="potential", scaling={"potential": "centered-standard"}
    )
    one, other = make_dataset(), make_wells(11, 2)
    run = keras_qd.train(task, tmp_path / "inverse", dataset=one)
    other["potential"] = other["potential"] + np.arange(11.0)[:, None, None]
    shifted = ArrayDataset(train=one.split("train"), test=other, fields=one.fields)
    found = [keras_qd.evaluate(run, data=data, n_draws=10).score("l1") for data in (one, shifted)]
    assert found[0].value == pytest.approx(found[1].value, rel=1e-6)
    assert found[0].baseline == pytest.approx(found[1].baseline, rel=1e-6)


def test_unknown_names_are_refused(evaluated):
    run, evaluation = evaluated
    with pytest.raises(UnknownNameError, match="did you mean 'test'"):
        keras_qd.evaluate(run, "tests")
    with pytest.raises(UnknownNameError, match="did you mean 'l1'"):
        evaluation.score("l11")


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ({}, "empty"),
        ({"potential": np.zeros((2, 3, 3)), "density": np.zeros((2, 3, 3))}, "trained on"),
        ({"potential": np.zeros((2, 16, 16))}, "no field 'density'"),
    ],
)
def test_data_that_does_not_fit_is_refused(run, test, message):
    train = {name: values[:1] for name, values in test.items()} or make_wells(3, 0)
    with pytest.raises(DataError, match=message):
        keras_qd.evaluate(run, data=ArrayDataset(train=train, test=test or None))


def test_changed_data_is_told(run):
    run.config["data"]["digest"] = "another"
    with pytest.raises(RunError, match="data set has changed"):
        keras_qd.evaluate(run)


def test_no_evaluation_yet(run):
    with pytest.raises(RunError, match="keras-qd evaluate"):
        Evaluation.read(run.path)


@pytest.mark.parametrize("text", ["{", "{}", '{"schema": 2, "metrics": 3}'])
def test_a_broken_evaluation_is_told(run, text):
    keras_qd.evaluate(run, n_draws=10)
    (run.path / "metrics.json").write_text(text)
    with pytest.raises(DataError, match="make it again"):
        Evaluation.read(run.path)


def test_an_evaluation_of_a_newer_version_is_told(run):
    (run.path / "metrics.json").write_text('{"schema": 99}')
    with pytest.raises(RunError, match="newer keras-qd"):
        Evaluation.read(run.path)
