"""The section on how the predictions of some systems came to be."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from keras_qd.evaluation.figures.evolution import film, strip_figure
from keras_qd.evaluation.figures.labels import words
from keras_qd.evaluation.plates import Film, Plate, Section
from keras_qd.training.evolution import read_snapshots

if TYPE_CHECKING:
    from keras_qd.training.run import Run

_TEXT = (
    "What the model predicted for systems of the validation split, always the same, after some of "
    "the epochs. The last column is exact. Each system has the scale of its exact field. The film "
    "shows every epoch that was kept, three times, with the differences on one scale."
)


def evolution_section(run: Run) -> Iterator[Section]:
    """Yield the section of a run that was watched; nothing for others.

    Parameters
    ----------
    run : Run
        Whose snapshots are drawn.
    """
    snapshots = read_snapshots(run)
    if snapshots is None or not snapshots.predictions:
        return
    plates, films = [], []
    for name in snapshots.targets:
        count = len(snapshots.predictions)
        shown = f"{words(name)} as predicted after {count} epochs of the training, beside the exact"
        draw = partial(strip_figure, snapshots, name)
        plates.append(Plate(f"evolution_{name}", draw, f"Strip: {shown} one", kind="png"))
        films.append(
            Film(f"evolution_{name}", partial(film, snapshots, name), f"Film: {shown} one")
        )
    yield Section("Evolution", _TEXT, tuple(plates), tuple(films))
