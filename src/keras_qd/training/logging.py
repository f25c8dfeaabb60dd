"""Callbacks by name: snapshots of predictions, TensorBoard and MLflow, on every backend."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import keras

from keras_qd._checks import entries, read_json, text
from keras_qd._files import write_json
from keras_qd.errors import UsageError
from keras_qd.registry import components
from keras_qd.training.snapshots import Evolution, can_be_watched

if TYPE_CHECKING:
    from keras_qd.training.run import Run

History = Mapping[str, list[float]]

_VALIDATION = "val_"


def check_callbacks(names: Sequence[str]) -> None:
    """Check that callbacks of these names exist, and that the packages they need are installed."""
    for name in names:
        package = getattr(components("callbacks").get(name), "package", None)
        if package is not None and find_spec(package) is None:
            raise UsageError(
                f"the callback {name!r} needs {package}, which is not installed; install it with: "
                f'pip install "keras-qd[{name}]"'
            )


def build_callbacks(
    names: Sequence[str], run: Run, validation: Mapping[str, Any], history: History
) -> Iterator[keras.callbacks.Callback]:
    """Yield the callbacks of these names, to run before the checkpoint is written."""
    for name in names:
        yield components("callbacks").make(name, run=run, validation=validation, history=history)


def evolution(
    run: Run, validation: Mapping[str, Any], history: History
) -> keras.callbacks.Callback:
    """Keep predictions for some validation systems, epoch by epoch, where there are any to watch.

    Parameters
    ----------
    run : Run
        Its directory gets the files.
    validation : mapping of str to array
        The validation split, in physical units.
    history : mapping of str to list of float
        Values of the earlier epochs.

    Returns
    -------
    keras.callbacks.Callback
        It does nothing if there are no samples or the targets are not arrays.

    Examples
    --------
    >>> import keras_qd
    >>> "evolution" in keras_qd.names("callbacks")
    True
    """
    watched = can_be_watched(run.pipeline, len(next(iter(validation.values()))))
    return Evolution(run, validation) if watched else keras.callbacks.Callback()


class TensorBoard(keras.callbacks.Callback):
    """Write the columns of the history as event files below ``tensorboard`` in the run.

    Training and validation have a folder each, with the same tags, so that TensorBoard draws them
    in one panel. A resumed training writes all epochs again: none is lost, and none is written
    twice.

    Parameters
    ----------
    run : Run
        Its directory gets the files.
    validation : mapping of str to array
        The validation split, which is not logged.
    history : mapping of str to list of float
        Values of the earlier epochs.

    Examples
    --------
    >>> import keras_qd
    >>> "tensorboard" in keras_qd.names("callbacks")
    True
    """

    package = "tensorboardX"

    def __init__(self, run: Run, validation: Mapping[str, Any], history: History) -> None:
        super().__init__()
        self._folder, self._history = run.path / "tensorboard", history
        self._writers: dict[str, Any] = {}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Write the earlier epochs."""
        from tensorboardX import SummaryWriter

        for old in self._folder.glob("*/events.out.tfevents.*"):
            old.unlink()
        self._writers = {
            name: SummaryWriter(str(self._folder / name)) for name in ("training", "validation")
        }
        seconds = self._history.get("seconds", [])
        for epoch in range(len(seconds)):
            row = {key: values[epoch] for key, values in self._history.items()}
            self._write(row, epoch + 1, time.time() - sum(seconds[epoch + 1 :]))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the losses and metrics of an epoch."""
        self._write(logs or {}, epoch + 1, time.time())

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()

    def _write(self, row: Mapping[str, Any], epoch: int, now: float) -> None:
        for key, value in row.items():
            if key not in ("epoch", "seconds"):
                split = "validation" if key.startswith(_VALIDATION) else "training"
                tag = key.removeprefix(_VALIDATION)
                self._writers[split].add_scalar(tag, float(value), epoch, now)
        for writer in self._writers.values():
            writer.flush()


#: MLflow refuses longer values of parameters.
_LONGEST = 500


class MLflow(keras.callbacks.Callback):
    """Log a training to MLflow: to ``MLFLOW_TRACKING_URI``, or MLflow's default.

    The experiment is ``MLFLOW_EXPERIMENT_NAME``, or ``keras-qd`` if that is not set. A resumed
    training resumes the same MLflow run, and logs each epoch once.

    Parameters
    ----------
    run : Run
        Its settings are logged, and its directory keeps the identifier of the MLflow run.
    validation : mapping of str to array
        The validation split, which is not logged.
    history : mapping of str to list of float
        Values of the earlier epochs.

    Examples
    --------
    >>> import keras_qd
    >>> "mlflow" in keras_qd.names("callbacks")
    True
    """

    package = "mlflow"

    def __init__(self, run: Run, validation: Mapping[str, Any], history: History) -> None:
        super().__init__()
        from mlflow import MlflowClient

        self._client, self._run, self._history = MlflowClient(), run, history
        self._id = ""
        self._logged = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start or resume the MLflow run, and log the epochs that it lacks."""
        path = self._run.path / "mlflow.json"
        if path.is_file():
            self._id = read_json(path, entries({"run_id": text}), "remove it: MLflow starts anew")[
                "run_id"
            ]
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
        """Mark the MLflow run as finished."""
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
    """Yield the settings of a run, nested ones with a dot in their names."""
    for key, value in run.config["task"].items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{inner}", each) for inner, each in value.items())
        else:
            yield key, value
    for key in ("seed", "backend", "samples"):
        yield key, run.config[key]
    yield "data.digest", run.config["data"].get("digest")
