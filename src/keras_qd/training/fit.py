"""Train a task into a run directory, and resume an interrupted run."""

from __future__ import annotations

import logging
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_qd import registry
from keras_qd._checks import setting, whole
from keras_qd._files import remove, remove_leftovers, replacing
from keras_qd.data.dataset import SPLITS
from keras_qd.errors import RunError, UsageError
from keras_qd.models.base import save_model
from keras_qd.models.optimizers import first_rate
from keras_qd.tasks.physical_model import PhysicalModel
from keras_qd.tasks.pipeline import Pipeline
from keras_qd.tasks.task import Task
from keras_qd.training.batches import (
    FollowEpochs,
    Fresh,
    feed,
    fresh_recipe,
    n_samples,
    training_batches,
    validation_batches,
)
from keras_qd.training.callbacks import (
    BestEpoch,
    Checkpoints,
    Report,
    Reporter,
    ScheduledLearningRate,
    ValidationMetrics,
)
from keras_qd.training.checkpoint import REMEDY, load_history, load_weights, save_weights
from keras_qd.training.checks import Start, build_model, check_start, check_task
from keras_qd.training.devices import Group, on_devices
from keras_qd.training.logging import build_callbacks, check_callbacks
from keras_qd.training.run import Run, describe_environment, locked

if TYPE_CHECKING:
    from keras_qd.data.dataset import Dataset


#: Systems whose inputs a run keeps as an example.
_N_EXAMPLES = 3


class StopBetweenBatches(keras.callbacks.Callback):
    """Call a function after each batch that raises ``KeyboardInterrupt`` after an interrupt."""

    def __init__(self, check: Callable[[], None]) -> None:
        super().__init__()
        self.check = check

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Stop here if there was an interrupt."""
        self.check()


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], None]]:
    """Yield a function that raises ``KeyboardInterrupt`` after a Ctrl-C; a second acts at once."""
    # Python drops a KeyboardInterrupt that is raised while compiled code calls back into it, as the
    # backends do during a step.
    received = threading.Event()

    def remember(number: int, frame: FrameType | None) -> None:
        if received.is_set():
            raise KeyboardInterrupt
        received.set()

    def check() -> None:
        if received.is_set():
            raise KeyboardInterrupt

    previous = signal.getsignal(signal.SIGINT)
    ours = (
        previous is signal.default_int_handler
        and threading.current_thread() is threading.main_thread()
    )
    if ours:
        signal.signal(signal.SIGINT, remember)
    try:
        yield check
    finally:
        if ours:
            signal.signal(signal.SIGINT, previous)


_LOGGER = logging.getLogger(__name__)

Callbacks = Sequence[str | keras.callbacks.Callback]


def train(
    task: str | Task,
    path: str | Path,
    *,
    dataset: Dataset | None = None,
    seed: int = 0,
    callbacks: Callbacks = ("evolution",),
    report: Report | None = None,
    devices: int = 1,
    start: Run | str | Path | None = None,
    fresh: int | None = None,
) -> Run:
    """Train `task` into a new run directory.

    Parameters
    ----------
    task : str or Task
        A registered name, or a task such as ``keras_qd.task(name, epochs=5)``.
    path : str or Path
        The run directory to create.
    dataset : Dataset, optional
        Used instead of loading the one that the task names.
    seed : int
        For the initial weights, dropout, the order of the samples and their augmentation.
    callbacks : sequence of str or keras.callbacks.Callback
        Additional callbacks for ``fit``, or names: ``"evolution"``, the default, keeps the
        predictions for a few validation systems, epoch by epoch, for the report; ``"tensorboard"``
        and ``"mlflow"`` log there.
    report : callable, optional
        ``report(epoch, epochs, batch, batches, logs)`` is called after every batch and epoch;
        without it Keras prints the progress.
    devices : int
        Number of devices to train on, each with an equal share of every batch.
    start : Run, str or path, optional
        A finished run, its directory, or the name of a pretrained network: its model, scalings and
        weights are those that the training starts from. The task must map the same fields.
    fresh : int, optional
        Train each epoch on so many new systems, which other processes make during the epoch before.
        They follow from the recipe of the data set, `seed` and the number of the epoch. Scalings,
        validation and test are those of the data set.

    Returns
    -------
    Run
        Finished: it has its model and history.

    Raises
    ------
    RunError
        If `path` exists already, or the training diverges.
    DataError
        If the data set lacks a field, or holds values that are not finite.
    UnknownNameError, UsageError
        If a callback is unknown, or a package that it needs is missing; if there are fewer devices,
        or they cannot share a batch evenly; if there are to be fresh systems of a data set that is
        not generated, or on several devices.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import keras_qd
    >>> wells = np.random.default_rng(0).random((8, 16, 16))
    >>> fields = {"potential": wells, "density": wells**2}
    >>> data = keras_qd.data.ArrayDataset(train=fields, validation=fields, test=fields)
    >>> task = keras_qd.task(
    ...     "potential-to-density", model="unet", model_config={"filters": 2, "depth": 2}, epochs=1
    ... )
    >>> folder = tempfile.mkdtemp() + "/run"
    >>> run = train(task, folder, dataset=data, report=lambda *progress: None)
    >>> run.finished, len(run.history()["loss"])
    (True, 1)
    """
    names = [each for each in callbacks if isinstance(each, str)]
    task = registry.task(task) if isinstance(task, str) else task
    origin = None if start is None else Start.of(start)
    task = task if origin is None else origin.adapted(task)
    check_start(task, path, seed=seed, callbacks=names, devices=devices, data=dataset is None)
    dataset = dataset if dataset is not None else task.load_dataset()
    _check_fresh(fresh, task, dataset, devices)
    pipeline = Pipeline.fit(task, dataset.split("train"), dataset.fields)
    if origin is not None:
        pipeline = replace(pipeline, scalings=origin.pipeline.scalings)
    _report_left_out(task, pipeline)
    if "notice" in dataset.metadata:
        _LOGGER.warning(dataset.metadata["notice"])
    config = _describe(task, dataset, pipeline, seed, names) | {"devices": devices}
    if fresh is not None:
        config["fresh"] = fresh
    if origin is not None:
        config["from"] = origin.name
    # With several devices the model has to be built on them, which takes the directory.
    model = build_model(task, pipeline, seed) if devices == 1 or origin is not None else None
    if origin is not None:
        origin.copy_to(model)
    with locked(Path(path)):
        run = Run.create(path, config, describe_environment())
        with discarded_on_failure(run):
            _write_example(run, dataset)
            if origin is not None:
                save_weights(run.start_path, model)
                model = model if devices == 1 else None
            return _fit(run, dataset, callbacks, report, model)


def _check_fresh(fresh: int | None, task: Task, dataset: Dataset, devices: int) -> None:
    """Raise unless so many fresh systems can be made for one device."""
    if fresh is None:
        return
    setting("fresh", fresh, whole(1))
    if devices > 1:
        raise UsageError(f"fresh systems are for one device, got devices={devices}")
    fresh_recipe(dataset, task.name)


def _write_example(run: Run, dataset: Dataset) -> None:
    """Keep the inputs of some systems that are not trained on, to predict from."""
    split = dataset.split("test")
    inputs: dict[str, Any] = {
        name: np.asarray(split[name][:_N_EXAMPLES]) for name in run.pipeline.inputs
    }
    with replacing(run.example_path) as temporary, temporary.open("wb") as file:
        np.savez(file, **inputs)


def _report_left_out(task: Task, pipeline: Pipeline) -> None:
    """Name the metrics that are not defined for any target."""
    used = {name for names in task.metrics_of(pipeline).values() for name in names}
    unused = [name for name in task.metric_names if name not in used]
    if unused:
        _LOGGER.warning(
            "left out %s: not defined for %s", ", ".join(unused), " and ".join(task.targets)
        )


def resume(
    path: str | Path,
    *,
    dataset: Dataset | None = None,
    callbacks: Callbacks = (),
    report: Report | None = None,
) -> Run:
    """Resume an interrupted run from its last checkpoint, as if it had never been interrupted.

    Parameters
    ----------
    path : str or Path
        The run directory. A finished run is returned as it is.
    dataset : Dataset, optional
        As for :func:`train`.
    callbacks : sequence of str or keras.callbacks.Callback
        As for :func:`train`; the named ones that the run was started with are resumed.
    report : callable, optional
        As for :func:`train`.

    Returns
    -------
    Run
        Finished: it has its model and history.

    Raises
    ------
    RunError
        If `path` is not a run directory, was trained on another backend, or its data has changed.

    Examples
    --------
    >>> resume("runs/first").finished  # doctest: +SKIP
    True
    """
    run = Run.open(path)
    with run.locked():
        return run if run.finished else _resume(run, dataset, callbacks, report)


def _resume(run: Run, dataset: Dataset | None, callbacks: Callbacks, report: Report | None) -> Run:
    backend = run.config["backend"]
    if backend != keras.config.backend():
        raise RunError(
            f"{run.path} was started on {backend}; resume it there (--backend {backend})"
        )
    check_callbacks(_names(run, callbacks))
    check_task(run.task)
    remove_leftovers(run.path)
    _require_checkpoint(run)
    if dataset is None:
        dataset = run.load_dataset()
    else:
        run.require_same_data(dataset)
    return _fit(run, dataset, callbacks, report)


def _require_checkpoint(run: Run) -> None:
    """Raise unless the files of the epochs that are over are there, and restore the history."""
    history = load_history(run.checkpoint_path)
    missing = run.best_path if run.task.monitor else None
    if run.history_path.exists() and not history:
        missing = run.checkpoint_path
    elif not history or (missing is not None and missing.exists()):
        missing = None
    if missing is not None:
        raise RunError(
            f"{run.path} has finished epochs, but {missing} is gone, without which it cannot be "
            f"resumed: {REMEDY}, into another directory"
        )
    if history:
        run.write_history(history)


@contextmanager
def discarded_on_failure(run: Run) -> Iterator[None]:
    """Remove a new run whose training fails before there is a checkpoint to resume from."""
    try:
        yield
    except Exception:
        if not run.checkpoint_path.exists():
            remove(run.path)
        raise


def _names(run: Run, callbacks: Callbacks) -> list[str]:
    """Return the names of the callbacks that a run was started with, and of those given now."""
    given = [each for each in callbacks if isinstance(each, str)]
    return list(dict.fromkeys([*run.config.get("callbacks", ()), *given]))


def _describe(
    task: Task, dataset: Dataset, pipeline: Pipeline, seed: int, callbacks: list[str]
) -> dict[str, Any]:
    """Return the fully resolved configuration of a run."""
    return {
        "task": task.to_config(),
        "pipeline": pipeline.to_config(),
        "data": dict(dataset.metadata),
        "fields": {
            name: {"unit": dataset.fields[name].unit, "meaning": dataset.fields[name].meaning}
            for name in (*task.inputs, *task.targets)
        },
        "samples": {name: n_samples(dataset.split(name)) for name in SPLITS},
        "seed": seed,
        "backend": keras.config.backend(),
        "callbacks": callbacks,
        "command": _command(),
    }


def _command() -> str:
    """Return the command line, without the path of the program."""
    program = Path(sys.argv[0]).name
    return shlex.join([program.replace("__main__.py", "keras-qd"), *sys.argv[1:]])


def _fit(
    run: Run,
    dataset: Dataset,
    callbacks: Callbacks,
    report: Report | None,
    model: keras.Model | None = None,
) -> Run:
    """Train from the last checkpoint, or from the start, to the end."""
    with on_devices(run.config.get("devices", 1), run, dataset) as group:
        model = model or build_model(run.task, run.pipeline, run.config["seed"])
        if run.start_path.exists():
            load_weights(run.start_path, model)
        with _fresh(run, dataset) as fresh:
            _fit_model(model, group, run, dataset, callbacks, report, fresh)
        with replacing(run.model_path) as temporary:
            save_model(_physical(model, run), temporary)
    return run


def _fresh(run: Run, dataset: Dataset) -> AbstractContextManager[Fresh | None]:
    """Return what makes the systems of each epoch; None where they are those of the data set."""
    number = run.config.get("fresh")
    if number is None:
        return nullcontext()
    recipe, seed = fresh_recipe(dataset, run.task.name), run.config["seed"]
    return Fresh(recipe, number, seed, run.pipeline, run.task.epochs).opened()


def _physical(model: keras.Model, run: Run) -> PhysicalModel:
    """Return what a run leaves: the trained network between its scalings."""
    return PhysicalModel(model, run.pipeline, {"models": [run.task.model]})


def _fit_model(
    model: keras.Model,
    group: Group,
    run: Run,
    dataset: Dataset,
    callbacks: Callbacks,
    report: Report | None,
    fresh: Fresh | None,
) -> None:
    task, pipeline, seed = run.task, run.pipeline, run.config["seed"]
    rate = first_rate(model.optimizer)
    history = load_history(run.checkpoint_path)
    done = len(history.get("epoch", ()))
    batches = training_batches(task, pipeline, dataset.split("train"), seed, done, fresh)
    best = BestEpoch(task, run.best_path, history, pipeline) if task.monitor else None
    even = _evenly(group, dataset.split("validation"))
    validation = validation_batches(task, pipeline, even)
    watchers = [
        *group.prepare(model),
        ValidationMetrics(task, pipeline, validation),  # before those that need its values
        FollowEpochs(batches),
        ScheduledLearningRate(task.schedule, task.epochs, rate),
        *(
            [best] if best is not None else []
        ),  # first: whatever a checkpoint refers to exists before it
        *build_callbacks(_names(run, callbacks), run, dataset.split("validation"), history),
        Checkpoints(run, history),
        *([Reporter(report)] if report is not None else []),
        *(each for each in callbacks if not isinstance(each, str)),
    ]
    with deferred_interrupt() as check:
        model.fit(
            feed(group.share(batches)),
            validation_data=None if validation is None else feed(validation),
            initial_epoch=done,
            epochs=done if best is not None and best.exhausted else task.epochs,
            callbacks=[*watchers, StopBetweenBatches(check), *group.conclude()],
            shuffle=False,
            verbose="auto" if report is None else 0,
        )
    if best is not None:
        load_weights(run.best_path, model)


def _evenly(group: Group, split: Any) -> Any:
    """Return a validation split that the devices can share, if need be without its last samples."""
    n = n_samples(split)
    whole = group.whole_shares(n)
    return split if whole == n else {name: values[:whole] for name, values in split.items()}
