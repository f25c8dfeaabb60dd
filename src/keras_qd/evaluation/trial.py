"""One trained model on one split of one data set: what goes in, what should come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.datasets.scalings.one_hot import PROBABILITIES
from keras_qd.errors import DataError, UnknownNameError
from keras_qd.evaluation.physical import box_length
from keras_qd.evaluation.scores import Comparison
from keras_qd.metrics.measure import Context

if TYPE_CHECKING:
    from keras_qd.datasets import Dataset
    from keras_qd.training.run import Run

Array = NDArray[Any]

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Trial:
    """One trained model on one split of one data set.

    Parameters
    ----------
    run : Run
        The run that the model is of.
    dataset : Dataset
        The data, of the run or another.
    split : str
        ``"test"``, ``"validation"`` or ``"train"``.

    Raises
    ------
    UnknownNameError
        If there is no such split.
    """

    run: Run
    dataset: Dataset
    split: str

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise UnknownNameError("split", self.split, SPLITS)

    @cached_property
    def fields(self) -> dict[str, Array]:
        """The input and target fields of the split, in physical units.

        Raises
        ------
        DataError
            If a field is missing, has another shape than in training, holds values that are not
            finite, or if there are no samples.
        """
        pipeline, split = self.run.pipeline(), self.dataset.split(self.split)
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
        return {name: self.fields[name] for name in self.run.pipeline().inputs}

    @cached_property
    def targets(self) -> dict[str, Array]:
        """The exact target fields, without what the scaling leaves open.

        That is the mean of each sample, where the scaling is centered: a potential is the same with
        any constant added, so the constant must not count as an error.
        """
        return {name: self._fixed(name, self.fields[name]) for name in self.run.pipeline().targets}

    @property
    def own(self) -> bool:
        """Whether the data set is the one that the run was trained on."""
        return bool(self.dataset.metadata.get("digest") == self.run.config["data"].get("digest"))

    @property
    def folder(self) -> Path:
        """Where the findings are kept: the run directory for the test split of its own data."""
        if self.own and self.split == "test":
            return self.run.path
        digest = str(self.dataset.metadata.get("digest") or "unknown").rpartition(":")[2]
        return self.run.path / "evaluations" / f"{self.split}-{digest[:12]}"

    def comparisons(self, prediction: Mapping[str, Array]) -> list[Comparison]:
        """Return what is to be compared: each target field in physical units and scaled.

        Classes are compared once: with the probabilities that the model gives them.

        Parameters
        ----------
        prediction : mapping of str to ndarray
            The predicted target fields in physical units, and the probabilities of classes.
        """
        return [each for name in self.targets for each in self._comparisons(name, prediction)]

    def _comparisons(self, name: str, prediction: Mapping[str, Array]) -> Iterator[Comparison]:
        unit, context = self.dataset.fields[name].unit, self._context()
        exact, baseline = self.targets[name], self._baseline(name)
        probabilities = prediction.get(f"{name}_{PROBABILITIES}")
        if probabilities is not None:
            yield Comparison(name, "physical", unit, exact, probabilities, baseline, context)
            return
        values = (exact, prediction[name], baseline)
        yield Comparison(name, "physical", unit, *values, context)
        forward = self.run.pipeline().scalings[name].forward
        scaled = (forward(values[0]), forward(values[1]), forward(values[2]))
        yield Comparison(name, "scaled", "", *scaled, context)

    def _baseline(self, name: str) -> Array:
        """Return the trivial prediction: that of the run's training split, whatever the input.

        On other data it is their training split that is looked at, which favours the baseline.
        """
        training = self.dataset.split("train")[name]  # perhaps larger than memory
        single = self.run.pipeline().scalings[name].baseline(training)
        return np.broadcast_to(single, (self.n_samples, *single.shape[1:]))

    def table(self) -> dict[str, Array]:
        """Return the index of each system and the data set's numbers on it, by column."""
        split = self.dataset.split(self.split)
        columns = {name: np.asarray(split[name]) for name in self._numbers()}
        return {"index": np.arange(self.n_samples), **columns}

    def describe(self) -> dict[str, Any]:
        """Return what the model is judged on, as plain values."""
        return {
            "split": self.split,
            "n_samples": self.n_samples,
            "digest": self.dataset.metadata.get("digest"),
            "own": self.own,
            "length": box_length(self.dataset.metadata),
            "units": {name: self.dataset.fields[name].unit for name in self._numbers()},
            "notice": self.dataset.metadata.get("notice"),
        }

    def _numbers(self) -> list[str]:
        """Return the names of the data set's fields that are one number a system."""
        return [name for name, field in self.dataset.fields.items() if field.shape == ()]

    def _fixed(self, name: str, values: Array) -> Array:
        scaling = self.run.pipeline().scalings[name]
        return scaling.inverse(scaling.forward(values)) if scaling.centered else values

    def _context(self) -> Context:
        """Return what metrics may need beside the fields: the box, and a density as weight."""
        densities = [values for name, values in self.inputs.items() if name.startswith("density")]
        return Context(
            length=box_length(self.dataset.metadata),
            density=densities[0] if densities else None,
        )


def _checked(name: str, values: Array, shape: tuple[int, ...]) -> Array:
    """Return `values`, or raise a DataError that says what is wrong with them."""
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
