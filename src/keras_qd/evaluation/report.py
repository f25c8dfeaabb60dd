"""The report of a run: one HTML file that needs nothing else, fit for mail and print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import jinja2

import keras_qd
from keras_qd.errors import RunError
from keras_qd.evaluation.drawing import sections, write_sections
from keras_qd.evaluation.evaluating import evaluate
from keras_qd.evaluation.figures.inline import inline, inline_film
from keras_qd.evaluation.figures.labels import words
from keras_qd.evaluation.figures.style import pretty
from keras_qd.evaluation.numbers import in_print, interval_in_print
from keras_qd.evaluation.plates import Section
from keras_qd.evaluation.provenance import describe_run
from keras_qd.evaluation.result import Evaluation
from keras_qd.files import write_text
from keras_qd.training.run import Run

#: Bytes of a film that is put into the page, so that it stays fit for mail; a larger one is only
#: in ``figures``.
_LARGEST_FILM = 2 * 10**6


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

    Examples
    --------
    >>> write_report("runs/first")  # doctest: +SKIP
    PosixPath('runs/first/report.html')
    """
    run = run if isinstance(run, Run) else Run.open(run)
    if not run.finished:
        run.load_model()  # says why there is nothing to report
    evaluation = _evaluation(run)
    found = list(sections(run, evaluation))
    write_sections(found, evaluation.folder / "figures")
    path = run.path / "report.html"
    write_text(path, render_report(run, evaluation, found))
    return path


def render_report(run: Run, evaluation: Evaluation, found: Iterable[Section] | None = None) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    run : Run
        What was trained.
    evaluation : Evaluation
        How good it is.
    found : iterable of Section, optional
        Its sections with figures, where they are known already.
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
        sections=[
            (
                section,
                [inline(plate.draw, plate.alternative, plate.kind) for plate in section.plates],
                [inline_film(film) for film in section.films if len(film.content) < _LARGEST_FILM],
            )
            for section in (sections(run, evaluation) if found is None else found)
        ],
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
