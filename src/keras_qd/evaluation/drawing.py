"""The figures of a run, by the sections of its report."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from keras_qd.errors import RunError
from keras_qd.evaluation.figures.curves import curve_names, curves_figure
from keras_qd.evaluation.figures.style import drawing, save
from keras_qd.evaluation.plates import Plate, Section
from keras_qd.evaluation.uncertainty.section import uncertainty_section
from keras_qd.evaluation.views.kinds import view_of

if TYPE_CHECKING:
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.training.run import Run

_CURVES = (
    "After each epoch, on scaled values; during an epoch the weights change, so training values "
    "lag a little."
)


def write_figures(run: Run, evaluation: Evaluation) -> list[Path]:
    """Write the figures of a run as PNG, PDF and SVG.

    Parameters
    ----------
    run : Run
        Whose history and units are drawn.
    evaluation : Evaluation
        Whose systems and errors are drawn.

    Returns
    -------
    list of Path
        The files, in ``figures`` of the evaluation's folder: ``learning_curves`` and what belongs
        to the kind of target, such as ``systems``, ``errors_FIELD`` and ``dependence_FIELD``; fewer
        where there is nothing to draw.
    """
    folder = evaluation.folder / "figures"
    plates = [plate for section in sections(run, evaluation) for plate in section.plates]
    with drawing():
        return [path for plate in plates for path in save(plate.draw(), folder / plate.name)]


def sections(run: Run, evaluation: Evaluation) -> Iterator[Section]:
    """Yield the sections of the report that have figures.

    Parameters
    ----------
    run, evaluation
        As for :func:`write_figures`.
    """
    yield from view_of(run.pipeline()).sections(run, evaluation)
    yield from uncertainty_section(run)
    history = readable_history(run)
    if curve_names(history):
        titles = {score.metric: score.title for score in evaluation.scores}
        plate = Plate(
            "learning_curves",
            partial(curves_figure, history, titles),
            "Learning curves: losses and metrics over the epochs",
        )
        yield Section("Learning curves", _CURVES, (plate,))


def readable_history(run: Run) -> dict[str, list[float]]:
    """Return the columns of a run's history; nothing where there is none."""
    try:
        return run.history()
    except RunError:
        return {}
