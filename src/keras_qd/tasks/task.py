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
from keras_qd.tasks.pipeline import each
from keras_qd.tasks.settings import check_settings

if TYPE_CHECKING:
    import keras

    from keras_qd.data.dataset import Dataset
    from keras_qd.tasks.pipeline import Pipeline, Shapes

#: Metric names of all targets, or of each by its name.
Names = Sequence[str] | Mapping[str, Sequence[str]]


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


def learning_rate_factor(schedule: str, part: int, parts: int) -> float:
    """Return the factor on the first learning rate in the middle of a part, counted from 0."""
    # "linear" is 1 for the first half and then a straight line to 0, as in the original pix2pix;
    # "cosine" half a period of a cosine. The middle of the part, so that none runs at zero.
    if schedule not in SCHEDULES:
        raise UnknownNameError("schedule", schedule, SCHEDULES)
    return SCHEDULES[schedule]((part + 0.5) / parts)


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
        Name of the model, or ``"module:attribute"`` of one of your own.
    description : str
        What the task is about, in one line.
    metrics : sequence of str, or mapping of str to sequence of str
        Names of the metrics that an evaluation computes: of every target that they are defined for,
        or by target.
    followed : sequence of str, or mapping of str to sequence of str, optional
        Names of the metrics that are followed during training, likewise; those of `metrics` by
        default.
    loss : str, or mapping of str to str, optional
        A Keras loss, or one for each target; None leaves the model as its builder compiled it.
    loss_weights : mapping of str to float
        Factors on the losses of targets that the network gives as tensors of their own; 1 for those
        left out.
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
        ``"loss"``, or one of the followed metrics, for one of several tensors as
        ``"TARGET_METRIC"``: the epoch with the best value of it on the validation split is the one
        whose weights are kept. None keeps those of the last epoch.
    patience : int, optional
        Stop early, after so many epochs in a row without a better value of `monitor`.
    scaling : mapping of str to str
        Field -> name of its scaling; ``"none"`` for those left out.
    augmentation : str, optional
        ``"square-symmetries"``, ``"reflection"``, ``"shifts"``, ``"jitter"`` or None.
    dataset_config, model_config, metric_config : mapping
        Settings passed to the data set's and the model's builders, and, by metric's name, to the
        metrics'.
    other_models : mapping of str to mapping
        Model -> settings that it starts with when it takes the place of `model`.

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
    metrics: Names = ("l1", "l2", "linf", "r2")
    followed: Names | None = None
    loss: str | Mapping[str, str] | None = None
    loss_weights: Mapping[str, float] = field(default_factory=dict)
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
    other_models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_settings(self.name, vars(self))
        if self.followed is None:
            object.__setattr__(self, "followed", self.metrics)
        for key in ("inputs", "targets", "metrics", "followed"):
            object.__setattr__(self, key, _names(getattr(self, key)))
        if not self.inputs or not self.targets:
            raise UsageError(f"task {self.name!r} needs at least one input and one target field")
        if self.schedule not in SCHEDULES:
            raise UnknownNameError("schedule", self.schedule, SCHEDULES)
        self._check_monitor()
        self._check_fields("scales", self.scaling, (*self.inputs, *self.targets))
        for key in _BY_TARGET:
            value = getattr(self, key)
            self._check_fields(f"names {key} of", value, self.targets)

    def _check_fields(self, what: str, named: Any, known: Sequence[str]) -> None:
        unused = set(named) - set(known) if isinstance(named, Mapping) else set()
        if unused:
            raise UsageError(
                f"task {self.name!r} {what} {', '.join(sorted(unused))}, "
                f"but uses only {', '.join(known)}"
            )

    def replace(self, **changes: Any) -> Task:
        """Return a copy with some settings changed.

        ``dataset_config``, ``model_config``, ``metric_config`` and ``scaling`` are merged into the
        old ones; another model or data set starts with none of the old one's settings, and another
        model with those in ``other_models`` and its own optimizer. With other inputs or targets,
        what was set for those no longer used is dropped, and the new ones are scaled to a mean of 0
        and a spread of 1.

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
        if "inputs" in changes or "targets" in changes:
            self._adapt(changes)
        for key in ("dataset_config", "model_config", "metric_config"):
            owner = key.removesuffix("_config")
            kept = self._initial(owner, changes) if owner in changes else getattr(self, key)
            if key in changes or owner in changes:
                changes[key] = {**kept, **changes.get(key, {})}
        changes["scaling"] = {**self._kept_scaling(changes), **changes.get("scaling", {})}
        if changes.get("model", self.model) != self.model:
            changes.setdefault("optimizer", None)
        return dataclasses.replace(self, **changes)

    def _initial(self, owner: str, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the settings that another model or data set starts with."""
        return self.other_models.get(changes[owner], {}) if owner == "model" else {}

    def _adapt(self, changes: dict[str, Any]) -> None:
        """Drop the settings of targets that are no longer used."""
        targets = _names(changes.get("targets", self.targets))
        for key in _BY_TARGET:
            kept = getattr(self, key)
            if key not in changes and isinstance(kept, Mapping):
                changes[key] = {name: each for name, each in kept.items() if name in targets}

    def _kept_scaling(self, changes: Mapping[str, Any]) -> dict[str, str]:
        """Return the scalings of fields that are still used, and "standard" for new ones."""
        before = {*self.inputs, *self.targets}
        after = [name for key in _ENDS for name in _names(changes.get(key, getattr(self, key)))]
        new = dict.fromkeys((name for name in after if name not in before), "standard")
        return new | {name: kind for name, kind in self.scaling.items() if name in after}

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of all metrics, whatever their target."""
        return flat_names(self.metrics)

    @property
    def followed_names(self) -> tuple[str, ...]:
        """Names of all followed metrics, whatever their target."""
        return flat_names(self.followed or ())

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
        self, input_shape: Shapes, output_shape: Shapes, followed: Names | None = None
    ) -> keras.Model:
        """Build the task's model for samples of these shapes (no sample axis).

        Parameters
        ----------
        input_shape, output_shape : tuple of int, or mapping of str to tuple of int
            Shapes of one sample as the network sees it, channels last; by field where it takes, or
            gives, several tensors.
        followed : sequence of str, or mapping of str to sequence of str, optional
            Metrics to follow, by target where the network gives several tensors; all of `followed`
            by default.

        Returns
        -------
        keras.Model
            Compiled with the task's loss, optimizer and metrics.

        Raises
        ------
        UsageError
            If the model returns other shapes, or has no loss or optimizer.
        """
        model = registry.build(
            self.model, input_shape=input_shape, output_shape=output_shape, **self.model_config
        )
        self._check_output(model, input_shape, output_shape)
        return self._compile(model, output_shape, followed)

    @property
    def known_metrics(self) -> tuple[str, ...]:
        """Names of all metrics that a training may follow, the default ones included."""
        defaults = (*_DEFAULT, *(name for names in _DEFAULTS.values() for name in names))
        return tuple(dict.fromkeys((*self.followed_names, *defaults)))

    def build_for(self, pipeline: Pipeline) -> keras.Model:
        """Build the task's model for the fields of a pipeline; see :meth:`build_model`."""
        shapes = pipeline.input_shape, pipeline.output_shape
        return self.build_model(*shapes, self.followed_by(pipeline))

    def metrics_of(
        self, pipeline: Pipeline, *, followed: bool = False
    ) -> dict[str, tuple[str, ...]]:
        """Return the names of the metrics of each target.

        Parameters
        ----------
        pipeline : Pipeline
            Knows what the targets are.
        followed : bool
            Whether those that are followed during training, rather than those of an evaluation.

        Returns
        -------
        dict of str to tuple of str
            Those named for the target, or out of all those that are defined for such a target; if
            none is, the default ones: ``"l1"``, ``"l2"``, ``"linf"`` and ``"r2"``, or for classes
            ``"accuracy"`` and ``"cross-entropy"``.
        """
        names = (self.followed if followed else self.metrics) or ()
        if isinstance(names, Mapping):
            return {target: tuple(names.get(target, ())) for target in self.targets}
        built = dict(zip(names, self.build_metrics(names), strict=True))
        found = {}
        for target in self.targets:
            kind = pipeline.kind(target)
            fitting = tuple(name for name in names if kind in suits(built[name]))
            found[target] = fitting or (_DEFAULTS.get(kind, _DEFAULT) if names else ())
        return found

    def followed_by(self, pipeline: Pipeline) -> Names:
        """Return the followed metrics as :meth:`build_model` takes them."""
        found = self.metrics_of(pipeline, followed=True)
        return found if isinstance(pipeline.output_shape, Mapping) else flat_names(found)

    def monitored(self, pipeline: Pipeline) -> str:
        """Return the name in the logs of what is monitored, or of the first metric followed.

        Parameters
        ----------
        pipeline : Pipeline
            Knows what the targets are.

        Returns
        -------
        str
            With the target before it where the network gives several tensors: of those that have
            such a metric, the first.
        """
        followed = self.followed_by(pipeline)
        monitor = self.monitor or next(iter(flat_names(followed)), "loss")
        if isinstance(followed, Mapping):
            for target, names in followed.items():
                if monitor in names:
                    return f"{target}_{monitor}"
        return monitor

    def build_metrics(self, names: Sequence[str] | None = None) -> list[keras.metrics.Metric]:
        """Create fresh metrics.

        Parameters
        ----------
        names : sequence of str, optional
            Registered names; all of `metrics` by default.

        Returns
        -------
        list of keras.metrics.Metric
            In the order of the names.
        """
        return [
            registry.metric(name, **self.metric_config.get(name, _NOTHING))
            for name in (self.metric_names if names is None else names)
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
        followed = ("loss", *self.followed_names)
        known = (*followed, *(f"{target}_{name}" for target in self.targets for name in followed))
        if self.monitor is not None and self.monitor not in known:
            raise UnknownNameError("followed metric", self.monitor, known)
        if self.patience is not None and self.monitor is None:
            raise UsageError(f"patience of task {self.name!r} needs a metric to monitor")

    def _check_output(self, model: keras.Model, input_shape: Shapes, output_shape: Shapes) -> None:
        """Raise unless the model returns what the targets need."""
        import keras

        # The part that predicts: its graph is known, where that of the whole is not.
        found = getattr(getattr(model, "predictor", model), "output", None)
        if found is None:
            found = model(each(lambda shape: keras.KerasTensor((2, *shape)), input_shape))
        shapes = each(_sample_shape, found)
        if not _agree(shapes, output_shape):
            raise UsageError(
                f"the model {self.model!r} returns {_listed(shapes)} for a sample, but the targets "
                f"of task {self.name!r} need {_listed(output_shape)}: let the model follow the "
                "output_shape that it is given, or choose another model"
            )

    def _compile(
        self, model: keras.Model, output_shape: Shapes, followed: Names | None
    ) -> keras.Model:
        """Compile `model` with the task's metrics, and its loss and optimizer where it has any."""
        loss = self.loss or getattr(model, "loss", None)
        optimizer = self._optimizer() or getattr(model, "optimizer", None)
        if loss is None or optimizer is None:
            raise UsageError(
                f"the model {self.model!r} is compiled without loss or optimizer; "
                f"name them in the task {self.name!r}"
            )
        kept = ("jit_compile", "run_eagerly", "steps_per_execution") if model.compiled else ()
        model.compile(
            optimizer=optimizer,
            metrics=self._streaming(output_shape, followed),
            **self._losses(loss, output_shape),
            **{key: getattr(model, key) for key in kept},
        )
        return model

    def _streaming(self, output_shape: Shapes, followed: Names | None) -> Any:
        """Return the followed metrics that work batch by batch; `fit` adds the others."""
        names = followed if followed is not None else (self.followed or ())
        if isinstance(output_shape, Mapping) and not isinstance(names, Mapping):
            names = dict.fromkeys(output_shape, tuple(names))
        built = each(
            self.build_metrics, names if isinstance(output_shape, Mapping) else flat_names(names)
        )
        return each(lambda found: [one for one in found if getattr(one, "streams", True)], built)

    def _losses(self, loss: Any, output_shape: Shapes) -> dict[str, Any]:
        """Return the losses, and for several tensors their weights, as Keras takes them."""
        if isinstance(output_shape, Mapping):
            losses = loss if isinstance(loss, Mapping) else dict.fromkeys(output_shape, loss)
            weights = {name: float(self.loss_weights.get(name, 1.0)) for name in losses}
            return {"loss": dict(losses), "loss_weights": weights}
        if self.loss_weights or (isinstance(loss, Mapping) and len(self.targets) > 1):
            raise UsageError(
                f"the targets of task {self.name!r} are one tensor, which has one loss; "
                "leave out loss_weights, and name one loss for all"
            )
        return {"loss": next(iter(loss.values())) if isinstance(loss, Mapping) else loss}

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


#: Settings that may be given by target.
_BY_TARGET = ("metrics", "followed", "loss", "loss_weights")
_ENDS = ("inputs", "targets")

#: Metrics of a target for which none of those named is defined.
_DEFAULT = ("l1", "l2", "linf", "r2")
_DEFAULTS = {"classes": ("accuracy", "cross-entropy")}


def suits(metric: Any) -> tuple[str, ...]:
    """Return the kinds of target that a metric is defined for: all, unless it names them."""
    return tuple(getattr(metric, "suits", ("classes", "numbers", "lines", "maps")))


def _names(value: Any) -> Any:
    """Return names as a tuple; one name stands for a sequence of one."""
    if isinstance(value, Mapping):
        return {key: _names(names) for key, names in value.items()}
    return (value,) if isinstance(value, str) else tuple(value)


def flat_names(names: Names) -> tuple[str, ...]:
    """Return all names, each once."""
    if isinstance(names, Mapping):
        return tuple(dict.fromkeys(name for each in names.values() for name in each))
    return tuple(names)


def _agree(found: Any, expected: Shapes) -> bool:
    """Return whether shapes are equal where they are known."""
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        return found.keys() == expected.keys() and all(
            _agree(shape, expected[name]) for name, shape in found.items()
        )
    if not isinstance(found, tuple) or isinstance(expected, Mapping):
        return False
    pairs = zip(found, expected, strict=False)
    return len(found) == len(expected) and all(a in (None, b) for a, b in pairs)


def _sample_shape(tensor: Any) -> Any:
    """Return the shape of one sample of a tensor, or the name of another type."""
    return tuple(tensor.shape[1:]) if hasattr(tensor, "shape") else type(tensor).__name__


def _listed(shapes: Any) -> str:
    """Return one shape, or several by name, as text."""
    if isinstance(shapes, Mapping):
        return ", ".join(f"{name} of {_listed(shape)}" for name, shape in shapes.items())
    return f"a {shapes}" if isinstance(shapes, str) else f"shape {tuple(shapes)}"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(entry) for entry in value]
    return value
