"""An evaluation: its values, its files, and the errors it raises."""

import csv
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import keras_qd
from keras_qd.data import ArrayDataset
from keras_qd.data.store.manifest import checksum
from keras_qd.errors import DataError, RunError, UnknownNameError
from keras_qd.evaluation import Evaluation
from keras_qd.evaluation.case import Case
from keras_qd.tasks import Pipeline
from tests.wells import LENGTH, make_dataset, make_task, make_wells


def test_values_are_those_of_the_predictions(evaluated, dataset):
    run, evaluation = evaluated
    exact = dataset.split("test")["density"]
    error = keras_qd.predict(run, dataset.split("test"))["density"] - exact
    l1, scaled = (evaluation.score("l1", space=each) for each in ("physical", "scaled"))
    assert l1.value == pytest.approx(np.abs(error).mean(), rel=1e-5)
    r2 = 1 - (error**2).sum() / ((exact - exact.mean(axis=0)) ** 2).sum()
    assert evaluation.score("r2").value == pytest.approx(r2, rel=1e-4)
    largest = np.abs(dataset.split("train")["density"]).max()
    assert scaled.value == pytest.approx(l1.value / largest, rel=1e-6)
    assert (l1.unit, scaled.unit) == ("1/a0*^2", "")
    mean = dataset.split("train")["density"].mean(axis=0)
    assert l1.baseline == pytest.approx(np.abs(exact - mean).mean(), rel=1e-6)


def test_an_evaluation_reads_back(evaluated):
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
        "label_error": {},
        "adversary": None,
    }
    assert summary["cost"] is None
    with (run.path / "samples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 11
    assert float(rows[3]["density_l1"]) == evaluation.samples["density_l1"][3]
    with np.load(run.path / "predictions.npz") as archive:
        assert archive["density"].shape == (11, 16, 16)


def test_additional_metrics_leave_the_others_and_their_intervals(run, evaluated):
    found = keras_qd.evaluate(run, metrics=["charge-error", "l1"], n_draws=100)
    assert [each.metric for each in found.scores[:4]] == ["l1", "r2", "ssim", "charge-error"]
    assert found.score("charge-error").unit == "electrons"
    assert found.score("l1").interval == evaluated[1].score("l1").interval


def test_other_data_has_its_own_folder(evaluated_run, evaluated):
    other = keras_qd.evaluate(evaluated_run, data=make_dataset(seed=1), n_draws=10)
    validation = keras_qd.evaluate(evaluated_run, "validation", n_draws=10)
    assert not other.data["own"]
    folders = {path.name for path in (evaluated_run.path / "evaluations").iterdir()}
    assert folders == {other.folder.name, validation.folder.name}
    own = Evaluation.read(evaluated_run.path).score("l1").value
    assert own == evaluated[1].score("l1").value != other.score("l1").value


def test_a_constant_does_not_count_where_the_scaling_is_centered():
    dataset = make_dataset()
    scaling = {"potential": "centered-standard"}
    task = make_task(inputs="density", targets="potential", scaling=scaling)
    pipeline = Pipeline.fit(task, dataset.split("train"), dataset.fields)
    run = SimpleNamespace(pipeline=pipeline)
    test = dataset.split("test")
    shifted = {**test, "potential": test["potential"] + np.arange(11.0)[:, None, None]}
    data = ArrayDataset(train=dataset.split("train"), test=shifted, fields=dataset.fields)
    prediction = {"potential": np.zeros((11, 16, 16))}
    pairs = (Case(run, each, "test").comparisons(prediction) for each in (dataset, data))
    for one, other in zip(*pairs, strict=True):
        np.testing.assert_allclose(one.reference, other.reference, atol=1e-12)
        np.testing.assert_allclose(one.baseline, other.baseline, atol=1e-12)


def test_unknown_names(run, evaluated):
    with pytest.raises(UnknownNameError, match="did you mean 'test'"):
        keras_qd.evaluate(run, "tests")
    with pytest.raises(UnknownNameError, match="did you mean 'charge-error'"):
        keras_qd.evaluate(run, metrics=["charge-errors"])
    with pytest.raises(UnknownNameError, match="did you mean 'l1'"):
        evaluated[1].score("l11")


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ({}, "empty"),
        ({"potential": np.zeros((2, 3, 3)), "density": np.zeros((2, 3, 3))}, "trained on"),
        ({"potential": np.zeros((2, 16, 16))}, "no field 'density'"),
    ],
)
def test_data_that_does_not_fit(run, test, message):
    train = {name: values[:1] for name, values in test.items()} or make_wells(3, 0)
    with pytest.raises(DataError, match=message):
        keras_qd.evaluate(run, data=ArrayDataset(train=train, test=test or None))


def test_changed_data(run):
    run.config["data"]["digest"] = "another"
    with pytest.raises(RunError, match="data set has changed"):
        keras_qd.evaluate(run)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (None, RunError, "keras-qd evaluate"),
        ("{", DataError, "repeat it"),
        ("{}", DataError, "repeat it"),
        ('{"schema": 3, "metrics": 3}', DataError, "repeat it"),
        ('{"schema": 99}', RunError, "newer keras-qd"),
    ],
)
def test_unreadable_evaluations(tmp_path, text, error, message):
    if text is not None:
        (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(error, match=message):
        Evaluation.read(tmp_path)


SCRIPT = """
import sys
sys.modules["matplotlib"] = None  # Keras tries to import it, too: now the import fails
import numpy as np
import keras_qd
assert keras_qd.metrics.__all__
assert "keras" not in sys.modules
keras_qd.metrics.SSIM
assert "skimage" not in sys.modules
from keras_qd.data import ArrayDataset
fields = dict(np.load(sys.argv[2]))
data = ArrayDataset(train=fields, test=fields)
assert keras_qd.evaluate(sys.argv[1], data=data, n_draws=2).scores
assert "keras_qd.report" not in sys.modules
"""


def test_nothing_is_imported_before_it_is_used_and_nothing_that_draws(run, tmp_path):
    """In a process of its own, where the run alone determines the classes of its model."""
    np.savez(tmp_path / "wells.npz", **make_wells(4, 0))
    arguments = [sys.executable, "-c", SCRIPT, run.path, tmp_path / "wells.npz"]
    subprocess.run(arguments, check=True, timeout=300)
    assert list((run.path / "evaluations").glob("*/metrics.json"))
