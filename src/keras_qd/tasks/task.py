"""A task: data set + fields + scaling + model + metrics + settings of the training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from keras_qd import registry
from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.tasks.settings import check_settings

if TYPE_CHECKING:
    import keras

    from keras_qd.data.dataset import Dataset


def _constant(progress: float) -> float:
    return 1.0


def _linear(progress: float) -> float:
    return min(1.0, 2.0 * (1.0 - progress))


def _cosine(progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * progress))


#: Name -> the factor on the first learning rate, as a function of the part of the training that is
#: over.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": _constant,
    "cosine": _cosine,
    "linear": _linear,
}


def learning_rate_factor(schedule: str, epoch: int, epochs: int) -> float:
    """Return the factor on the first learning rate in the middle of an epoch, counted from 0."""
    # "linear" is 1 for the first half and then a straight line to 0, as in the original pix2pix;
    # "cosine" half a period of a cosine. The middle of the epoch, so that no epoch runs at zero.
    if schedule not in SCHEDULES:
        raise UnknownNameError("schedule", schedule, SCHEDULES)
    return SCHEDULES[schedule]((epoch + 0.5) / epochs)


_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Task:
    """Inputs, targets, model and settings of a training. All components are registered names.

    Parameters
    ----------
    name : str
        Name of the task.
    dataset : str
        Name of the data set.
    inputs, targets : sequence of str
        Fields of the data set that go in, and that come out. One name may stand for a sequence of
        one.
    model : str
        Name of the model.
    description : str
        What the task is about, in one line.
    metrics : sequence of str
        Names of the metrics that an evaluation computes.
    followed : sequence of str, optional
        Names of the metrics that are followed during training; those of `metrics` by default.
    loss : str, optional
        A Keras loss; None leaves the model as its builder compiled it.
    optimizer : str or mapping, optional
        A Keras optimizer: its name, or its configuration as Keras writes it, such as
        ``{"class_name": "adadelta", "config": {"learning_rate": 1.0}}``. None leaves the model's
        own.
    epochs : int
        Passes over the training split.
    batch_size : int
        Samples in a batch.
    schedule : str
        How the learning rate goes from its first value to zero: ``"constant"`` (it does not),
        ``"cosine"``, or ``"linear"`` (constant for the first half, then a straight line, as in the
        original pix2pix).
    monitor : str, optional
        ``"loss"``, or one of the followed metrics: the epoch with the best value of it on the
        validation split is the one whose weights are kept. None keeps those of the last epoch.
    patience : int, optional
        Stop early, after so many epochs in a row without a better value of `monitor`.
    scaling : mapping of str to str
        Field -> name of its scaling; ``"none"`` for those left out.
    augmentation : str, optional
        ``"square-symmetries"``, ``"reflection"``, ``"shifts"``, ``"jitter"`` or None.
    dataset_config, model_config, metric_config : mapping
        Settings passed to the data set's and the model's builders, and, by metric's name, to the
        metrics'.

    Raises
    ------
    UsageError
        If a setting makes no sense.
    UnknownNameError
        If there is no such schedule.

    Examples
    --------
    >>> from keras_qd.tasks import Task
    >>> task = Task(
    ...     name="mine",
    ...     dataset="quantum-dots",
    ...     inputs="potential",
    ...     targets="density",
    ...     model="unet",
    ... )
    >>> task.replace(epochs=5).epochs
    5
    """

    name: str
    dataset: str
    inputs: Sequence[str]
    targets: Sequence[str]
    model: str
    description: str = ""
    metrics: Sequence[str] = ("l1", "l2", "linf", "r2")
    followed: Sequence[str] | None = None
    loss: str | None = None
    optimizer: str | Mapping[str, Any] | None = None
    epochs: int = 50
    batch_size: int = 32
    schedule: str = "constant"
    monitor: str | None = None
    patience: int | None = None
    scaling: Mapping[str, str] = field(default_factory=dict)
    augmentation: str | None = None
    dataset_config: Mapping[str, Any] = field(default_factory=dict)
    model_config: Mapping[str, Any] = field(default_factory=dict)
    metric_config: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_settings(self.name, vars(self))
        if self.followed is None:
            object.__setattr__(self, "followed", self.metrics)
        for key in ("inputs", "targets", "metrics", "followed"):
            value = getattr(self, key)
            names = (value,) if isinstance(value, str) else tuple(value)
            object.__setattr__(self, key, names)
        if not self.inputs or not self.targets:
            raise UsageError(f"task {self.name!r} needs at least one input and one target field")
        if self.schedule not in SCHEDULES:
            raise UnknownNameError("schedule", self.schedule, SCHEDULES)
        self._check_monitor()
        unused = set(self.scaling) - {*self.inputs, *self.targets}
        if unused:
            raise UsageError(
                f"task {self.name!r} scales {', '.join(sorted(unused))}, "
                f"but uses only {', '.join([*self.inputs, *self.targets])}"
            )

    def replace(self, **changes: Any) -> Task:
        """Return a copy with some settings changed.

        ``dataset_config``, ``model_config``, ``metric_config`` and ``scaling`` are merged into the
        old ones; another model or data set starts with none of the old one's settings, and another
        model with its own optimizer.

        Parameters
        ----------
        **changes
            Settings of the task, by name.

        Returns
        -------
        Task
            The copy.

        Raises
        ------
        UnknownNameError
            If there is no such setting.
        """
        known = [entry.name for entry in dataclasses.fields(self)]
        for key in changes:
            if key not in known:
                raise UnknownNameError("setting of a task", key, known)
        check_settings(self.name, changes)
        for key in ("dataset_config", "model_config", "metric_config", "scaling"):
            owner = key.removesuffix("_config")
            kept = {} if owner != key and owner in changes else getattr(self, key)
            if key in changes or owner in changes:
                changes[key] = {**kept, **changes.get(key, {})}
        if changes.get("model", self.model) != self.model:
            changes.setdefault("optimizer", None)
        return dataclasses.replace(self, **changes)

    def load_dataset(self, **config: Any) -> Dataset:
        """Load the task's data set, with more settings on top of the task's own.

        Parameters
        ----------
        **config
            Settings of the data set.

        Returns
        -------
        Dataset
            With the fields that the task names.
        """
        return registry.load(self.dataset, **{**self.dataset_config, **config})

    def build_model(
        self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]
    ) -> keras.Model:
        """Build the task's model for samples of these shapes (no sample axis).

        Parameters
        ----------
        input_shape, output_shape : tuple of int
            Shapes of one sample as the network sees it, channels last.

        Returns
        -------
        keras.Model
            Compiled with the task's loss, optimizer and metrics.
        """
        model = registry.build(
            self.model, input_shape=input_shape, output_shape=output_shape, **self.model_config
        )
        return self._compile(model)

    def build_metrics(self, names: Sequence[str] | None = None) -> list[keras.metrics.Metric]:
        """Create fresh metrics.

        Parameters
        ----------
        names : sequence of str, optional
            Registered names; all of ``metrics`` by default.

        Returns
        -------
        list of keras.metrics.Metric
            In the order of the names.
        """
        return [
            registry.metric(name, **self.metric_config.get(name, _NOTHING))
            for name in (self.metrics if names is None else names)
        ]

    def to_config(self) -> dict[str, Any]:
        """Return the task as plain values that JSON can hold."""
        return {entry.name: _plain(getattr(self, entry.name)) for entry in dataclasses.fields(self)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Task:
        """Make a task from what :meth:`to_config` returned.

        Parameters
        ----------
        config : mapping of str to object
            What :meth:`to_config` returned.

        Returns
        -------
        Task
            Equal to the one it was.
        """
        known = [entry.name for entry in dataclasses.fields(cls)]
        for key in config:
            if key not in known:
                raise UnknownNameError("setting of a task", key, known)
        return cls(**config)

    def _check_monitor(self) -> None:
        """Raise unless `monitor` is something that is followed, and `patience` has one."""
        followed = ("loss", *(self.followed or ()))
        if self.monitor is not None and self.monitor not in followed:
            raise UnknownNameError("followed metric", self.monitor, followed)
        if self.patience is not None and self.monitor is None:
            raise UsageError(f"patience of task {self.name!r} needs a metric to monitor")

    def _compile(self, model: keras.Model) -> keras.Model:
        """Compile `model` with the task's metrics, and its loss and optimizer where it has any."""
        loss = self.loss or getattr(model, "loss", None)
        optimizer = self._optimizer() or getattr(model, "optimizer", None)
        if loss is None or optimizer is None:
            raise UsageError(
                f"the model {self.model!r} comes without loss or optimizer; "
                f"name them in the task {self.name!r}"
            )
        kept = ("jit_compile", "run_eagerly", "steps_per_execution") if model.compiled else ()
        model.compile(
            optimizer=optimizer,
            loss=loss,
            # The others are computed on the validation split after each epoch.
            metrics=[
                each for each in self.build_metrics(self.followed) if getattr(each, "streams", True)
            ],
            **{key: getattr(model, key) for key in kept},
        )
        return model

    def _optimizer(self) -> keras.optimizers.Optimizer | None:
        """Return a fresh optimizer; None where the model's own is to be kept."""
        if self.optimizer is None:
            return None
        import keras

        try:
            given = self.optimizer if isinstance(self.optimizer, str) else dict(self.optimizer)
            return keras.optimizers.get(given)
        except (ValueError, TypeError, KeyError) as cause:
            raise UsageError(
                f"the optimizer {_plain(self.optimizer)!r} of task {self.name!r} is "
                "not one of Keras'; give a name, or "
                '{"class_name": "adam", "config": {"learning_rate": 0.001}}'
            ) from cause


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(entry) for entry in value]
    return value
