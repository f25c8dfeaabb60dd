"""The figures of a run, by the sections of its report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from keras_qd.errors import RunError
from keras_qd.evaluation.figures.curves import curve_names, curves_figure
from keras_qd.evaluation.figures.style import drawing, save
from keras_qd.evaluation.plates import Plate, Section
from keras_qd.evaluation.uncertainty.section import uncertainty_section
from keras_qd.evaluation.views.evolution import evolution_section
from keras_qd.evaluation.views.kinds import view_of
from keras_qd.files import replacing

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
        where there is nothing to draw. Films are GIF.

    Examples
    --------
    >>> from keras_qd.training import Run
    >>> run = Run.open("runs/first")  # doctest: +SKIP
    >>> write_figures(run, Evaluation.read(run.path))[0].name  # doctest: +SKIP
    'learning_curves.png'
    """
    return write_sections(sections(run, evaluation), evaluation.folder / "figures")


def write_sections(found: Iterable[Section], folder: Path) -> list[Path]:
    """Write the figures and films of some sections into a folder, and return the files."""
    paths = []
    for section in found:
        with drawing():
            paths += [
                path for plate in section.plates for path in save(plate.draw(), folder / plate.name)
            ]
        for film in section.films:
            paths.append(folder / f"{film.name}.gif")
            with replacing(paths[-1]) as temporary:
                temporary.write_bytes(film.content)
    return paths


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
    yield from evolution_section(run)


def readable_history(run: Run) -> dict[str, list[float]]:
    """Return the columns of a run's history; nothing where there is none."""
    try:
        return run.history()
    except RunError:
        return {}
