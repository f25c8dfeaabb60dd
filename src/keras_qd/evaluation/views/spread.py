"""The section on errors: how they are spread over the systems, and what they depend on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.evaluation.figures.dependence import dependence_figure
from keras_qd.evaluation.figures.errors import errors_figure
from keras_qd.evaluation.figures.labels import labels_of, words
from keras_qd.evaluation.plates import Plate, Section
from keras_qd.evaluation.scores import ranking_score

if TYPE_CHECKING:
    from keras_qd.evaluation.parity import Parity
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.evaluation.scores import Score
    from keras_qd.training.run import Run

Array = NDArray[Any]

_TEXT = (
    "How the error is spread over the systems, how predicted values lie against exact ones and, "
    "where the data set has such numbers, how the error depends on them: a point a system, and the "
    "medians of groups of about equal size."
)


def errors_section(run: Run, evaluation: Evaluation) -> Iterator[Section]:
    """Yield the section on the errors in each target field; none where systems are not ranked."""
    plates = tuple(_plates(run, evaluation))
    if plates:
        yield Section("Errors", _TEXT, plates)


def _plates(run: Run, evaluation: Evaluation) -> Iterator[Plate]:
    labels, numbers = labels_of(run, evaluation), varying_numbers(evaluation)
    for ranking, parity in ranked_parities(evaluation):
        name, measured = parity.field, f"{ranking.title} of {words(parity.field)}"
        ranked = labels.ranked_by(ranking.title, ranking.unit)
        values = evaluation.samples[ranking.column]
        yield Plate(
            f"errors_{name}",
            partial(errors_figure, values, parity, ranked),
            f"{measured}: histogram over the systems, and predicted against exact values",
        )
        if numbers:
            yield Plate(
                f"dependence_{name}",
                partial(dependence_figure, values, numbers, ranked),
                f"{measured} over {', '.join(numbers)}",
            )


def varying_numbers(evaluation: Evaluation) -> dict[str, Array]:
    """Return the data set's numbers that are not the same for all systems."""
    return {name: values for name, values in evaluation.numbers.items() if np.ptp(values) > 0}


def ranked_parities(evaluation: Evaluation) -> Iterator[tuple[Score, Parity]]:
    """Yield each target field's parity whose systems can be ranked, with the score that ranks."""
    for parity in evaluation.parities:
        ranking = ranking_score(evaluation.scores, parity.field)
        if ranking is not None:
            yield ranking, parity
