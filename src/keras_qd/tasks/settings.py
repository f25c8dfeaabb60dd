"""Types and ranges of the settings of a task, wherever they come from: code, options or files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras_qd._checks import (
    Check,
    anything,
    optional,
    real,
    sequence,
    setting,
    table,
    text,
    whole,
)
from keras_qd.errors import UsageError


def _one_of(*checks: Check, expected: str) -> Check:
    """Return a check that tries others in turn."""

    def check(value: Any) -> Any:
        for each in checks:
            try:
                return each(value)
            except ValueError:
                continue
        raise ValueError(f"expected {expected}")

    return check


_NAMES = _one_of(text, sequence(text), expected="a name or a list of names")
_BY_TARGET = _one_of(_NAMES, table(_NAMES), expected="names, or a table of names by target")

_CHECKS: dict[str, Check] = {
    "name": text,
    "description": text,
    "dataset": text,
    "model": text,
    "inputs": _NAMES,
    "targets": _NAMES,
    "metrics": _BY_TARGET,
    "followed": optional(_BY_TARGET),
    "loss": optional(_one_of(text, table(text), expected="a name, or a table of names by target")),
    "loss_weights": table(real(0.0)),
    "optimizer": optional(_one_of(text, table(anything), expected="a name or a configuration")),
    "epochs": whole(1, 10**9),
    "batch_size": whole(1, 10**9),
    "schedule": text,
    "monitor": optional(text),
    "patience": optional(whole(1, 10**9)),
    "scaling": table(text),
    "augmentation": optional(text),
    "dataset_config": table(anything),
    "model_config": table(anything),
    "metric_config": table(table(anything)),
    "other_models": table(table(anything)),
}


def expected_setting(name: str) -> str:
    """Return what a setting of a task may be, in words."""
    try:
        _CHECKS[name](object())
    except ValueError as refusal:  # says what is expected
        return str(refusal).removeprefix("expected ")
    return ""


def check_settings(task: str, settings: Mapping[str, Any]) -> None:
    """Raise a UsageError for a setting of a task that has a wrong type or is out of range."""
    for name, check in _CHECKS.items():
        if name in settings:
            setting(name, settings[name], check, f"task {task!r}")
    for name in ("dataset_config", "model_config"):
        for key, value in settings.get(name, {}).items():
            if isinstance(value, float) and value != value:
                raise UsageError(f"task {task!r}: {name}.{key}=nan: expected a number")
