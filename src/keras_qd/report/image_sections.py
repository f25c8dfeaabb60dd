"""Sections of the report on images: their classes and mistakes, reconstructions, latent numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.evaluation.figure_data import under
from keras_qd.report.elements import ReportFigure, Section
from keras_qd.report.figures.errors import confusion_figure
from keras_qd.report.figures.images import classes_figure, latents_figure, reconstructions_figure
from keras_qd.report.figures.style import words

if TYPE_CHECKING:
    from keras_qd.evaluation.result import Evaluation

Array = NDArray[Any]


@dataclass(frozen=True)
class _Gallery:
    """A section of images: the name they are kept under, its title and its text."""

    group: str
    title: str
    text: str


_SINGLE = _Gallery(
    "classes",
    "Single images",
    "{count} images, evenly over the split. Above each the predicted {field} and the probability "
    "that the model gives it. Wrong ones are framed and carry the exact one.",
)
_MISTAKES = _Gallery(
    "mistakes",
    "Mistakes",
    "{count} of the images with a wrong {field}: the prediction, its probability, and the exact "
    "one.",
)


def classes_sections(evaluation: Evaluation) -> Iterator[Section]:
    """Yield images with their classes, the confusion matrix, and mistakes, if they were kept."""
    for name in evaluation.fields:
        kept = under(evaluation.kept, f"{name}/")
        if "confusion" in kept:
            yield from _gallery(name, kept, _SINGLE)
            yield _confusion(name, kept["confusion"])
            yield from _gallery(name, kept, _MISTAKES)


def _gallery(name: str, kept: Mapping[str, Array], kind: _Gallery) -> Iterator[Section]:
    """Yield a section of images with their classes, if there are any."""
    found = under(kept, f"{kind.group}/")
    if not found or not len(found["images"]):
        return
    count, n_wrong = len(found["images"]), int((found["exact"] != found["predicted"]).sum())
    figure = ReportFigure(
        f"{kind.group}_{name}",
        partial(classes_figure, **found),
        f"{count} images with the predicted {words(name)} and its probability; {n_wrong} of them "
        "are wrong, which is marked",
        kind="png",
    )
    yield Section(kind.title, kind.text.format(count=count, field=words(name)), (figure,))


def _confusion(name: str, counts: Array) -> Section:
    """Return the section with the confusion matrix of one field."""
    wrong = int(counts.sum() - np.trace(counts))
    figure = ReportFigure(
        f"confusion_{name}",
        partial(confusion_figure, counts, name),
        f"Confusion matrix: exact {words(name)} in rows, predicted in columns",
    )
    text = (
        f"{wrong} of {int(counts.sum())} predictions are wrong. A cell holds the number of images "
        f"of the {words(name)} of its row that were predicted as that of its column."
    )
    return Section("Confusion", text, (figure,))


def reconstruction_sections(evaluation: Evaluation) -> Iterator[Section]:
    """Yield some images before and after, and latent numbers by class, if they were kept."""
    for name in evaluation.fields:
        kept = under(evaluation.kept, f"{name}/")
        if "original" in kept:
            latent = kept.get("latent", np.empty((0,)))
            yield _reconstructions(kept["original"], latent, kept["restored"])
        if "latents" in kept:
            yield _latents(kept["latents"], kept["latent_of"])


def _reconstructions(original: Array, latent: Array, restored: Array) -> Section:
    """Return the section with images, their latent numbers, and their reconstructions."""
    figure = ReportFigure(
        "reconstructions",
        partial(reconstructions_figure, original, latent, restored),
        f"{len(original)} images: the original, its latent numbers, the reconstruction",
        kind="png",
    )
    text = "Images before and after, on the same scale of grey."
    if len(latent):
        text += f" The {latent[0].size} latent numbers of each are between them."
    return Section("Single images", text, (figure,))


def _latents(latents: Array, classes: Array) -> Section:
    """Return the section with the latent numbers (classes, n, numbers) of images by class."""
    figure = ReportFigure(
        "latents",
        partial(latents_figure, latents, classes),
        f"Latent numbers of {latents.shape[1]} images of each of {len(classes)} classes",
        kind="png",
    )
    text = (
        f"The {latents.shape[2]} latent numbers, flattened, of {latents.shape[1]} images of each "
        "class: a line per image. Common features of a class show as vertical stripes."
    )
    return Section("Latent numbers", text, (figure,))
