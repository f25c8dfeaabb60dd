"""Several devices on torch: one process for each, with averaged gradients as in DDP.

``DistributedDataParallel`` averages the gradients that ``backward`` leaves in a module's
parameters, but pix2pix differentiates two losses with ``torch.autograd.grad``. Hooks on the
variables cover both.

Batch normalisation covers each process' share of a batch; running statistics are averaged.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import keras
import numpy as np
import torch
import torch.distributed as dist

from keras_qd.errors import RunError
from keras_qd.models.optimizers import first_rate
from keras_qd.tasks.pipeline import each
from keras_qd.training.batches import Batches, FollowEpochs, training_batches
from keras_qd.training.callbacks import ScheduledLearningRate
from keras_qd.training.checkpoint import load_history, load_state
from keras_qd.training.devices import Group, refuse
from keras_qd.training.run import Run

Logs = dict[str, Any] | None

#: The leader validates and writes checkpoints while the others wait.
_PATIENCE = timedelta(days=7)


@dataclass(frozen=True)
class Processes(Group):
    """The current process among several; the one of rank 0 leads."""

    rank: int = 0

    def share(self, batches: Batches) -> Any:
        """Return this process' share of every training batch."""
        return _Share(batches, self)

    def prepare(self, model: keras.Model) -> list[keras.callbacks.Callback]:
        """Average the gradients of all variables from now on."""
        for variable in model.trainable_variables:
            variable.value.register_hook(self.mean)
        return [_MeanLogs(self), _OwnMasks(self)]

    def conclude(self) -> list[keras.callbacks.Callback]:
        """Return the callback that stops all processes with the leader."""
        return [_StopTogether()]

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """Return the mean over all processes."""
        values = values.detach() / self.n_devices
        dist.all_reduce(values)
        return values


def claim(n_devices: int) -> None:
    """Claim nothing: each device has a process of its own."""


@contextmanager
def several(n_devices: int, run: Run, dataset: Any) -> Iterator[Group]:
    """Start and lead the other processes, and end them with the context."""
    if torch.cuda.is_available() and torch.cuda.device_count() < n_devices:
        raise refuse(n_devices, torch.cuda.device_count(), "request no more")
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        meeting = str(Path(folder) / "meeting")
        os.environ["KERAS_BACKEND"] = "torch"  # for the other processes
        others = [
            spawn.Process(
                target=_follow, args=(rank, n_devices, meeting, run.path, dataset), daemon=True
            )
            for rank in range(1, n_devices)
        ]
        for process in others:
            process.start()
        try:
            _join(0, n_devices, meeting)
            yield Processes(n_devices)
        except RuntimeError as cause:
            if not any(process.exitcode for process in others):
                raise
            raise RunError("another process of the training failed, see above") from cause
        finally:
            _end(others)


def _end(others: list[Any]) -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
    for process in others:
        process.kill()
        process.join()


def _join(rank: int, n_devices: int, meeting: str) -> None:
    """Join the process group, each process on its own GPU where there are any."""
    if torch.cuda.is_available():
        torch.cuda.set_device(rank)
    dist.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=n_devices,
        timeout=_PATIENCE,
    )


def _follow(rank: int, n_devices: int, meeting: str, path: Path, dataset: Any) -> None:
    """Train on this process' share of the data, like the leader, but write nothing."""
    _join(rank, n_devices, meeting)
    group, run = Processes(n_devices, rank), Run.open(path)
    task, pipeline, seed = run.task, run.pipeline, run.config["seed"]
    keras.utils.set_random_seed(seed)
    model = task.build_for(pipeline)
    done = len(load_history(run.checkpoint_path).get("epoch", ()))
    batches = training_batches(task, pipeline, dataset.split("train"), seed, done)
    rate = first_rate(model.optimizer)
    model.fit(
        group.share(batches),
        initial_epoch=done,
        epochs=task.epochs,
        callbacks=[
            FollowEpochs(batches),
            ScheduledLearningRate(task.schedule, task.epochs, rate),
            *([_Restore(run)] if done else []),
            *group.prepare(model),
            *group.conclude(),
        ],
        shuffle=False,
        verbose=0,
    )


class _Share(keras.utils.PyDataset):
    """Every n-th sample of each batch."""

    def __init__(self, batches: Batches, group: Processes) -> None:
        super().__init__()
        self._batches = batches
        self._group = group

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        x, y = self._batches[index]
        rows = slice(self._group.rank, None, self._group.n_devices)
        return each(lambda v: v[rows], x), each(lambda v: v[rows], y)


class _Restore(keras.callbacks.Callback):
    """Start from the leader's last checkpoint."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def on_train_begin(self, logs: Logs = None) -> None:
        load_state(self._run.checkpoint_path, self.model)


class _MeanLogs(keras.callbacks.Callback):
    """Average the running statistics after each batch, and the logs after each epoch."""

    def __init__(self, group: Processes) -> None:
        super().__init__()
        self._group = group
        self._statistics: list[Any] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        self._statistics = [v for v in self.model.variables if v.name.startswith("moving_")]

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not self._statistics:
            return
        sizes = [variable.value.numel() for variable in self._statistics]
        flat = torch.cat([variable.value.detach().flatten() for variable in self._statistics])
        for variable, values in zip(
            self._statistics, self._group.mean(flat).split(sizes), strict=True
        ):
            variable.assign(values.reshape(variable.shape))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = logs if logs is not None else {}
        names = sorted(name for name in logs if not name.startswith("val_"))
        device = self.model.trainable_variables[0].value.device
        own = torch.tensor([float(logs[name]) for name in names], device=device)
        logs.update(zip(names, self._group.mean(own).tolist(), strict=True))


class _OwnMasks(keras.callbacks.Callback):
    """Give each process its own dropout masks, the same ones after an interruption."""

    def __init__(self, group: Processes) -> None:
        super().__init__()
        self._rank = group.rank

    def on_train_begin(self, logs: Logs = None) -> None:
        for variable in self.model.variables:
            if variable.name == "seed_generator_state":
                seed, count = keras.ops.convert_to_numpy(variable.value)
                variable.assign(np.array([seed + self._rank, count]))


class _StopTogether(keras.callbacks.Callback):
    """Stop at the same epoch as the leader."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        device = self.model.trainable_variables[0].value.device
        stop = torch.tensor([float(bool(self.model.stop_training))], device=device)
        dist.broadcast(stop, src=0)
        self.model.stop_training = bool(stop.item())
