"""Checks of a task: its parts exist, fit together, train, and repeat."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_qd import registry
from keras_qd.data.dataset import ArrayDataset, Dataset
from keras_qd.evaluation._evaluate import evaluate
from keras_qd.prediction._predict import predict
from keras_qd.registry import KINDS, components
from keras_qd.tasks.pipeline import Pipeline, leaves
from keras_qd.tasks.task import Task
from keras_qd.testing.findings import Findings, check_elsewhere, find_registered
from keras_qd.training.fit import train as train_task

#: Samples of each split in a check.
_SAMPLES = {"train": 16, "validation": 8, "test": 8}


def check_task(
    name: str,
    *,
    changes: Mapping[str, Any] | None = None,
    train: bool = True,
    backends: Sequence[str] | None = None,
) -> None:
    """Check a registered task.

    It must be found by its name and have it, name parts that are registered, survive JSON, find its
    fields in its data set, and build a model that fits them; then train for an epoch on a few
    samples, twice with the same result, and be evaluated and applied; all that on every installed
    backend.

    Parameters
    ----------
    name : str
        The registered name.
    changes : mapping, optional
        What to change in the task, as for :func:`keras_qd.task`: a small data set, a small model.
    train : bool
        Whether to train it; without it only what fits together is checked, in about a second.
    backends : sequence of str, optional
        Where to check, as for :func:`check_model`.

    Raises
    ------
    ConformanceError
        If anything is wrong; it lists all that is.
    UnknownNameError
        If one of the backends is not installed.

    Examples
    --------
    >>> from keras_qd.testing import check_task
    >>> check_task(
    ...     "mnist-classification",
    ...     changes={"dataset_config": {"subset": True}},
    ...     train=False,
    ...     backends=(),
    ... )
    """
    changes = dict(changes or {})
    found = Findings(f"the task {name!r}")
    if find_registered(found, "tasks", name) is not None:
        task = found.attempt("making it", registry.task, name, **changes)
        if task is not None:
            _check_made(found, name, task, train)
        settings = {"changes": changes, "train": train}
        check_elsewhere(found, "check_task", "tasks", name, settings, backends)
    found.raise_if_any()


def _check_made(found: Findings, name: str, task: Task, train: bool) -> None:
    found.require(task.name == name, f"its name is {task.name!r}", f"name it {name!r}")
    found.require(bool(task.description), "it has no description", "describe what it maps")
    found.attempt("writing it down and reading it again", _check_json, found, task)
    if not _check_parts(found, task):
        return
    dataset = found.attempt("loading its data set", _few, task)
    if dataset is None:
        return
    pipeline = found.attempt(
        "fitting its scalings", Pipeline.fit, task, dataset.split("train"), dataset.fields
    )
    if pipeline is None:
        return
    found.attempt("scaling the fields", _check_pipeline, found, pipeline, dataset)
    model = found.attempt("building its model", task.build_for, pipeline)
    if model is not None and train:
        found.attempt("training it", _check_training, found, task, dataset)


def _check_json(found: Findings, task: Task) -> None:
    config = task.to_config()
    again = Task.from_config(json.loads(json.dumps(config)))
    found.require(
        again.to_config() == config,
        "read again from JSON it has other settings",
        "keep to numbers, text, lists and mappings: a run is resumed from them",
    )


def _check_parts(found: Findings, task: Task) -> bool:
    parts = {
        "datasets": [task.dataset],
        "models": [task.model],
        "metrics": [*task.metric_names, *task.followed_names],
    }
    missing = [
        f"the {KINDS[kind]} {name!r}"
        for kind, names in parts.items()
        for name in dict.fromkeys(names)
        if name not in components(kind).names()
    ]
    return found.require(
        not missing,
        f"it names {', '.join(missing)}, which nobody has registered",
        "announce them as entry points, or mend the names",
    )


def _few(task: Task) -> Dataset:
    """Return the first samples of every split of the task's data set, as arrays."""
    dataset = task.load_dataset()
    # What a sample need not have cannot be learnt, and is not asked for.
    fields = {name: field for name, field in dataset.fields.items() if not field.nullable}
    splits = {}
    for split, count in _SAMPLES.items():
        arrays = dataset.split(split)
        splits[split] = {name: np.asarray(arrays[name][:count]) for name in fields}
    return ArrayDataset(**splits, fields=fields, metadata=dataset.metadata)


def _check_pipeline(found: Findings, pipeline: Pipeline, dataset: Dataset) -> None:
    split = dataset.split("train")
    again = Pipeline.from_config(json.loads(json.dumps(pipeline.to_config())))
    for scaled, repeated in (
        (pipeline.scale_inputs(split), again.scale_inputs(split)),
        (pipeline.scale_targets(split), again.scale_targets(split)),
    ):
        pairs = list(zip(leaves(scaled), leaves(repeated), strict=True))
        found.require(
            all(np.isfinite(one).all() and np.array_equal(one, other) for one, other in pairs),
            "scaled fields are not finite, or not the same once the scalings were written down",
            "choose scalings that suit the fields",
        )
    restored = pipeline.restore(pipeline.scale_targets(split))
    for name in pipeline.targets:
        found.require(
            restored[name].shape == split[name].shape,
            f"{name} comes back from the network's form with shape {restored[name].shape}, "
            f"and was {split[name].shape}",
            "choose a scaling that can be undone",
        )


def _check_training(found: Findings, task: Task, dataset: Dataset) -> None:
    task = task.replace(epochs=1, batch_size=min(task.batch_size, 8), monitor=None, patience=None)
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            train_task(task, Path(folder, name), dataset=dataset, report=_silent)
            for name in ("first", "again")
        ]
        histories = [run.history() for run in runs]
        found.require(
            bool(np.isfinite(histories[0]["loss"]).all()),
            f"its loss after one epoch is {histories[0]['loss']}",
            "start with a smaller learning rate",
        )
        found.require(
            all(np.allclose(histories[0][key], histories[1][key], rtol=1e-4) for key in ["loss"]),
            f"trained twice with one seed its loss is {histories[0]['loss']} and "
            f"{histories[1]['loss']}",
            "draw what is random in training with keras.random and a keras.random.SeedGenerator",
        )
        found.attempt("evaluating it", _check_evaluation, found, task, runs[0], dataset)


def _check_evaluation(found: Findings, task: Task, run: Any, dataset: Dataset) -> None:
    scores = evaluate(run, data=dataset, n_draws=10).scores
    missing = set(task.metric_names) - {score.metric for score in scores}
    found.require(
        not missing,
        f"an evaluation has no {', '.join(sorted(missing))}",
        "let its metrics suit the fields that come out",
    )
    inputs = {name: dataset.split("test")[name][:2] for name in task.inputs}
    fields = predict(run, inputs)
    for name in task.targets:
        found.require(
            name in fields and fields[name].shape == dataset.split("test")[name][:2].shape,
            f"a prediction for two samples has {', '.join(fields)}, without a fitting {name}",
            "let targets and scalings suit the model",
        )


def _silent(epoch: int, epochs: int, batch: int, batches: int, logs: Mapping[str, Any]) -> None:
    """Print nothing."""
