"""Which view belongs to which kind of target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keras_qd.evaluation.views.fields import FieldsView
from keras_qd.evaluation.views.numbers import NumbersView
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
    if all(shape == () for shape in pipeline.targets.values()):
        return NumbersView()
    return FieldsView()
