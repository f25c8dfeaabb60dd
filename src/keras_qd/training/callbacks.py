"""Callbacks of a training: best epoch, learning rate, checkpoints, progress."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_qd.errors import RunError
from keras_qd.tasks.pipeline import Pipeline, each, leaves
from keras_qd.tasks.task import Task, learning_rate_factor
from keras_qd.training.checkpoint import load_state, save_state, save_weights
from keras_qd.training.run import Run

#: Learning rates of a training at least, if it has as many batches.
_RATES = 64


class BestEpoch(keras.callbacks.Callback):
    """Keep the weights of the epoch with the best value of the task's monitored metric."""

    # Both follow from the history alone: a resumed training keeps the same weights, and stops at
    # the same epoch, as one that was never interrupted.

    def __init__(
        self, task: Task, path: Path, history: Mapping[str, list[float]], pipeline: Pipeline
    ) -> None:
        super().__init__()
        self._key = f"val_{task.monitored(pipeline)}"
        self._sign = 1.0 if higher_is_better(task) else -1.0
        self._patience = task.patience
        self._path = path
        self._history = history

    @property
    def exhausted(self) -> bool:
        """Whether the last epochs, as many as the task has patience, brought no better value."""
        return self._is_exhausted(self._history.get(self._key, []))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the weights of an epoch better than all before; stop when patience is exhausted."""
        logs = logs or {}
        if self._key not in logs:
            raise RunError(
                f"{self._key} is monitored, but an epoch has only {', '.join(sorted(logs))}; "
                "a validation split is needed, and a metric that is followed"
            )
        values = [*self._history.get(self._key, []), float(logs[self._key])]
        if best_index(values, self._sign) == len(values) - 1:
            save_weights(self._path, self.model)
        if self._is_exhausted(values):
            self.model.stop_training = True

    def _is_exhausted(self, values: list[float]) -> bool:
        if self._patience is None or not values:
            return False
        return len(values) - 1 - best_index(values, self._sign) >= self._patience


def best_index(values: list[float], sign: float) -> int:
    """Return the index of the largest value times `sign`, the first of equal ones."""
    scores = [sign * value for value in values]
    return scores.index(max(scores))


def higher_is_better(task: Task) -> bool:
    """Return whether larger values of the monitored metric are better."""
    named = [str(task.monitor).removeprefix(f"{target}_") for target in task.targets]
    found = [name for name in (str(task.monitor), *named) if name in task.known_metrics]
    if not found:  # a loss
        return False
    (metric,) = task.build_metrics(found[:1])
    return bool(getattr(metric, "higher_is_better", False))


class ValidationMetrics(keras.callbacks.Callback):
    """Add the followed metrics that do not work batch by batch to the logs of each epoch."""

    def __init__(
        self, task: Task, pipeline: Pipeline, batches: keras.utils.PyDataset | None
    ) -> None:
        super().__init__()
        self._metrics = each(lambda names: _whole(task, names), task.followed_by(pipeline))
        self._batches = batches

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Add ``val_NAME`` for each of the metrics."""
        if not any(leaves(self._metrics)) or self._batches is None or logs is None:
            return
        batches = (self._batches[index] for index in range(len(self._batches)))
        pairs = [(y, self.model.predict_on_batch(x)) for x, y in batches]
        reference, prediction = (
            each(lambda *parts: np.concatenate(parts), *part) for part in zip(*pairs, strict=True)
        )
        by_target = isinstance(self._metrics, Mapping)
        for target, metrics in self._metrics.items() if by_target else [("", self._metrics)]:
            y, p = (part[target] if by_target else part for part in (reference, prediction))
            for metric in metrics:
                name = f"{target}_{metric.name}" if by_target else metric.name
                logs[f"val_{name}"] = metric.over_set(y, p)


def _whole(task: Task, names: Sequence[str]) -> list[Any]:
    """Return those of the metrics that need all samples at once."""
    return [one for one in task.build_metrics(names) if not getattr(one, "streams", True)]


Logs = dict[str, Any] | None
#: Called with the epochs and batches done: ``report(epoch, epochs, batch, batches, logs)``.
Report = Callable[[int, int, int, int, dict[str, float]], None]


class DivergenceError(RunError):
    """A training whose losses are no longer finite."""


class ScheduledLearningRate(keras.callbacks.Callback):
    """Set the learning rate by the place in the training alone: a resumed one has the same."""

    # Few long epochs are divided, so that the rate falls smoothly even in a single one.

    def __init__(self, schedule: str, epochs: int, first_rate: float) -> None:
        super().__init__()
        self.schedule = schedule
        self.epochs = epochs
        self.first_rate = first_rate
        self._parts = self._first = self._part = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Set the learning rate of the first part of `epoch`."""
        self._parts = min(-(-_RATES // self.epochs), self._n_batches)
        self._first = epoch * self._parts
        self._set(self._first)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Set the learning rate of the part that a batch is in, where it begins."""
        part = self._first + batch * self._parts // self._n_batches
        if part != self._part:
            if keras.config.backend() == "jax":
                self.model.jax_state_sync()  # JAX holds the variables elsewhere during an epoch
            self._set(part)

    @property
    def _n_batches(self) -> int:
        return self.params.get("steps") or 1

    def _set(self, part: int) -> None:
        self._part = part
        factor = learning_rate_factor(self.schedule, part, self.epochs * self._parts)
        self.model.optimizer.learning_rate = self.first_rate * factor


class Checkpoints(keras.callbacks.Callback):
    """Restore the last state; after each epoch write the state and the history so far."""

    def __init__(self, run: Run, history: dict[str, list[float]]) -> None:
        super().__init__()
        self.run = run
        self.history = history
        self._started = 0.0

    def on_train_begin(self, logs: Logs = None) -> None:
        """Load the last state, not earlier: Keras traces the model first, which draws numbers."""
        if self.history:
            load_state(self.run.checkpoint_path, self.model)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Start the clock."""
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the checkpoint first, since the history can be restored from it."""
        row = {"epoch": epoch + 1, **_numbers(logs)}
        _require_finite(row)
        row["seconds"] = time.perf_counter() - self._started
        for key, value in row.items():
            self.history.setdefault(key, []).append(value)
        save_state(self.run.checkpoint_path, self.model, self.history)
        self.run.write_history(self.history)


class Reporter(keras.callbacks.Callback):
    """Report the progress after each batch and epoch."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Remember the current epoch."""
        self._epoch = epoch
        self._call(0, None)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Report a batch without its losses: reading them would wait for the accelerator."""
        self._call(batch + 1, None)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Report an epoch, with its losses and metrics."""
        self._call(self.params["steps"], logs)

    def _call(self, batch: int, logs: Logs) -> None:
        steps = self.params["steps"]
        self.report(self._epoch, self.params["epochs"], batch, steps, _numbers(logs))


def _numbers(logs: Logs) -> dict[str, float]:
    return {key: float(value) for key, value in (logs or {}).items()}


def _require_finite(row: dict[str, float]) -> None:
    bad = [key for key, value in row.items() if key.endswith("loss") and not math.isfinite(value)]
    if bad:
        raise DivergenceError(
            f"the training diverged in epoch {row['epoch']:.0f}: {', '.join(bad)} is not finite; "
            "use a smaller learning rate, or check the scaling of the fields"
        )
