"""The settings that a search varies, and within which bounds."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_qd.errors import UsageError
from keras_qd.registry import components
from keras_qd.tasks.task import Task

#: Tables of a file that are mappings of a task; what stands before them are settings of the task.
_SECTIONS = ("model", "dataset", "scaling")


@dataclass(frozen=True)
class Choice:
    """One of several values.

    Parameters
    ----------
    values : tuple of str, float, int, bool or None
        At least one.
    """

    values: tuple[Any, ...]

    def draw(self, trial: Any, name: str) -> Any:
        """Return the value that an Optuna trial suggests."""
        return trial.suggest_categorical(name, list(self.values))


@dataclass(frozen=True)
class Range:
    """A number within bounds, both included; whole where both bounds are.

    Parameters
    ----------
    low, high : float or int
        The bounds.
    log : bool
        Whether to draw the number's logarithm evenly.
    """

    low: float
    high: float
    log: bool = False

    def draw(self, trial: Any, name: str) -> Any:
        """Return the value that an Optuna trial suggests."""
        whole = isinstance(self.low, int) and isinstance(self.high, int)
        suggest = trial.suggest_int if whole else trial.suggest_float
        return suggest(name, self.low, self.high, log=self.log)


#: By their names on the command line, such as ``model.filters`` or ``batch_size``.
Space = Mapping[str, Choice | Range]


def read_space(path: Path) -> Space:
    """Read a search space from a TOML file.

    Parameters
    ----------
    path : Path
        Settings of the task, then a table ``[model]`` of the model's: a list of values to choose
        from, or ``{low = 1e-4, high = 1e-2, log = true}``.

    Raises
    ------
    UsageError
        If the file cannot be read as one.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no TOML file: {error}") from error
    space: dict[str, Choice | Range] = {}
    for key, value in values.items():
        if key in _SECTIONS and isinstance(value, dict):
            space.update({f"{key}.{name}": parse_range(name, each) for name, each in value.items()})
        else:
            space[key] = parse_range(key, value)
    if not space:
        raise UsageError(f"{path} names no setting to search")
    return space


def parse_range(name: str, value: Any) -> Choice | Range:
    """Return what a list of values, or a mapping with bounds, stands for.

    Raises
    ------
    UsageError
        If it is neither, or has no values in it.

    Examples
    --------
    >>> parse_range("depth", {"low": 3, "high": 5})
    Range(low=3, high=5, log=False)
    """
    if isinstance(value, list) and value:
        return Choice(tuple(value))
    if isinstance(value, dict) and {"low", "high"} <= set(value) <= {"low", "high", "log"}:
        low, high, log = value["low"], value["high"], value.get("log", False)
        numbers = all(isinstance(bound, int | float) for bound in (low, high))
        if numbers and low <= high and (low > 0 or not log):
            return Range(low, high, bool(log))
    raise UsageError(
        f"{name} = {value!r} is no range: give a list of values, or "
        "{low = 1e-4, high = 1e-2, log = true} with low <= high, both positive where log"
    )


def default_space(task: Task, side: int | None) -> Space:
    """Return which settings of the task's model to search by default.

    Parameters
    ----------
    task : Task
        With a registered model.
    side : int or None
        The shorter side of the images, in pixels; None where there are none.

    Returns
    -------
    Space
        Those of the usual settings that the model's builder takes.
    """
    builder = components("models").get(task.model)
    taken = set(inspect.signature(builder).parameters)
    if task.model == "unet":  # hands most of its settings on
        taken |= {"filters", "depth", "dropout", "normalization", "upsampling"}
    usual: dict[str, Choice | Range] = {
        "learning_rate": Range(1e-4, 1e-2, log=True),
        "filters": Choice((8, 16, 32)),
        "dropout": Choice((0.0, 0.25, 0.5)),
        "normalization": Choice(("batch", "instance", "group", "none")),
        "upsampling": Choice(("transpose", "resize")),
        "discriminator_learning_rate": Range(1e-4, 1e-2, log=True),
        "discriminator_filters": Choice((4, 8, 16)),
        "lambda_l1": Range(10.0, 1000.0, log=True),
        **_sized(side),
    }
    return {f"model.{name}": values for name, values in usual.items() if name in taken}


def _sized(side: int | None) -> dict[str, Range]:
    """Return the ranges that the size of the images bounds: deep networks see all of an image."""
    if side is None:
        return {}
    deepest = side.bit_length() - 1
    levels = max(level for level in (1, 2, 3) if level == 1 or side > 2 * 2**level)
    return {
        "depth": Range(min(3, deepest), deepest),
        "discriminator_levels": Range(1, levels),  # sides of 16, 34 and 70 pixels
    }
