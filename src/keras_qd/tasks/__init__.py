"""Tasks: which fields of which data set a model maps onto which, and how it is trained and judged."""

from __future__ import annotations

from keras_qd.tasks.pipeline import Pipeline
from keras_qd.tasks.task import Task

__all__ = ["Pipeline", "Task"]
