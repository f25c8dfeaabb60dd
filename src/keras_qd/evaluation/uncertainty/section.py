"""The section of a report on how unsure its predictions are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from keras_qd.evaluation.figures.labels import labels_of, words
from keras_qd.evaluation.figures.reliability import reliability_figure
from keras_qd.evaluation.plates import Plate, Section
from keras_qd.evaluation.result import Evaluation

if TYPE_CHECKING:
    from keras_qd.training.run import Run

_TEXT = (
    "Several predictions of each system, of which the mean was judged: does their spread tell the "
    "error? Groups of about equal size by the error that the spread lets one expect; below the "
    "line, errors are smaller than expected, above it larger."
)


def uncertainty_section(run: Run) -> Iterator[Section]:
    """Yield the section with a figure for each evaluation that predicted several times.

    Parameters
    ----------
    run : Run
        The run, in whose folder those evaluations are kept; nothing is yielded without any.
    """
    plates = tuple(plate for each in uncertain_evaluations(run) for plate in _plates(run, each))
    if plates:
        yield Section("Spread and error", _TEXT, plates)


def uncertain_evaluations(run: Run) -> Iterator[Evaluation]:
    """Yield the evaluations of a run that predicted several times."""
    for path in sorted((run.path / "evaluations").glob("*/metrics.json")):
        evaluation = Evaluation.read(path.parent)
        if evaluation.uncertainty is not None:
            yield evaluation


def _plates(run: Run, evaluation: Evaluation) -> Iterator[Plate]:
    if evaluation.uncertainty is None:
        return
    labels = labels_of(run, evaluation)
    for name, found in evaluation.uncertainty.fields.items():
        yield Plate(
            f"reliability_{name}_{evaluation.folder.name}",
            partial(reliability_figure, name, found, labels),
            f"Error of the {words(name)} over the error expected from the spread of "
            f"{evaluation.uncertainty.source}",
        )
