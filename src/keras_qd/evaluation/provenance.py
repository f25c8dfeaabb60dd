"""What was trained on what, on what, and how to do it again: the facts of a run for its report."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keras_qd.errors import RunError
from keras_qd.evaluation.figures.labels import words
from keras_qd.evaluation.figures.style import with_unit

if TYPE_CHECKING:
    from keras_qd.training.run import Run

_BACKENDS = ("tensorflow", "torch", "jax")


def describe_run(run: Run) -> dict[str, Any]:
    """Return the facts of a run.

    Parameters
    ----------
    run : Run
        A run directory.

    Returns
    -------
    dict
        ``name``, ``task``, ``facts`` (what was trained on what) and ``settings``, ``data``
        (settings of the data set), ``environment`` and ``packages`` (mappings of str to str), and
        ``commands`` (how to do it again).
    """
    config = run.config
    task = config["task"]
    return {
        "name": run.path.resolve().name,
        "task": task,
        "facts": _facts(run),
        "settings": _settings(task),
        "data": _data(config["data"]),
        "environment": _machine(run.environment),
        "packages": run.environment["packages"],
        "commands": _commands(run),
    }


def _facts(run: Run) -> dict[str, str]:
    """Return in a few words what was trained on what."""
    config, task = run.config, run.config["task"]
    samples = config["samples"]
    facts = {
        "input": _describe_fields(task["inputs"], config["fields"]),
        "target": _describe_fields(task["targets"], config["fields"]),
        "model": task["model"],
        "data set": task["dataset"],
        "data digest": str(config["data"].get("digest", "unknown")),
        "systems": ", ".join(f"{count} {split}" for split, count in samples.items()),
        "seed": str(config["seed"]),
    }
    try:
        history = run.history()
    except RunError:
        return facts
    epochs = len(next(iter(history.values()), []))
    facts["training"] = f"{epochs} epochs, batches of {task['batch_size']}"
    if "seconds" in history:
        facts["training"] += f", {sum(history['seconds']):.0f} s"
    return facts


def _describe_fields(names: list[str], fields: Mapping[str, Mapping[str, str]]) -> str:
    """Return fields by name, with meaning and unit."""
    described = []
    for name in names:
        meaning = fields[name]["meaning"]
        label = with_unit(words(name), fields[name]["unit"])
        described.append(f"{label}: {meaning}" if meaning else label)
    return "; ".join(described)


def _settings(task: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings of the task that are not told elsewhere."""
    told = ("name", "description", "inputs", "targets", "model", "dataset")
    return {key: _say(value) for key, value in task.items() if key not in told}


def _data(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings of the data set, without where it lies on this machine."""
    configuration = metadata.get("configuration", {})
    rest = {
        key: value
        for key, value in metadata.items()
        if key not in ("path", "configuration", "digest")
    }
    return {key: _say(value) for key, value in {**configuration, **rest}.items()}


def _machine(environment: Mapping[str, Any]) -> dict[str, str]:
    return {key: _say(value) for key, value in environment.items() if key != "packages"}


def _say(value: Any) -> str:
    """Return a setting in words: nothing for None and empty ones."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {_say(entry)}" for key, entry in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(_say(entry) for entry in value) or "none"
    return "none" if value is None else str(value)


def _commands(run: Run) -> list[str]:
    """Return the commands that make the same run again."""
    packages, backend = run.environment["packages"], run.config["backend"]
    pinned = [
        f"{name}=={packages[name]}" for name in ("keras-qd", "keras", backend) if name in packages
    ]
    return [
        f"pip install {' '.join(pinned)}",
        f"KERAS_BACKEND={backend} {run.config['command']}",
        f"keras-qd evaluate {shlex.quote(str(run.path))}",
        f"keras-qd report {shlex.quote(str(run.path))}",
    ]
