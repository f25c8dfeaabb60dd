"""Training: the run directory, the fit, and going on after an interruption."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {"Run": "run", "resume": "fit", "train": "fit", "describe_environment": "environment"}

__all__ = [*_HOMES]

if TYPE_CHECKING:
    from keras_qd.training.environment import describe_environment
    from keras_qd.training.fit import resume, train
    from keras_qd.training.run import Run


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"keras_qd.training.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'keras_qd.training' has no attribute {name!r}")
