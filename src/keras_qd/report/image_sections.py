"""The inputs themselves as targets: what compressing them keeps, and what it loses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.data.scaling import PROBABILITIES
from keras_qd.evaluation.examples import Parity
from keras_qd.metrics.classification import confusion_matrix
from keras_qd.prediction._predict import predict_scaled
from keras_qd.report.figures.errors import confusion_figure
from keras_qd.report.figures.images import classes_figure, latents_figure, reconstructions_figure
from keras_qd.report.figures.style import words
from keras_qd.report.plates import Plate, Section
from keras_qd.report.sections import View, errors_section

if TYPE_CHECKING:
    from keras_qd.evaluation.case import Trial
    from keras_qd.evaluation.result import Evaluation
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


#: Images that are shown, and images of each class whose latent numbers are.
_N_SHOWN_RECONSTRUCTION, _N_EACH = 10, 20


class ReconstructionView(View):
    """What comes out should be what went in."""

    baseline = "mean image"

    def keep(self, trial: Trial, prediction: Mapping[str, Array]) -> dict[str, Array]:
        """Return some images with their latent numbers, and those of some images of each class."""
        name = next((name for name, values in trial.inputs.items() if values.ndim == 3), None)
        if name is None:
            return {}
        classes = _classes(trial)
        shown = _first_of_each(classes, trial.n_samples)
        kept = {"original": trial.inputs[name][shown], "restored": prediction[name][shown]}
        encoder = getattr(trial.run.load_model().network, "encoder", None)
        if encoder is None:
            return kept
        kept["latent"] = _encode(trial, encoder, shown)
        if classes is not None:
            groups = [np.flatnonzero(classes == each)[:_N_EACH] for each in np.unique(classes)]
            count = min(map(len, groups))
            rows = np.concatenate([group[:count] for group in groups])
            kept["latents"] = _encode(trial, encoder, rows).reshape(len(groups), count, -1)
            kept["classes"] = np.unique(classes)
        return kept

    def sections(self, run: Run, evaluation: Evaluation) -> Iterator[Section]:
        """Yield some images before and after, latent numbers by class, and the errors of all."""
        kept = evaluation.kept
        if "original" in kept:
            latent = kept.get("latent", np.empty((0,)))
            yield _single_images(kept["original"], latent, kept["restored"])
        if "latents" in kept:
            yield _latent_numbers(kept["latents"], kept["classes"])
        yield from errors_section(run, evaluation)


def _classes(trial: Trial) -> Array | None:
    """Return the data set's classes, if it has any: whole numbers with known limits."""
    for name, field in trial.dataset.fields.items():
        if field.shape == () and field.limits and np.dtype(field.dtype).kind in "iu":
            return np.asarray(trial.dataset.split(trial.split)[name])
    return None


def _first_of_each(classes: Array | None, n_samples: int) -> Array:
    """Return a sample of each class, or where there are none, samples evenly over the split."""
    if classes is not None:
        return np.unique(classes, return_index=True)[1][:_N_SHOWN_RECONSTRUCTION]
    return np.unique(
        np.linspace(0, n_samples - 1, min(_N_SHOWN_RECONSTRUCTION, n_samples)).astype(int)
    )


def _encode(trial: Trial, encoder: Any, rows: Array) -> Array:
    arrays = {name: values[rows] for name, values in trial.inputs.items()}
    return predict_scaled(encoder, trial.run.pipeline.scale_inputs(arrays), len(rows))


def _single_images(original: Array, latent: Array, restored: Array) -> Section:
    plate = Plate(
        "reconstructions",
        partial(reconstructions_figure, original, latent, restored),
        f"{len(original)} images: the original, its latent numbers, the reconstruction",
        kind="png",
    )
    numbers = f" The {latent[0].size} latent numbers of each are between them." * bool(len(latent))
    text = f"Images before and after, on the same scale of grey.{numbers}"
    return Section("Single images", text, (plate,))


def _latent_numbers(latents: Array, classes: Array) -> Section:
    plate = Plate(
        "latents",
        partial(latents_figure, latents, classes),
        f"Latent numbers of {latents.shape[1]} images of each of {len(classes)} classes",
        kind="png",
    )
    text = (
        f"The {latents.shape[2]} latent numbers, flattened, of {latents.shape[1]} images of each "
        "class: an image a line. What images of a class have in common shows as vertical stripes."
    )
    return Section("Latent numbers", text, (plate,))
