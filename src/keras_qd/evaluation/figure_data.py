"""The data kept for figures: single systems, histograms, and arrays by kind of target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import UsageError
from keras_qd.metrics.base import block_slices
from keras_qd.metrics.classification import confusion_matrix
from keras_qd.prediction._predict import predict_scaled

if TYPE_CHECKING:
    from keras_qd.evaluation.case import Case

Array = NDArray[Any]

_PARTS = ("inputs", "reference", "prediction")


@dataclass(frozen=True)
class Example:
    """One system in physical units: its label, index, error, and its fields by name."""

    label: str
    index: int
    error: float
    inputs: Mapping[str, Array]
    reference: Mapping[str, Array]
    prediction: Mapping[str, Array]


def rank(values: ArrayLike, *, higher_is_better: bool = False) -> dict[str, int]:
    """Return the indices of the best, the median and the worst value (n,); NaN is the worst."""
    values = np.asarray(values, dtype=np.float64)
    if not values.size:
        raise UsageError("there are no systems to rank")
    order = np.argsort(-values if higher_is_better else values, kind="stable")
    positions = {"best": 0, "median": len(order) // 2, "worst": -1}
    return {label: int(order[position]) for label, position in positions.items()}


def pick(
    values: ArrayLike,
    inputs: Mapping[str, Array],
    reference: Mapping[str, Array],
    prediction: Mapping[str, Array],
    *,
    higher_is_better: bool = False,
) -> list[Example]:
    """Return the best, the median and the worst system by `values` (n,)."""
    values = np.asarray(values, dtype=np.float64)
    parts = (inputs, reference, prediction)
    return [
        Example(
            label,
            index,
            float(values[index]),
            *({name: np.asarray(field[index]) for name, field in part.items()} for part in parts),
        )
        for label, index in rank(values, higher_is_better=higher_is_better).items()
    ]


def pack_examples(examples: Iterable[Example]) -> dict[str, Array]:
    """Return examples as arrays named ``example/LABEL/PART/FIELD``, for a ``.npz`` file."""
    packed: dict[str, Array] = {}
    for each in examples:
        packed[f"example/{each.label}/index"] = np.array(each.index)
        packed[f"example/{each.label}/error"] = np.array(each.error)
        for part in _PARTS:
            for name, values in getattr(each, part).items():
                packed[f"example/{each.label}/{part}/{name}"] = values
    return packed


def unpack_examples(arrays: Mapping[str, Array]) -> list[Example]:
    """Return the examples that :func:`pack_examples` put among `arrays`."""
    labels = dict.fromkeys(key.split("/")[1] for key in arrays if key.startswith("example/"))
    return [
        Example(
            label,
            int(arrays[f"example/{label}/index"]),
            float(arrays[f"example/{label}/error"]),
            *(under(arrays, f"example/{label}/{part}/") for part in _PARTS),
        )
        for label in labels
    ]


def under(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """Return the arrays whose names begin with a prefix, by the rest of their names."""
    return {
        key.removeprefix(prefix): values for key, values in arrays.items() if key.startswith(prefix)
    }


_N_BINS = 120


@dataclass(frozen=True)
class Parity:
    """Histogram of a field: edges (bins + 1,), counts (bins, bins), exact by predicted values."""

    field: str
    edges: Array
    counts: Array


def count_parity(field: str, reference: Array, prediction: Array) -> Parity:
    """Return the histogram of predicted against exact values (n, ...)."""
    low = float(min(reference.min(), prediction.min()))
    high = float(max(reference.max(), prediction.max()))
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _N_BINS + 1)
    counts = np.zeros(_N_BINS**2, dtype=np.int64)
    for block in block_slices(reference.shape):
        exact, predicted = (_bins(values[block], low, high) for values in (reference, prediction))
        counts += np.bincount(exact * _N_BINS + predicted, minlength=_N_BINS**2)
    return Parity(field, edges, counts.reshape(_N_BINS, _N_BINS))


def _bins(values: Array, low: float, high: float) -> Array:
    """Return the bin of each value; all lie between `low` and `high`."""
    share = (np.asarray(values, dtype=np.float64).ravel() - low) / (high - low)
    return np.minimum((share * _N_BINS).astype(np.int64), _N_BINS - 1)


def pack_parities(parities: Iterable[Parity]) -> dict[str, Array]:
    """Return parities as arrays named ``parity/FIELD/edges`` and ``.../counts``, for a file."""
    packed: dict[str, Array] = {}
    for each in parities:
        packed[f"parity/{each.field}/edges"] = each.edges
        packed[f"parity/{each.field}/counts"] = each.counts
    return packed


def unpack_parities(arrays: Mapping[str, Array]) -> list[Parity]:
    """Return the parities that :func:`pack_parities` put among `arrays`."""
    fields = dict.fromkeys(key.split("/")[1] for key in arrays if key.startswith("parity/"))
    return [
        Parity(field, arrays[f"parity/{field}/edges"], arrays[f"parity/{field}/counts"])
        for field in fields
    ]


#: What a kind of target keeps: (case, field, predicted fields) -> arrays by name.
Keep = Callable[["Case", str, Mapping[str, Array]], dict[str, Array]]

#: Images shown with their classes; pairs of images before and after; images per class whose latent
#: numbers are shown; systems on a line.
_N_CLASSIFIED, _N_RESTORED, _N_LATENT, _N_LINES = 40, 10, 20, 25
#: Fields on a line that are drawn beside a number.
_PROFILES = ("potential", "density")


def keep_for_figures(case: Case, prediction: Mapping[str, Array]) -> dict[str, Array]:
    """Return the arrays that the figures of each target need, as ``FIELD/NAME``; they are small."""
    return {
        f"{name}/{key}": values
        for name in case.targets
        for key, values in _keep_of(case, name)(case, name, prediction).items()
    }


def parities(case: Case, prediction: Mapping[str, Array]) -> Iterator[Parity]:
    """Yield the histogram of each target; classes have a confusion matrix instead."""
    for name, exact in case.targets.items():
        if not case.pipeline.scalings[name].categorical:
            yield count_parity(name, exact, prediction[name])


def _keep_of(case: Case, name: str) -> Keep:
    """Return what a target's kind keeps: a class, a reconstruction, a number, or a map or line."""
    if case.pipeline.scalings[name].categorical:
        return _keep_classes
    if name in case.pipeline.inputs:
        return _keep_reconstruction
    return _keep_numbers if case.pipeline.targets[name] == () else _keep_nothing


def _keep_nothing(case: Case, name: str, prediction: Mapping[str, Array]) -> dict[str, Array]:
    """Return nothing: maps and lines are drawn from the examples and the histogram."""
    return {}


def _keep_classes(case: Case, name: str, prediction: Mapping[str, Array]) -> dict[str, Array]:
    """Return the confusion matrix, and some images, all and wrong ones, with their classes."""
    exact, predicted = case.targets[name], prediction[name]
    probabilities = case.probabilities(name, prediction)
    kept = {"confusion": confusion_matrix(exact, predicted, probabilities.shape[-1])}
    images = next((values for values in case.inputs.values() if values.ndim == 3), None)
    if images is None:
        return kept
    found = {"images": images, "exact": exact, "predicted": predicted}
    found["probabilities"] = probabilities
    groups = {"classes": np.arange(len(exact)), "mistakes": np.flatnonzero(exact != predicted)}
    for group, rows in groups.items():
        shown = rows[_evenly(len(rows), _N_CLASSIFIED)]
        kept.update({f"{group}/{key}": values[shown] for key, values in found.items()})
    return kept


def _evenly(n_samples: int, most: int) -> Array:
    """Return the indices of samples evenly over a split, which may be sorted by class."""
    return np.unique(np.linspace(0, n_samples - 1, min(most, n_samples)).astype(int))


def _keep_reconstruction(
    case: Case, name: str, prediction: Mapping[str, Array]
) -> dict[str, Array]:
    """Return some images with their latent numbers, and those of some images of each class."""
    if case.inputs[name].ndim != 3:
        return {}
    classes = _classes(case)
    shown = _evenly(case.n_samples, _N_RESTORED)
    if classes is not None:
        shown = np.unique(classes, return_index=True)[1][:_N_RESTORED]
    kept = {"original": case.inputs[name][shown], "restored": prediction[name][shown]}
    encoder = getattr(case.run.load_model().network, "encoder", None)
    if encoder is None:
        return kept
    kept["latent"] = _encode(case, encoder, shown)
    return kept if classes is None else {**kept, **_latents_by_class(case, encoder, classes)}


def _classes(case: Case) -> Array | None:
    """Return the data set's classes, if any: whole numbers with known limits."""
    for name, field in case.dataset.fields.items():
        if field.shape == () and field.limits and np.dtype(field.dtype).kind in "iu":
            return np.asarray(case.dataset.split(case.split)[name])
    return None


def _latents_by_class(case: Case, encoder: Any, classes: Array) -> dict[str, Array]:
    """Return the latent numbers (classes, n, numbers) of as many images of each class."""
    groups = [np.flatnonzero(classes == each)[:_N_LATENT] for each in np.unique(classes)]
    count = min(map(len, groups))
    latents = _encode(case, encoder, np.concatenate([group[:count] for group in groups]))
    return {"latents": latents.reshape(len(groups), count, -1), "latent_of": np.unique(classes)}


def _encode(case: Case, encoder: Any, rows: Array) -> Array:
    """Return the latent numbers of some samples."""
    arrays = {name: values[rows] for name, values in case.inputs.items()}
    return predict_scaled(encoder, case.run.pipeline.scale_inputs(arrays), len(rows))


def _keep_numbers(case: Case, name: str, prediction: Mapping[str, Array]) -> dict[str, Array]:
    """Return profiles, exact and predicted numbers of the first systems on a line."""
    fields, split = case.dataset.fields, case.dataset.split(case.split)
    profiles = [each for each in _PROFILES if each in fields and len(fields[each].shape) == 1]
    if not profiles:
        return {}
    first = slice(_N_LINES)
    return {
        **{f"profile/{each}": np.asarray(split[each][first]) for each in profiles},
        **{f"unit/{each}": np.array(fields[each].unit) for each in profiles},
        "exact": case.targets[name][first],
        "predicted": prediction[name][first],
    }
