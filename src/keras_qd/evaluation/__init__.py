"""Evaluation: predictions, metrics with intervals, figures and the report of a run.

Names are imported when first used: neither keras nor matplotlib comes along before.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

#: Public name -> the module that defines it.
_HOMES = {
    "Evaluation": "result",
    "Score": "scores",
    "evaluate": "evaluating",
    "predict": "prediction",
    "write_figures": "drawing",
    "write_report": "report",
}

__all__ = ["Evaluation", "Score", "evaluate", "predict", "write_figures", "write_report"]

if TYPE_CHECKING:
    from keras_qd.evaluation.drawing import write_figures
    from keras_qd.evaluation.evaluating import evaluate
    from keras_qd.evaluation.prediction import predict
    from keras_qd.evaluation.report import write_report
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.evaluation.scores import Score


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"keras_qd.evaluation.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'keras_qd.evaluation' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
