"""What a training begins with: its checks, its model, and one that it may start from."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_qd._checks import MOST_SEED, optional, real, sequence, setting, shortened, whole
from keras_qd.data.augmentation import build_augmentation
from keras_qd.data.scaling import fit_scaling
from keras_qd.errors import DataError, KerasQDError, UnknownNameError, UsageError
from keras_qd.registry import check_arguments, components
from keras_qd.tasks.physical_model import check_loadable
from keras_qd.tasks.pipeline import Pipeline
from keras_qd.training.devices import check_devices, claim_devices
from keras_qd.training.logging import check_callbacks
from keras_qd.training.run import Run, require_free
from keras_qd.weights._pretrained import find_pretrained

if TYPE_CHECKING:
    from keras_qd.data.fields import Field
    from keras_qd.tasks.task import Task


#: Settings of data sets that are stored.
_LOADING = {
    "samples": optional(whole(1, 10**9)),
    "fractions": optional(sequence(real(0.0, 1.0), empty=False)),
    "memory_budget": whole(1),
    "workers": optional(whole(1, 10**6)),
}


def check_start(
    task: Task,
    path: str | Path,
    *,
    seed: int,
    callbacks: Sequence[str],
    devices: int = 1,
    data: bool = True,
) -> None:
    """Raise unless a training could start; with `data`, on the data set of the task."""
    setting("seed", seed, whole(0, MOST_SEED))
    check_callbacks(callbacks)
    check_devices(devices, task.batch_size)
    claim_devices(devices)
    require_free(Path(path))
    check_task(task)
    fields = _known_fields(task) if data else None
    if fields is not None:
        _check_model(task, fields)


def check_task(task: Task) -> None:
    """Raise unless all that a task names exists, with these settings."""
    for noun, kind, name, config in (
        ("data set", "datasets", task.dataset, task.dataset_config),
        ("model", "models", task.model, task.model_config),
    ):
        component = components(kind).get(name)
        check_arguments(f"setting of the {noun} {name!r}", component, dict(config))
    for key, check in _LOADING.items():
        if key in task.dataset_config and "memory_budget" in _settings(task.dataset):
            setting(f"dataset.{key}", task.dataset_config[key], check)
    names = list(dict.fromkeys([*task.metric_names, *task.followed_names]))
    for name in task.metric_config:
        if name not in names:
            raise UnknownNameError("metric with settings", name, names)
    task.build_metrics(names)
    for scaling in task.scaling.values():
        with suppress(DataError):  # of the values; its name exists
            fit_scaling(scaling, [0.5, 1.5])
    _check_losses(task)
    if task.augmentation is not None:
        build_augmentation(task.augmentation)


def _check_losses(task: Task) -> None:
    losses = task.loss.values() if isinstance(task.loss, Mapping) else [task.loss]
    for loss in losses:
        try:
            keras.losses.get(loss)
        except (ValueError, TypeError) as cause:
            raise UsageError(
                f"the loss {loss!r} of task {task.name!r} is not one of Keras'; give a name such "
                "as 'mean_squared_error'"
            ) from cause


def build_model(task: Task, pipeline: Pipeline, seed: int) -> keras.Model:
    """Build the model of a task from a seed; errors of its builder become a UsageError."""
    keras.utils.set_random_seed(seed)
    try:
        model = task.build_for(pipeline)
    except (KerasQDError, MemoryError):
        raise
    except Exception as cause:  # builders, those of plug-ins too, raise anything
        reason = str(cause).partition("\n")[0][:200] or type(cause).__name__
        raise UsageError(
            f"the model {task.model!r} cannot be built for samples of shape "
            f"{pipeline.input_shape} with the settings {shortened(dict(task.model_config))}: "
            f"{reason}"
        ) from cause
    check_loadable(model, task.model)
    return model


def _settings(dataset: str) -> Mapping[str, inspect.Parameter]:
    """Return the settings that a data set takes, by name."""
    return inspect.signature(components("datasets").get(dataset)).parameters


def _known_fields(task: Task) -> Mapping[str, Field] | None:
    """Return the fields of data that are yet to be generated; None of other data."""
    recipe = getattr(components("datasets").get(task.dataset), "recipe", None)
    if recipe is None or task.dataset_config.get("path") is not None:
        return None
    own = inspect.signature(recipe).parameters
    settings = {name: value for name, value in task.dataset_config.items() if name in own}
    fields: Mapping[str, Field] = recipe(
        **{name: value for name, value in settings.items() if value is not None}
    ).fields
    return fields


def _check_model(task: Task, fields: Mapping[str, Field]) -> None:
    """Build the model for made-up fields, unless their scaling depends on the values."""
    made = np.random.default_rng(0)
    samples = {name: 0.1 + made.random((4, *each.shape)) for name, each in fields.items()}
    try:
        pipeline = Pipeline.fit(task, samples, fields)
    except DataError:
        if not {*task.inputs, *task.targets} <= set(fields):
            raise
        return
    build_model(task, pipeline, 0)


@dataclass(frozen=True)
class Start:
    """Network and scalings that a training starts from: those of a run, or pretrained ones."""

    name: str
    model: str
    model_config: Mapping[str, Any]
    pipeline: Pipeline
    network: keras.Model

    @classmethod
    def of(cls, source: Run | str | Path) -> Start:
        """Load a finished run, or the pretrained network of a name that is not a directory."""
        found = None if isinstance(source, Run) else find_pretrained(source)
        if found is None:
            run = source if isinstance(source, Run) else Run.open(source)
            task = run.task
            network = run.load_model().network
            return cls(str(run.path), task.model, task.model_config, run.pipeline, network)
        card, model = found.card, found()
        return cls(found.name, card["model"], card["model_config"], model.pipeline, model.network)

    def adapted(self, task: Task) -> Task:
        """Return a task with this network, or raise unless it maps the same fields."""
        ours = tuple(self.pipeline.inputs), tuple(self.pipeline.targets)
        if (tuple(task.inputs), tuple(task.targets)) != ours:
            raise UsageError(
                f"{self.name} maps {', '.join(ours[0])} to {', '.join(ours[1])}, but task "
                f"{task.name!r} maps {', '.join(task.inputs)} to {', '.join(task.targets)}; choose "
                "a task with the same fields"
            )
        return task.replace(model=self.model, model_config=dict(self.model_config))

    def copy_to(self, model: keras.Model) -> None:
        """Put the weights into a model, or raise where it has others."""
        values = self.network.get_weights()
        if [each.shape for each in values] != [tuple(each.shape) for each in model.weights]:
            raise UsageError(
                f"the network of {self.name} has other weights than the model of the task; leave "
                "out changes to the model's settings, and train on data of the same grid"
            )
        model.set_weights(values)
