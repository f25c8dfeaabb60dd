"""TensorBoard and MLflow get the history, each epoch once, also after a resume."""

import json
import struct
import sys
import types

import pytest
from tensorboardX.proto.event_pb2 import Event

import keras_qd
from keras_qd.errors import UsageError
from keras_qd.training.logging import check_callbacks

from .conftest import Interrupt, make_dataset, small_task


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A training with TensorBoard, interrupted and resumed."""
    task = small_task(augmentation=None)
    path = tmp_path_factory.mktemp("logging") / "run"
    with pytest.raises(KeyboardInterrupt):
        keras_qd.train(task, path, dataset=make_dataset(), callbacks=["tensorboard", Interrupt()])
    return keras_qd.resume(path, dataset=make_dataset())


def events(path):
    """Return the events of a file: (length, checksum, message, checksum), again and again."""
    content, found = path.read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        found.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return found


@pytest.mark.parametrize(("folder", "prefix"), [("training", ""), ("validation", "val_")])
def test_event_files_hold_the_history_once(interrupted, folder, prefix):
    (path,) = (interrupted.path / "tensorboard" / folder).iterdir()
    found = {}
    for event in events(path):
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value.simple_value))
    history = interrupted.history()
    assert set(found) >= {"loss", "l1", "r2"}
    for tag, pairs in found.items():
        assert [step for step, _ in pairs] == [1, 2, 3]
        assert [value for _, value in pairs] == pytest.approx(history[prefix + tag], rel=1e-6)


class Client:
    """Replaces MLflow's client, and remembers its calls."""

    def __init__(self, runs):
        self.runs = runs

    def get_experiment_by_name(self, name):
        return types.SimpleNamespace(experiment_id=name)

    def create_run(self, experiment, run_name):
        number = str(len(self.runs))
        self.runs[number] = {"name": run_name, "params": {}, "metrics": [], "status": "RUNNING"}
        return types.SimpleNamespace(info=types.SimpleNamespace(run_id=number))

    def log_param(self, number, key, value):
        self.runs[number]["params"][key] = value

    def log_metric(self, number, key, value, timestamp, step):
        self.runs[number]["metrics"].append((key, step, value))

    def get_metric_history(self, number, key):
        steps = [step for name, step, _ in self.runs[number]["metrics"] if name == key]
        return [types.SimpleNamespace(step=step) for step in steps]

    def update_run(self, number, status):
        self.runs[number]["status"] = status

    def set_terminated(self, number):
        self.runs[number]["status"] = "FINISHED"


def test_mlflow_has_each_epoch_once(interrupted, tmp_path, monkeypatch):
    """The callback by itself, over a training that is interrupted after its second epoch."""
    runs = {}
    monkeypatch.setitem(
        sys.modules, "mlflow", types.SimpleNamespace(MlflowClient=lambda: Client(runs))
    )
    from keras_qd.training.logging import MLflow

    history = interrupted.history()
    (interrupted.path / "mlflow.json").unlink(missing_ok=True)
    first = MLflow(interrupted, {}, {})
    first.on_train_begin()
    for epoch in range(2):
        first.on_epoch_end(epoch, {"loss": history["loss"][epoch]})
    second = MLflow(interrupted, {}, {key: values[:1] for key, values in history.items()})
    second.on_train_begin()
    for epoch in range(1, 3):
        second.on_epoch_end(epoch, {"loss": history["loss"][epoch]})
    second.on_train_end()
    (found,) = runs.values()
    assert found["metrics"] == [("loss", n + 1, value) for n, value in enumerate(history["loss"])]
    assert found["status"] == "FINISHED"
    assert found["params"]["model"] == "unet"
    assert found["params"]["model_config.filters"] == "2"
    assert json.loads((interrupted.path / "mlflow.json").read_text()) == {"run_id": "0"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*noload.*")  # MLflow's own
def test_mlflow_itself_takes_it(interrupted, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    from keras_qd.training.logging import MLflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    (interrupted.path / "mlflow.json").unlink(missing_ok=True)
    callback = MLflow(interrupted, {}, interrupted.history())
    callback.on_train_begin()
    callback.on_train_end()
    number = json.loads((interrupted.path / "mlflow.json").read_text())["run_id"]
    found = mlflow.MlflowClient().get_metric_history(number, "val_l1")
    assert [each.value for each in found] == interrupted.history()["val_l1"]


@pytest.mark.parametrize("name", ["mlflow", "tensorboard"])
def test_a_missing_package_is_named_with_its_extra(monkeypatch, name):
    monkeypatch.setattr("keras_qd.training.logging.find_spec", lambda package: None)
    with pytest.raises(UsageError, match=rf'pip install "keras-qd\[{name}\]"'):
        check_callbacks(["evolution", name])
