"""Predictions as a stored data set: written shard by shard, and gone on with after a kill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from keras_qd.data import Field, Recipe
from keras_qd.evaluation.prediction import iterate_predictions

if TYPE_CHECKING:
    import keras

    from keras_qd.evaluation.symmetrized import Symmetrized
    from keras_qd.tasks import Pipeline


@dataclass(frozen=True)
class Predictor:
    """A trained model with all that it takes to apply it.

    Parameters
    ----------
    model : keras.Model or Symmetrized
        The model.
    pipeline : Pipeline
        Its scalings and fields.
    batch_size : int
        Samples that go through the model at a time.
    """

    model: keras.Model | Symmetrized
    pipeline: Pipeline
    batch_size: int

    def parts(self, inputs: Mapping[str, Any]) -> Iterator[dict[str, np.ndarray]]:
        """Yield the target fields of consecutive samples; see :func:`iterate_predictions`."""
        return iterate_predictions(self.model, self.pipeline, inputs, batch_size=self.batch_size)


@dataclass(frozen=True, kw_only=True)
class Predictions(Recipe):
    """What a model predicts for the samples of a file.

    Parameters
    ----------
    predictor : Predictor
        What predicts.
    inputs : mapping of str to array
        The input fields, read when they are asked for.
    described : mapping of str to Field
        What is predicted.
    described_source : mapping
        Which model, and which input: the same again gives the same store.
    """

    kind: ClassVar[str] = "predictions"
    version: ClassVar[int] = 1

    predictor: Predictor
    inputs: Mapping[str, Any]
    described: Mapping[str, Field]
    described_source: Mapping[str, Any]

    def __post_init__(self) -> None:
        # Those of other recipes belong to the class; here they depend on what is predicted.
        object.__setattr__(self, "identity", next(iter(self.described)))
        object.__setattr__(self, "batch", self.shard_samples)

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of a sample, by name."""
        return self.described

    @property
    def n_samples(self) -> int:
        """How many samples there are."""
        return int(next(iter(self.inputs.values())).shape[0])

    def settings(self) -> dict[str, Any]:
        """Return which model and which input, as plain JSON."""
        return dict(self.described_source)

    def make(self, indices: range) -> dict[str, np.ndarray]:
        """Predict samples; see :meth:`Recipe.make`. Beyond the last one it is repeated."""
        stop = min(indices.stop, self.n_samples)
        part = {name: values[indices.start : stop] for name, values in self.inputs.items()}
        found = list(self.predictor.parts(part))
        missing = indices.stop - stop
        made = {name: np.concatenate([each[name] for each in found]) for name in self.described}
        return {
            name: np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])
            for name, values in made.items()
        }
