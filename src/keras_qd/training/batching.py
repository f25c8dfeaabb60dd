"""From the splits of a data set to batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_qd.datasets import Batches
from keras_qd.datasets.shards import Shards
from keras_qd.errors import DataError

if TYPE_CHECKING:
    from keras_qd.tasks import Pipeline, Task

Split = Mapping[str, Any]


@dataclass(frozen=True)
class ScaledRows:
    """Scaled inputs or targets of a split that is too large for memory, made batch by batch.

    Parameters
    ----------
    fields : mapping of str to array
        The fields that go in, or those that come out.
    scale : callable
        Scales and stacks some rows of them.
    """

    fields: Split
    scale: Callable[[Split], np.ndarray]

    @property
    def shards(self) -> Shards:
        """Which rows lie together on disk."""
        found: Shards = next(iter(self.fields.values())).shards
        return found

    def __len__(self) -> int:
        """Return the number of samples."""
        return n_samples(self.fields)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Read and scale some samples."""
        return self.scale({name: values[rows] for name, values in self.fields.items()})


def n_samples(split: Split) -> int:
    """Return how many samples a split has, reading none of a large one."""
    return len(next(iter(split.values())))


def training_batches(
    task: Task, pipeline: Pipeline, split: Split, seed: int, first_epoch: int
) -> Batches:
    """Return shuffled and augmented batches.

    Parameters
    ----------
    task : Task
        Says how large the batches are, and how they are augmented.
    pipeline : Pipeline
        The fitted scalings.
    split : mapping of str to array
        The training split. Where its fields are larger than memory, they are read and scaled batch
        by batch.
    seed : int
        Of order and augmentation.
    first_epoch : int
        The epoch that the training begins with.

    Raises
    ------
    DataError
        If the split is empty, or its fields are not what the pipeline takes.
    """
    x, y = _scaled(pipeline, split)
    if not len(x):
        raise DataError("the training split is empty; make or bring more samples")
    return Batches(
        x,
        y,
        min(task.batch_size, len(x)),
        shuffle=True,
        augmentation=task.augmentation,
        seed=seed,
        first_epoch=first_epoch,
    )


def validation_batches(task: Task, pipeline: Pipeline, split: Split) -> Batches | None:
    """Return all samples in their own order, or None where there are none."""
    x, y = _scaled(pipeline, split)
    if not len(x):
        return None
    return Batches(x, y, task.batch_size, shuffle=False, drop_remainder=False)


def _scaled(pipeline: Pipeline, split: Split) -> tuple[Any, Any]:
    """Return inputs and targets: arrays, or what makes them from a split on disk."""
    inputs, targets = (
        {n: split[n] for n in names} for names in (pipeline.inputs, pipeline.targets)
    )
    if all(hasattr(values, "shards") for values in (*inputs.values(), *targets.values())):
        return (
            ScaledRows(inputs, pipeline.scale_inputs),
            ScaledRows(targets, pipeline.scale_targets),
        )
    return pipeline.scale_inputs(inputs), pipeline.scale_targets(targets)
