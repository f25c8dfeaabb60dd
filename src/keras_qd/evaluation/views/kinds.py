"""Which view belongs to which kind of target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keras_qd.datasets.scalings.one_hot import OneHot
from keras_qd.evaluation.views.classes import ClassesView
from keras_qd.evaluation.views.fields import FieldsView
from keras_qd.evaluation.views.numbers import NumbersView
from keras_qd.evaluation.views.reconstruction import ReconstructionView
from keras_qd.evaluation.views.view import View

if TYPE_CHECKING:
    from keras_qd.tasks import Pipeline


def view_of(pipeline: Pipeline) -> View:
    """Return how results of a run are looked at.

    Parameters
    ----------
    pipeline : Pipeline
        Of the run: its fields in and out, and their scalings.
    """
    if all(isinstance(pipeline.scalings[name], OneHot) for name in pipeline.targets):
        return ClassesView()
    if pipeline.inputs == pipeline.targets:
        return ReconstructionView()
    if all(shape == () for shape in pipeline.targets.values()):
        return NumbersView()
    return FieldsView()
