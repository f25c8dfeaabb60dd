"""How long a model takes for one system, alone and in a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_qd.evaluation.worth.timing import median_seconds

if TYPE_CHECKING:
    import keras

    from keras_qd.tasks import Pipeline


@dataclass(frozen=True)
class ModelTimes:
    """Median seconds a system, scaling and restoring included.

    Parameters
    ----------
    single : float
        Given one system at a time.
    batched : float
        Given `batch_size` systems at a time.
    batch_size : int
        Systems in a batch.
    """

    single: float
    batched: float
    batch_size: int

    def repeated(self, times: int) -> ModelTimes:
        """Return the times of going through the model so often."""
        return ModelTimes(self.single * times, self.batched * times, self.batch_size)

    def __add__(self, other: ModelTimes) -> ModelTimes:
        return ModelTimes(self.single + other.single, self.batched + other.batched, self.batch_size)


def time_model(
    model: keras.Model, pipeline: Pipeline, inputs: Mapping[str, Any], batch_size: int
) -> ModelTimes:
    """Measure how long a model takes, warmed up.

    Parameters
    ----------
    model : keras.Model
        The trained model.
    pipeline : Pipeline
        Its scalings and fields.
    inputs : mapping of str to array
        Input fields in physical units; repeated where they are fewer than a batch.
    batch_size : int
        Systems in a batch.
    """

    def seconds(size: int) -> float:
        part = {
            name: np.resize(inputs[name][:size], (size, *shape))
            for name, shape in pipeline.inputs.items()
        }

        def predict() -> object:
            return pipeline.restore(model.predict_on_batch(pipeline.scale_inputs(part)))

        return median_seconds(predict) / size

    return ModelTimes(seconds(1), seconds(batch_size), batch_size)
