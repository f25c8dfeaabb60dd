"""Losses, metrics and settings for MLflow."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from keras_qd.files import write_json
from keras_qd.training.run import Run

#: MLflow refuses longer values of parameters.
_LONGEST = 500


class MLflow(keras.callbacks.Callback):
    """Log a training to MLflow: to where ``MLFLOW_TRACKING_URI`` says, or MLflow's default.

    The experiment is that of ``MLFLOW_EXPERIMENT_NAME``, ``keras-qd`` if there is none. A resumed
    training goes on with the same MLflow run, and logs each epoch once.

    Parameters
    ----------
    run : Run
        Whose settings are logged, and whose directory remembers the MLflow run.
    history : mapping of str to list of float
        The values of the epochs before this training begins.
    """

    def __init__(self, run: Run, history: Mapping[str, list[float]]) -> None:
        super().__init__()
        from mlflow import MlflowClient

        self._client, self._run, self._history = MlflowClient(), run, history
        self._id = ""
        self._logged = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin an MLflow run or go on with one, and log the epochs that it has not got."""
        path = self._run.path / "mlflow.json"
        if path.is_file():
            self._id = json.loads(path.read_text(encoding="utf-8"))["run_id"]
            self._client.update_run(self._id, status="RUNNING")
            known = self._client.get_metric_history(self._id, "loss")
            self._logged = max((metric.step for metric in known), default=0)
        else:
            self._id = self._create()
            write_json(path, {"run_id": self._id})
        for epoch in range(self._logged, len(self._history.get("epoch", ()))):
            self._log({key: values[epoch] for key, values in self._history.items()}, epoch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log the losses and metrics of an epoch."""
        if epoch + 1 > self._logged:
            self._log(logs or {}, epoch + 1)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Tell MLflow that the training has come to its end."""
        self._client.set_terminated(self._id)

    def _create(self) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "keras-qd")
        experiment = self._client.get_experiment_by_name(name)
        number = experiment.experiment_id if experiment else self._client.create_experiment(name)
        created = self._client.create_run(number, run_name=self._run.path.resolve().name)
        for key, value in _settings(self._run):
            self._client.log_param(created.info.run_id, key, str(value)[:_LONGEST])
        return str(created.info.run_id)

    def _log(self, row: Mapping[str, Any], epoch: int) -> None:
        now = int(1000 * time.time())
        for key, value in row.items():
            if key != "epoch":
                self._client.log_metric(self._id, key, float(value), timestamp=now, step=epoch)


def _settings(run: Run) -> Iterator[tuple[str, Any]]:
    """Yield the settings of a run; those of its parts with a dot in their names."""
    for key, value in run.config["task"].items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{inner}", each) for inner, each in value.items())
        else:
            yield key, value
    for key in ("seed", "backend", "samples"):
        yield key, run.config[key]
    yield "data.digest", run.config["data"].get("digest")
