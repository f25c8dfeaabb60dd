"""The report of a run: one HTML file that needs nothing else, fit for mail and print."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import jinja2

import keras_qd
from keras_qd.errors import RunError
from keras_qd.evaluation.drawing import (
    can_be_drawn,
    labels_of,
    ranked_parities,
    readable_history,
    titles_of,
    varying_numbers,
    write_figures,
)
from keras_qd.evaluation.evaluating import evaluate
from keras_qd.evaluation.figures.curves import curve_names, curves_figure
from keras_qd.evaluation.figures.dependence import dependence_figure
from keras_qd.evaluation.figures.errors import errors_figure
from keras_qd.evaluation.figures.inline import Picture, inline
from keras_qd.evaluation.figures.labels import words
from keras_qd.evaluation.figures.style import pretty
from keras_qd.evaluation.figures.systems import systems_figure
from keras_qd.evaluation.numbers import in_print, interval_in_print
from keras_qd.evaluation.provenance import describe_run
from keras_qd.evaluation.result import Evaluation
from keras_qd.files import write_text
from keras_qd.training.run import Run


def write_report(run: Run | str | Path) -> Path:
    """Write the figures and ``report.html`` of a run.

    Parameters
    ----------
    run : Run or path
        A finished run, or its directory. It is evaluated first where that was not done yet.

    Returns
    -------
    Path
        The report: one file without references to others, for light and dark screens, telephones
        and paper.

    Raises
    ------
    RunError
        If `run` has no trained model.
    DataError
        If its evaluation cannot be read.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    if not run.finished:
        run.load_model()  # says why there is nothing to report
    evaluation = _evaluation(run)
    write_figures(run, evaluation)
    path = run.path / "report.html"
    write_text(path, render_report(run, evaluation))
    return path


def render_report(run: Run, evaluation: Evaluation) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    run : Run
        What was trained.
    evaluation : Evaluation
        How good it is.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_qd.evaluation"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=in_print, interval=interval_in_print, unit=pretty, words=words
    )
    return environment.get_template("report.html.j2").render(
        evaluation=evaluation,
        others=list(_other_evaluations(run)),
        curves=_curves(run, evaluation),
        systems=list(_systems(run, evaluation)),
        errors=list(_errors(run, evaluation)),
        version=keras_qd.__version__,
        **describe_run(run),
    )


def _evaluation(run: Run) -> Evaluation:
    """Return the evaluation on the test split; make it where there is none."""
    try:
        return Evaluation.read(run.path)
    except RunError:
        return evaluate(run)


def _other_evaluations(run: Run) -> Iterator[Evaluation]:
    """Yield the evaluations on other splits and on other data."""
    for path in sorted((run.path / "evaluations").glob("*/metrics.json")):
        yield Evaluation.read(path.parent)


def _curves(run: Run, evaluation: Evaluation) -> Picture | None:
    """Return a picture of the learning curves; None where there is nothing to draw."""
    history = readable_history(run)
    if not curve_names(history):
        return None
    draw = partial(curves_figure, history, titles_of(evaluation))
    return inline(draw, "Learning curves: losses and metrics over the epochs")


def _systems(run: Run, evaluation: Evaluation) -> Iterator[Picture]:
    """Yield a picture of the best, the median and the worst system."""
    if not can_be_drawn(evaluation.examples):
        return
    labels = labels_of(run, evaluation)
    for example in evaluation.examples:
        described = f"{labels.headline(example)}: input, exact, predicted and difference"
        yield inline(partial(systems_figure, [example], labels), described, kind="png")


def _errors(run: Run, evaluation: Evaluation) -> Iterator[Picture]:
    """Yield a picture of the errors in each target field."""
    labels = labels_of(run, evaluation)
    for ranking, parity in ranked_parities(evaluation):
        described = (
            f"{ranking.title} of {words(parity.field)}: histogram over the systems, "
            "and predicted against exact values"
        )
        ranked = labels.ranked_by(ranking.title, ranking.unit)
        values = evaluation.samples[ranking.column]
        yield inline(partial(errors_figure, values, parity, ranked), described)
        numbers = varying_numbers(evaluation)
        if numbers:
            described = f"{ranking.title} of {words(parity.field)} over {', '.join(numbers)}"
            yield inline(partial(dependence_figure, values, numbers, ranked), described)
