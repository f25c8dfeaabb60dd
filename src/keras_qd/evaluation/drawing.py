"""The figures of a run: learning curves, single systems, errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import RunError
from keras_qd.evaluation.examples import Example
from keras_qd.evaluation.figures.curves import curve_names, curves_figure
from keras_qd.evaluation.figures.dependence import dependence_figure
from keras_qd.evaluation.figures.errors import errors_figure
from keras_qd.evaluation.figures.labels import Labels
from keras_qd.evaluation.figures.style import drawing, save
from keras_qd.evaluation.figures.systems import drawable, systems_figure
from keras_qd.evaluation.physical import box_length
from keras_qd.evaluation.scores import ranking_score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from keras_qd.evaluation.parity import Parity
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.evaluation.scores import Score
    from keras_qd.training.run import Run

Array = NDArray[Any]


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
        The files, in ``figures`` of the evaluation's folder: ``learning_curves``, ``systems`` and,
        for each target field, ``errors_FIELD`` and ``dependence_FIELD``; fewer where there is
        nothing to draw.
    """
    folder = evaluation.folder / "figures"
    with drawing():
        found = draw_figures(run, evaluation)
        return [path for name, figure in found for path in save(figure, folder / name)]


def draw_figures(run: Run, evaluation: Evaluation) -> Iterator[tuple[str, Figure]]:
    """Draw the figures one after the other.

    Parameters
    ----------
    run, evaluation
        As for :func:`write_figures`.

    Yields
    ------
    str, matplotlib.figure.Figure
        Name and figure.
    """
    history = readable_history(run)
    if curve_names(history):
        yield "learning_curves", curves_figure(history, titles_of(evaluation))
    labels = labels_of(run, evaluation)
    if can_be_drawn(evaluation.examples):
        yield "systems", systems_figure(evaluation.examples, labels)
    for ranking, parity in ranked_parities(evaluation):
        ranked = labels.ranked_by(ranking.title, ranking.unit)
        values = evaluation.samples[ranking.column]
        yield f"errors_{parity.field}", errors_figure(values, parity, ranked)
        numbers = varying_numbers(evaluation)
        if numbers:
            yield f"dependence_{parity.field}", dependence_figure(values, numbers, ranked)


def varying_numbers(evaluation: Evaluation) -> dict[str, Array]:
    """Return the data set's numbers that are not the same for all systems."""
    return {name: values for name, values in evaluation.numbers.items() if np.ptp(values) > 0}


def readable_history(run: Run) -> dict[str, list[float]]:
    """Return the columns of a run's history; nothing where there is none."""
    try:
        return run.history()
    except RunError:
        return {}


def titles_of(evaluation: Evaluation) -> dict[str, str]:
    """Return the names for people of the metrics of an evaluation."""
    return {score.metric: score.title for score in evaluation.scores}


def ranked_parities(evaluation: Evaluation) -> Iterator[tuple[Score, Parity]]:
    """Yield each target field's parity whose systems can be ranked, with the score that ranks."""
    for parity in evaluation.parities:
        ranking = ranking_score(evaluation.scores, parity.field)
        if ranking is not None:
            yield ranking, parity


def can_be_drawn(examples: tuple[Example, ...]) -> bool:
    """Return whether there are examples, and all are maps or profiles."""
    return bool(examples) and all(drawable(example) for example in examples)


def labels_of(run: Run, evaluation: Evaluation) -> Labels:
    """Return names and units for the figures of an evaluation."""
    units = {name: field["unit"] for name, field in run.config["fields"].items()}
    units.update(evaluation.data["units"])
    labels = Labels(units, length=evaluation.data.get("length") or box_length(run.config["data"]))
    ranking = evaluation.ranking
    return labels if ranking is None else labels.ranked_by(ranking.title, ranking.unit)
