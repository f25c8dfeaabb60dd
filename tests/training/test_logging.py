"""What TensorBoard and MLflow are told is the history, once an epoch, also after a resume."""

import json
import struct
import sys
import types

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import UsageError
from keras_qd.training.event_file import append, crc32c, scalars_record, version_record
from keras_qd.training.logging import check_callbacks

from .conftest import make_dataset, make_task


class Interrupt(keras.callbacks.Callback):
    """Stops the training when its third epoch begins."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A training with TensorBoard, interrupted and resumed."""
    task = make_task(model="unet", model_config={"filters": 2, "depth": 2}, augmentation=None)
    path = tmp_path_factory.mktemp("logging") / "run"
    with pytest.raises(KeyboardInterrupt):
        keras_qd.train(task, path, dataset=make_dataset(), callbacks=["tensorboard", Interrupt()])
    return keras_qd.resume(path, dataset=make_dataset())


def test_tensorboard_reads_the_history(interrupted):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for folder, prefix in (("training", ""), ("validation", "val_")):
        events = reading.EventAccumulator(str(interrupted.path / "tensorboard" / folder))
        events.Reload()
        for tag in ("loss", "l1", "r2"):
            found = events.Scalars(tag)
            assert [each.step for each in found] == [1, 2, 3]
            expected = interrupted.history()[prefix + tag]
            np.testing.assert_allclose([each.value for each in found], expected, rtol=1e-6)


def test_there_is_one_file_a_split(interrupted):
    for folder in ("training", "validation"):
        (path,) = (interrupted.path / "tensorboard" / folder).iterdir()
        assert path.name.startswith("events.out.tfevents.")
        assert len(records(path.read_bytes())) == 1 + 3


def records(content):
    """Return the contents of the records, their checksums checked."""
    found = []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        assert unmasked(content[8:12]) == crc32c(content[:8])
        assert unmasked(content[12 + length : 16 + length]) == crc32c(content[12 : 12 + length])
        found.append(content[12 : 12 + length])
        content = content[16 + length :]
    return found


def unmasked(content):
    value = (struct.unpack("<I", content)[0] - 0xA282EAD8) & 0xFFFFFFFF
    return ((value >> 17) | (value << 15)) & 0xFFFFFFFF


def test_an_event_is_the_message_that_protobuf_writes(tmp_path):
    """Bytes as protobuf's encoding says: field number and wire type, length, content."""
    append(tmp_path / "new" / "events", [version_record(1.5), scalars_record({"l1": 0.5}, 300, 2)])
    version, scalars = records((tmp_path / "new" / "events").read_bytes())
    assert version == b"\x09" + struct.pack("<d", 1.5) + b"\x1a\x0dbrain.Event:2"
    value = b"\x0a\x02l1\x15" + struct.pack("<f", 0.5)
    summary = b"\x0a" + bytes([len(value)]) + value
    expected = b"\x09" + struct.pack("<d", 2) + b"\x10\xac\x02\x2a" + bytes([len(summary)])
    assert scalars == expected + summary


class Client:
    """Stands for MLflow's client, and remembers what it is told."""

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
    first = MLflow(interrupted, {})
    first.on_train_begin()
    for epoch in range(2):
        first.on_epoch_end(epoch, {"loss": history["loss"][epoch]})
    second = MLflow(interrupted, {key: values[:1] for key, values in history.items()})
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
    callback = MLflow(interrupted, interrupted.history())
    callback.on_train_begin()
    callback.on_train_end()
    number = json.loads((interrupted.path / "mlflow.json").read_text())["run_id"]
    found = mlflow.MlflowClient().get_metric_history(number, "val_l1")
    assert [each.value for each in found] == interrupted.history()["val_l1"]


def test_without_mlflow_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr("keras_qd.training.logging.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r'pip install "keras-qd\[mlflow\]"'):
        check_callbacks(["tensorboard", "mlflow"])
