"""Classes as targets: what the samples were taken for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.datasets.scalings.one_hot import PROBABILITIES
from keras_qd.evaluation.figures.confusion import confusion_figure
from keras_qd.evaluation.figures.images import classes_figure
from keras_qd.evaluation.figures.labels import words
from keras_qd.evaluation.parity import Parity
from keras_qd.evaluation.plates import Plate, Section
from keras_qd.evaluation.views.view import View
from keras_qd.metrics.classification import confusion_matrix

if TYPE_CHECKING:
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.evaluation.trial import Trial
    from keras_qd.training.run import Run

Array = NDArray[Any]

#: Images that are shown at most.
_N_SHOWN = 40
#: What is kept of them.
_GALLERY = ("images", "exact", "predicted", "probabilities")


@dataclass(frozen=True)
class _Gallery:
    """A section of images: what they are kept as, its title and its text."""

    group: str
    title: str
    text: str


_SINGLE = _Gallery(
    "classes",
    "Single images",
    "{count} images, evenly over the split. Above each the predicted {field} and the probability "
    "that the model gives it. Wrong ones have a frame, and the exact one stands beside.",
)
_MISTAKES = _Gallery(
    "mistakes",
    "Mistakes",
    "{count} of the images whose {field} was not recognised: what was predicted, how sure the "
    "model was of that, and what it is.",
)


class ClassesView(View):
    """Targets are classes."""

    baseline = "most frequent class"

    def keep(self, trial: Trial, prediction: Mapping[str, Array]) -> dict[str, Array]:
        """Return the confusion matrix of every target, and some images with their classes."""
        kept = {}
        images = [values for values in trial.inputs.values() if values.ndim == 3]
        for name, exact in trial.targets.items():
            predicted, probabilities = prediction[name], prediction[f"{name}_{PROBABILITIES}"]
            n_classes = probabilities.shape[-1]
            kept[f"{name}/confusion"] = confusion_matrix(exact, predicted, n_classes)
            wrong = np.flatnonzero(exact != predicted)
            groups = {"classes": np.arange(len(exact)), "mistakes": wrong}
            for group, rows in groups.items() if images else ():
                shown = rows[_evenly(len(rows))]
                found = (images[0], exact, predicted, probabilities)
                for key, values in zip(_GALLERY, found, strict=True):
                    kept[f"{name}/{group}/{key}"] = values[shown]
        return kept

    def parities(self, trial: Trial, prediction: Mapping[str, Array]) -> Iterator[Parity]:
        """Yield nothing: classes are counted in the confusion matrix."""
        return iter(())

    def sections(self, run: Run, evaluation: Evaluation) -> Iterator[Section]:
        """Yield some images with their classes, the confusion matrix, and some wrong ones."""
        for name in evaluation.fields:
            yield from _gallery(name, evaluation, _SINGLE)
            yield _confusion(name, evaluation.kept[f"{name}/confusion"])
            yield from _gallery(name, evaluation, _MISTAKES)


def _evenly(n_samples: int) -> Array:
    """Return the indices of samples evenly over a split, which may be sorted by class."""
    return np.unique(np.linspace(0, n_samples - 1, min(_N_SHOWN, n_samples)).astype(int))


def _gallery(name: str, evaluation: Evaluation, kind: _Gallery) -> Iterator[Section]:
    """Yield a section of images with their classes; none where there are no images."""
    keys = [f"{name}/{kind.group}/{key}" for key in _GALLERY]
    if keys[0] not in evaluation.kept or not len(evaluation.kept[keys[0]]):
        return
    images, exact, predicted, probabilities = (evaluation.kept[key] for key in keys)
    n_wrong = int((exact != predicted).sum())
    plate = Plate(
        f"{kind.group}_{name}",
        partial(classes_figure, images, exact, predicted, probabilities),
        f"{len(images)} images with the predicted {words(name)} and its probability; {n_wrong} of "
        "them are wrong, which is marked",
        kind="png",
    )
    yield Section(kind.title, kind.text.format(count=len(images), field=words(name)), (plate,))


def _confusion(name: str, counts: Array) -> Section:
    wrong = int(counts.sum() - np.trace(counts))
    plate = Plate(
        f"confusion_{name}",
        partial(confusion_figure, counts, name),
        f"Confusion matrix: exact {words(name)} in rows, predicted in columns",
    )
    text = (
        f"What was taken for what: {wrong} of {int(counts.sum())} are wrong. A cell holds the "
        f"number of images of the {words(name)} in its row that were taken for that of its column."
    )
    return Section("Confusion", text, (plate,))
