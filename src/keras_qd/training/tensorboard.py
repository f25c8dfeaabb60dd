"""Losses and metrics for TensorBoard, on every backend."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from keras_qd.training.event_file import append, scalars_record, version_record
from keras_qd.training.run import Run

_VALIDATION = "val_"


class TensorBoard(keras.callbacks.Callback):
    """Write the columns of the history as event files below ``tensorboard`` in the run.

    Training and validation have a folder each, with the same tags, so that TensorBoard draws them
    in one panel. A resumed training writes all epochs anew: no epoch is lost, and none is twice.

    Parameters
    ----------
    run : Run
        Whose directory gets the files.
    history : mapping of str to list of float
        The values of the epochs before this training begins.
    """

    def __init__(self, run: Run, history: Mapping[str, list[float]]) -> None:
        super().__init__()
        self._folder, self._history = run.path / "tensorboard", history
        self._name = f"events.out.tfevents.{int(time.time())}.keras-qd"

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Write the epochs that were done before."""
        for old in self._folder.glob("*/events.out.tfevents.*"):
            old.unlink()
        seconds = self._history.get("seconds", [])
        for epoch in range(len(seconds)):
            row = {key: values[epoch] for key, values in self._history.items()}
            self._write(row, epoch + 1, time.time() - sum(seconds[epoch + 1 :]))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the losses and metrics of an epoch."""
        self._write(logs or {}, epoch + 1, time.time())

    def _write(self, row: Mapping[str, Any], epoch: int, now: float) -> None:
        for folder, values in _divided(row):
            path = self._folder / folder / self._name
            first = [] if path.exists() else [version_record(now)]
            append(path, [*first, scalars_record(values, epoch, now)])


def _divided(row: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the values of training and of validation, by tag."""
    known = {key: float(value) for key, value in row.items() if key not in ("epoch", "seconds")}
    training = {key: value for key, value in known.items() if not key.startswith(_VALIDATION)}
    validation = {
        key.removeprefix(_VALIDATION): value for key, value in known.items() if key not in training
    }
    for folder, values in (("training", training), ("validation", validation)):
        if values:
            yield folder, values
