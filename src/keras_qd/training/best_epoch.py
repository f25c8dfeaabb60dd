"""Keep the weights of the best epoch, and stop when no better one comes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from keras_qd.errors import RunError
from keras_qd.tasks import Task
from keras_qd.training.checkpoint import save_weights


class BestEpoch(keras.callbacks.Callback):
    """Keep the weights of the epoch with the best value of the task's monitored metric.

    Which epoch is the best, and whether to stop, follows from the history alone, so a resumed
    training keeps and stops as one that never stopped.

    Parameters
    ----------
    task : Task
        With a metric to monitor.
    path : Path
        Where the weights of the best epoch go.
    history : mapping of str to list of float
        The values of the epochs before this one; others add to it.
    """

    def __init__(self, task: Task, path: Path, history: Mapping[str, list[float]]) -> None:
        super().__init__()
        self._key = f"val_{task.monitor}"
        self._sign = 1.0 if higher_is_better(task) else -1.0
        self._patience = task.patience
        self._path = path
        self._history = history

    @property
    def exhausted(self) -> bool:
        """Whether no better value has come for as many epochs as the task has patience."""
        return self._is_exhausted(self._history.get(self._key, []))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the weights of a better epoch than all before; stop where patience is at its end.

        Raises
        ------
        RunError
            If the monitored metric is not known after an epoch.
        """
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
    """Return where the largest value times `sign` is, the first of equals."""
    scores = [sign * value for value in values]
    return scores.index(max(scores))


def higher_is_better(task: Task) -> bool:
    """Return whether a larger value of what the task monitors is the better one."""
    if task.monitor == "loss":
        return False
    (metric,) = task.build_metrics([str(task.monitor)])
    return bool(getattr(metric, "higher_is_better", False))
