"""Have every run of an ensemble predict the same systems, once or with its dropout on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_qd.data.scaling import PROBABILITIES
from keras_qd.errors import UsageError
from keras_qd.evaluation.cost import ModelTimes, time_model
from keras_qd.evaluation.uncertainty import Draws
from keras_qd.prediction._predict import Predictor, iterate_predictions, symmetrized

if TYPE_CHECKING:
    import keras

    from keras_qd.evaluation.case import Trial
    from keras_qd.tasks.physical_model import PhysicalModel


#: Layers that do nothing but put noise on what they are given, in training alone.
_NOISY = (
    keras.layers.Dropout,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
)


def with_dropout(model: PhysicalModel, seed: int) -> PhysicalModel:
    """Return a model whose dropout stays on when it predicts.

    Parameters
    ----------
    model : PhysicalModel
        One whose network, or the generator of it, is a graph of layers.
    seed : int
        Of the masks, which differ from call to call.

    Returns
    -------
    PhysicalModel
        Shares the layers, weights included, of `model`. Normalisation layers go on predicting with
        their own statistics: a prediction does not depend on what else is in the batch.

    Raises
    ------
    UsageError
        If the model is no graph of layers, or none of them drops anything.

    References
    ----------
    P. Isola, J.-Y. Zhu, T. Zhou, A. A. Efros, CVPR (2017), arXiv:1611.07004, section 3.2.
    Y. Gal, Z. Ghahramani, ICML (2016), arXiv:1506.02142.
    """
    graph = model.predictor
    if not getattr(graph, "inputs", None):
        raise UsageError(
            f"the model {graph.name!r} is no graph of layers, whose dropout could be kept on"
        )
    seeds = np.random.default_rng([seed])
    noisy = [layer for layer in graph.layers if isinstance(layer, _NOISY)]
    if not noisy:
        raise UsageError(
            f"the model {graph.name!r} drops nothing: train it with dropout "
            "(for pix2pix and unet: --set model.dropout=0.5), or judge an ensemble of runs"
        )

    def keep_or_replace(layer: Any) -> Any:
        return _always(layer, int(seeds.integers(2**31))) if layer in noisy else layer

    # Without the class of the network, which knows only how to build itself anew.
    plain = keras.Model(graph.input, graph.output)
    return model.with_network(keras.models.clone_model(plain, clone_function=keep_or_replace))


def _always(layer: keras.layers.Layer, seed: int) -> keras.layers.Layer:
    """Return a layer like this one, with a seed of its own, that is always in training."""
    kind = type(layer)

    class Always(kind):  # type: ignore[misc, valid-type]
        def call(self, inputs: Any, training: bool = False) -> Any:
            return super().call(inputs, training=True)

    return Always.from_config({**layer.get_config(), "seed": seed})


Array = NDArray[Any]


@dataclass(frozen=True)
class Predicted:
    """What one or several runs predict.

    Parameters
    ----------
    draws : Draws
        Mean and spread of the target fields in physical units.
    fields : mapping of str to ndarray
        The mean; of classes the one with the highest mean probability.
    seconds : float
        Time that predicting took.
    times : ModelTimes, optional
        What one prediction takes, where it was measured.
    """

    draws: Draws
    fields: dict[str, Array]
    seconds: float
    times: ModelTimes | None


def predict_trials(
    trials: Sequence[Trial],
    *,
    batch_size: int,
    dropout_draws: int,
    symmetries: bool,
    seed: int,
    timed: bool,
) -> Predicted:
    """Predict the systems of the trials with all of their models.

    Parameters
    ----------
    trials : sequence of Trial
        Runs, on the same systems.
    batch_size : int
        Samples that go through a model at a time.
    dropout_draws : int
        How often each model predicts with its dropout on; 0 for once and without.
    symmetries : bool
        Whether each prediction is the mean over the symmetries of the task.
    seed : int
        Of the dropout.
    timed : bool
        Whether to measure what one prediction takes.

    Raises
    ------
    KerasQDError
        As of :func:`~keras_qd.evaluation._evaluate.evaluate`.
    """
    draws, seconds, times = Draws(), 0.0, []
    for number, trial in enumerate(trials):
        trained = trial.load_model()
        if dropout_draws:
            trained = with_dropout(trained, seed + number)
        model: Predictor = symmetrized(trained, trial.run.task) if symmetries else trained
        started = time.perf_counter()
        for _ in range(max(1, dropout_draws)):
            draws.add(_predict(trial, model, batch_size))
        seconds += time.perf_counter() - started
        if timed:
            each = time_model(model, trial.inputs, batch_size)
            times.append(each.repeated(max(1, dropout_draws)))
    fields = _with_classes(trials[0], draws.mean)
    return Predicted(draws, fields, seconds, sum(times[1:], times[0]) if times else None)


def _predict(trial: Trial, model: Predictor, batch_size: int) -> dict[str, Array]:
    """Return the predicted target fields in physical units, with 64 bits."""
    parts = list(iterate_predictions(model, trial.inputs, batch_size=batch_size))
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {
        name: values.astype(np.float64) if values.dtype.kind == "f" else values
        for name, values in found.items()
    }


def _with_classes(trial: Trial, mean: dict[str, Array]) -> dict[str, Array]:
    """Return the mean, with the most probable class where the mean of classes says nothing."""
    classes = {
        name: trial.pipeline.scalings[name].inverse(mean[f"{name}_{PROBABILITIES}"])
        for name in trial.targets
        if f"{name}_{PROBABILITIES}" in mean
    }
    return {**mean, **classes}
