"""Predictions of one or several runs for the same systems, also repeated with dropout on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.prediction._predict import Predictor, iterate_predictions, symmetrized

if TYPE_CHECKING:
    from keras_qd.evaluation.case import Case
    from keras_qd.evaluation.cost import Stopwatch
    from keras_qd.tasks.physical_model import PhysicalModel


Array = NDArray[Any]


class Draws:
    """Mean and spread of predictions, updated one by one."""

    # B. P. Welford, Technometrics 4, 419 (1962), doi:10.1080/00401706.1962.10490022.

    def __init__(self) -> None:
        self.count = 0
        self.mean: dict[str, Array] = {}
        self._squares: dict[str, Array] = {}

    def add(self, prediction: Mapping[str, Array]) -> None:
        """Add one prediction of all systems: fields (n, ...) by name."""
        self.count += 1
        if self.count == 1:
            self.mean = dict(prediction)
            return
        for name, values in prediction.items():
            step = values - self.mean[name]
            self.mean[name] = self.mean[name] + step / self.count
            squares = step * (values - self.mean[name])
            self._squares[name] = self._squares.get(name, 0.0) + squares

    @property
    def spread(self) -> dict[str, Array]:
        """The standard deviation of every value over the draws; empty for a single draw."""
        return {name: np.sqrt(each / (self.count - 1)) for name, each in self._squares.items()}


#: Layers that add noise to their input during training and are the identity otherwise.
_NOISY = (
    keras.layers.Dropout,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
)


def with_dropout(model: PhysicalModel, seed: int) -> PhysicalModel:
    """Return a model with the layers of `model` whose dropout stays on in prediction."""
    # Y. Gal, Z. Ghahramani, ICML (2016), arXiv:1506.02142. Normalisation layers keep their own
    # statistics, so that a prediction does not depend on the rest of the batch.
    graph = model.predictor
    if not getattr(graph, "inputs", None):
        raise UsageError(
            f"the model {graph.name!r} is not a graph of layers, so its dropout cannot be kept on"
        )
    seeds = np.random.default_rng([seed])
    noisy = [layer for layer in graph.layers if isinstance(layer, _NOISY)]
    if not noisy:
        raise UsageError(
            f"the model {graph.name!r} has no dropout: train it with dropout "
            "(for pix2pix and unet: --set model.dropout=0.5), or evaluate an ensemble of runs"
        )

    def keep_or_replace(layer: Any) -> Any:
        return _always(layer, int(seeds.integers(2**31))) if layer in noisy else layer

    # Without the class of the network, which can only rebuild itself.
    plain = keras.Model(graph.input, graph.output)
    return model.with_network(keras.models.clone_model(plain, clone_function=keep_or_replace))


def _always(layer: keras.layers.Layer, seed: int) -> keras.layers.Layer:
    """Return a layer like this one with its own seed that is always in training mode."""
    kind = type(layer)

    class Always(kind):  # type: ignore[misc, valid-type]
        def call(self, inputs: Any, training: bool = False) -> Any:
            return super().call(inputs, training=True)

    return Always.from_config({**layer.get_config(), "seed": seed})


@dataclass(frozen=True)
class Predicted:
    """Predictions in physical units: draws, and their mean (of classes the most probable)."""

    draws: Draws
    fields: dict[str, Array]
    seconds: float


def predict_cases(
    cases: Sequence[Case],
    *,
    batch_size: int,
    dropout_draws: int,
    symmetries: bool,
    seed: int,
    stopwatch: Stopwatch | None,
) -> Predicted:
    """Predict the systems of the cases with all of their models, `dropout_draws` times each."""
    draws, seconds = Draws(), 0.0
    for number, case in enumerate(cases):
        trained = case.load_model()
        if dropout_draws:
            trained = with_dropout(trained, seed + number)
        model: Predictor = symmetrized(trained, case.run.task) if symmetries else trained
        started = time.perf_counter()
        for _ in range(max(1, dropout_draws)):
            draws.add(_predict(case, model, batch_size))
        seconds += time.perf_counter() - started
        if stopwatch is not None:
            stopwatch.add(model, case.inputs, batch_size, max(1, dropout_draws))
    fields = _with_classes(cases[0], draws.mean)
    return Predicted(draws, fields, seconds)


def _predict(case: Case, model: Predictor, batch_size: int) -> dict[str, Array]:
    """Return the predicted target fields in physical units, in double precision."""
    parts = list(iterate_predictions(model, case.inputs, batch_size=batch_size))
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {
        name: values.astype(np.float64) if values.dtype.kind == "f" else values
        for name, values in found.items()
    }


def _with_classes(case: Case, mean: dict[str, Array]) -> dict[str, Array]:
    """Return the mean, with the most probable class in place of the mean of class numbers."""
    scalings = case.pipeline.scalings
    classes = {
        name: scalings[name].inverse(case.probabilities(name, mean))
        for name in case.targets
        if scalings[name].categorical
    }
    return {**mean, **classes}
