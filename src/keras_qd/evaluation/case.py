"""An evaluation case: one trained model on one split of one data set."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.data.recipes import box_length
from keras_qd.data.scaling import PROBABILITIES
from keras_qd.data.store.manifest import checksum
from keras_qd.errors import DataError, UnknownNameError
from keras_qd.evaluation.scores import Comparison
from keras_qd.metrics import Context

if TYPE_CHECKING:
    from keras_qd.data.dataset import Dataset
    from keras_qd.tasks.physical_model import PhysicalModel
    from keras_qd.tasks.pipeline import Pipeline
    from keras_qd.training.run import Run


Array = NDArray[Any]

SPLITS = ("train", "validation", "test")

#: Loss of a discriminator that cannot distinguish exact from predicted fields.
_UNDECIDED = math.log(2)
#: How close to it both adversarial losses are called undecided.
_CLOSE = 0.02
#: Mean loss in the last half of the epochs below which the discriminator always wins.
_CERTAIN = 0.05


@dataclass(frozen=True)
class Case:
    """One trained model on one split of one data set; `label` names a use such as dropout-20."""

    run: Run
    dataset: Dataset
    split: str
    label: str = ""

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise UnknownNameError("split", self.split, SPLITS)

    @cached_property
    def pipeline(self) -> Pipeline:
        """The scalings and fields of the run, on the grid of this data set."""
        return self.run.pipeline.on_grid(self._shapes)

    @property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: field.shape for name, field in self.dataset.fields.items()}

    def load_model(self) -> PhysicalModel:
        """Load the trained model, on the grid of this data set."""
        return self.run.load_model().on_grid(self._shapes)

    @cached_property
    def fields(self) -> dict[str, Array]:
        """The input and target fields of the split, checked, in physical units."""
        pipeline, split = self.pipeline, self.dataset.split(self.split)
        fields = {}
        for name, shape in {**pipeline.inputs, **pipeline.targets}.items():
            if name not in split:
                raise DataError(
                    f"the data set has no field {name!r}, which the task needs; "
                    f"it has {', '.join(sorted(split))}"
                )
            fields[name] = _checked(name, np.asarray(split[name]), shape)
        return fields

    @property
    def n_samples(self) -> int:
        """Number of systems."""
        return len(next(iter(self.fields.values())))

    @cached_property
    def inputs(self) -> dict[str, Array]:
        """The input fields."""
        return {name: self.fields[name] for name in self.pipeline.inputs}

    @cached_property
    def targets(self) -> dict[str, Array]:
        """The exact target fields, less the mean of each sample where the scaling is centered."""
        # A potential is the same with any constant added: the constant must not count as an error.
        return {name: self._fixed(name, self.fields[name]) for name in self.pipeline.targets}

    @cached_property
    def systems(self) -> str:
        """Checksum of the exact targets, which identifies the systems."""
        return checksum({name: self.fields[name] for name in self.pipeline.targets}).hex()

    @property
    def own(self) -> bool:
        """Whether the data set is the one that the run was trained on."""
        return bool(self.dataset.metadata.get("digest") == self.run.config["data"].get("digest"))

    @property
    def folder(self) -> Path:
        """Folder of the result: the run directory for the test split of its own data."""
        if self.own and self.split == "test" and not self.label:
            return self.run.path
        digest = str(self.dataset.metadata.get("digest") or "unknown").rpartition(":")[2]
        parts = (self.label, self.split, digest[:12])
        return self.run.path / "evaluations" / "-".join(part for part in parts if part)

    def probabilities(self, name: str, prediction: Mapping[str, Array]) -> Array:
        """Return the predicted probability of every class of a categorical target."""
        return prediction[f"{name}_{PROBABILITIES}"]

    def comparisons(self, prediction: Mapping[str, Array]) -> list[Comparison]:
        """Return the comparisons of each target: physical and scaled, of classes physical only."""
        return [each for name in self.targets for each in self._comparisons(name, prediction)]

    def _comparisons(self, name: str, prediction: Mapping[str, Array]) -> Iterator[Comparison]:
        """Yield the comparisons of one target."""
        unit, context = self.dataset.fields[name].unit, self._context()
        exact, baseline = self.targets[name], self._baseline(name)
        if self.pipeline.scalings[name].categorical:
            probabilities = self.probabilities(name, prediction)
            yield Comparison(name, "physical", unit, exact, probabilities, baseline, context)
            return
        values = (exact, prediction[name], baseline)
        yield Comparison(name, "physical", unit, *values, context)
        forward = self.pipeline.scalings[name].forward
        # The baseline is one sample, over and over: no need to scale it as often.
        trivial = np.broadcast_to(forward(baseline[:1]), baseline.shape)
        scaled = (forward(values[0]), forward(values[1]), trivial)
        yield Comparison(name, "scaled", "", *scaled, context)

    def _baseline(self, name: str) -> Array:
        """Return the trivial prediction (n, ...) from the training split."""
        # On other data it is their training split, which favours the baseline.
        training = self.dataset.split("train")[name]  # perhaps larger than memory
        single = self.pipeline.scalings[name].baseline(training)
        return np.broadcast_to(single, (self.n_samples, *single.shape[1:]))

    def table(self) -> dict[str, Array]:
        """Return the index, the numbers and the drawn parameters of each system, by column."""
        split = self.dataset.split(self.split)
        columns = {name: np.asarray(split[name]) for name in self._numbers()}
        for name, labels in self._drawn().items():
            columns.update(zip(labels, np.asarray(split[name]).T, strict=True))
        return {"index": np.arange(self.n_samples), **columns}

    def describe(self) -> dict[str, Any]:
        """Return the data that the model is evaluated on, as plain values."""
        return {
            "split": self.split,
            "n_samples": self.n_samples,
            "digest": self.dataset.metadata.get("digest"),
            "systems": self.systems,
            "own": self.own,
            "length": box_length(self.dataset.metadata),
            "units": {name: self.dataset.fields[name].unit for name in self._numbers()},
            "drawn": [label for labels in self._drawn().values() for label in labels],
            "notice": self.dataset.metadata.get("notice"),
            "baseline": self._baseline_name(),
            "label_error": self._label_errors(),
            "adversary": adversary(self._history),
        }

    @property
    def _history(self) -> dict[str, list[float]]:
        """The history of the training; empty if it was removed."""
        return self.run.history() if self.run.history_path.is_file() else {}

    def _label_errors(self) -> dict[str, Any]:
        """Return the errors of the exact values of each target, where the data set knows them."""
        found = self.dataset.metadata.get("label_error") or {}
        return {name: dict(found[name]) for name in self.targets if name in found}

    def _baseline_name(self) -> str:
        """Return the name of the trivial prediction."""
        kinds = {self.pipeline.kind(name) for name in self.targets}
        if kinds == {"classes"}:
            return "most frequent class"
        return "mean image" if kinds <= {"lines", "maps"} else "mean"

    @property
    def columns(self) -> list[str]:
        """Names of the numbers and drawn parameters that systems can be grouped by."""
        drawn = (label for labels in self._drawn().values() for label in labels)
        return [*self._numbers(), *drawn]

    def _numbers(self) -> list[str]:
        """Return the names of the data set's fields that are one number a system."""
        return [name for name, field in self.dataset.fields.items() if field.shape == ()]

    def _drawn(self) -> dict[str, list[str]]:
        """Return the fields that are vectors of named numbers, with a column's name for each."""
        taken = {"index", *self._numbers()}
        return {
            name: [f"{name}_{label}" if label in taken else label for label in field.labels]
            for name, field in self.dataset.fields.items()
            if field.labels and len(field.shape) == 1
        }

    def _fixed(self, name: str, values: Array) -> Array:
        """Return values without what a centered scaling leaves open."""
        scaling = self.pipeline.scalings[name]
        return scaling.inverse(scaling.forward(values)) if scaling.centered else values

    def _context(self) -> Context:
        """Return what metrics may need besides the fields: the box, and a density as weight."""
        densities = [values for name, values in self.inputs.items() if name.startswith("density")]
        return Context(
            length=box_length(self.dataset.metadata),
            density=densities[0] if densities else None,
        )


def _checked(name: str, values: Array, shape: tuple[int, ...]) -> Array:
    """Return the values of a field if they have the shape of training and are finite."""
    if values.shape[1:] != tuple(shape):
        raise DataError(
            f"the field {name!r} has shape {values.shape[1:]} in this data set, "
            f"but the model was trained on {tuple(shape)}"
        )
    if not len(values):
        raise DataError("this split of the data set is empty; choose another one")
    if not np.isfinite(values).all():
        raise DataError(f"the field {name!r} holds NaN or infinity; remove those samples")
    return values


def adversary(history: Mapping[str, Sequence[float]]) -> str | None:
    """Return what the discriminator contributed, from its losses; None without a discriminator."""
    names = ("discriminator_loss", "adversarial_loss")
    if not all(history.get(name) for name in names):
        return None
    losses = np.array([history[name] for name in names])
    n_epochs = losses.shape[1]
    decided = np.flatnonzero((np.abs(losses - _UNDECIDED) > _CLOSE).any(axis=0))
    first = int(decided[-1]) + 1 if decided.size else 0  # of the undecided epochs, from zero
    if first <= 3 * n_epochs // 4:
        return (
            f"the discriminator is undecided from epoch {first + 1} of {n_epochs} on: its loss and "
            f"the adversarial one are within {_CLOSE} of ln 2, so it cannot distinguish exact from "
            "predicted fields, and the model is a U-Net trained with the L1 loss"
        )
    late = float(losses[0, n_epochs // 2 :].mean())
    if late >= _UNDECIDED:
        return (
            f"the discriminator does no better than guessing (loss {late:.3g} in the last half of "
            f"the epochs, guessing has {_UNDECIDED:.3g})"
        )
    if late < _CERTAIN:
        return (
            f"the discriminator always wins (loss {late:.2g} in the last half of the epochs): it "
            "recognises every prediction, and its gradient carries little information"
        )
    return (
        f"the discriminator distinguishes exact from predicted fields in part (loss {late:.2g} in "
        f"the last half of the epochs; undecided is {_UNDECIDED:.3g})"
    )
