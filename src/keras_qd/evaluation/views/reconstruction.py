"""The inputs themselves as targets: what compressing them keeps, and what it loses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.evaluation.figures.images import latents_figure, reconstructions_figure
from keras_qd.evaluation.plates import Plate, Section
from keras_qd.evaluation.prediction import predict_scaled
from keras_qd.evaluation.views.spread import errors_section
from keras_qd.evaluation.views.view import View

if TYPE_CHECKING:
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.evaluation.trial import Trial
    from keras_qd.training.run import Run

Array = NDArray[Any]

#: Images that are shown, and images of each class whose latent numbers are.
_N_SHOWN, _N_EACH = 10, 20


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
        encoder = getattr(trial.run.load_model(), "encoder", None)
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
        return np.unique(classes, return_index=True)[1][:_N_SHOWN]
    return np.unique(np.linspace(0, n_samples - 1, min(_N_SHOWN, n_samples)).astype(int))


def _encode(trial: Trial, encoder: Any, rows: Array) -> Array:
    arrays = {name: values[rows] for name, values in trial.inputs.items()}
    return predict_scaled(encoder, trial.run.pipeline().scale_inputs(arrays), len(rows))


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
