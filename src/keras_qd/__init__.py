"""Learn the maps between potentials, charge densities and energies of few-electron quantum dots.

Names are imported when first used: ``import keras_qd`` imports neither keras nor SciPy. It only sees to it
that keras, once imported, runs on a backend that is installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from keras_qd.backend import prefer_installed_backend

__version__ = "0.1.0"

#: Public name -> the module that defines it.
_HOMES = {
    "build": "components",
    "load": "components",
    "metric": "components",
    "names": "components",
    "register": "components",
    "task": "components",
    "resume": "training",
    "train": "training",
    "evaluate": "evaluation",
    "predict": "evaluation",
}
_MODULES = (
    "backend",
    "data",
    "datasets",
    "errors",
    "evaluation",
    "metrics",
    "models",
    "physics",
    "tasks",
    "training",
)

__all__ = ["__version__", *_HOMES, *_MODULES]

if TYPE_CHECKING:
    from keras_qd import (
        backend,
        data,
        datasets,
        errors,
        evaluation,
        metrics,
        models,
        physics,
        tasks,
        training,
    )
    from keras_qd.components import build, load, metric, names, register, task
    from keras_qd.evaluation import evaluate, predict
    from keras_qd.training import resume, train

prefer_installed_backend()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"keras_qd.{_HOMES[name]}"), name)
    if name in _MODULES:
        return import_module(f"keras_qd.{name}")
    raise AttributeError(f"module 'keras_qd' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
