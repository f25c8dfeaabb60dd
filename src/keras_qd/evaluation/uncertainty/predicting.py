"""Have every run of an ensemble predict the same systems, once or with its dropout on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.datasets.scalings.one_hot import PROBABILITIES
from keras_qd.evaluation.prediction import iterate_predictions
from keras_qd.evaluation.symmetrized import symmetrized
from keras_qd.evaluation.uncertainty.draws import Draws
from keras_qd.evaluation.worth.model_times import ModelTimes, time_model

if TYPE_CHECKING:
    import keras

    from keras_qd.evaluation.trial import Trial

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
        As of :func:`~keras_qd.evaluation.evaluating.evaluate`.
    """
    draws, seconds, times = Draws(), 0.0, []
    for number, trial in enumerate(trials):
        model = trial.load_model()
        if dropout_draws:
            from keras_qd.evaluation.uncertainty.dropout import with_dropout

            model = with_dropout(model, seed + number)
        if symmetries:
            model = symmetrized(model, trial.run.task())
        started = time.perf_counter()
        for _ in range(max(1, dropout_draws)):
            draws.add(_predict(trial, model, batch_size))
        seconds += time.perf_counter() - started
        if timed:
            each = time_model(model, trial.pipeline, trial.inputs, batch_size)
            times.append(each.repeated(max(1, dropout_draws)))
    fields = _with_classes(trials[0], draws.mean)
    return Predicted(draws, fields, seconds, sum(times[1:], times[0]) if times else None)


def _predict(trial: Trial, model: keras.Model, batch_size: int) -> dict[str, Array]:
    """Return the predicted target fields in physical units."""
    parts = list(iterate_predictions(model, trial.pipeline, trial.inputs, batch_size=batch_size))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _with_classes(trial: Trial, mean: dict[str, Array]) -> dict[str, Array]:
    """Return the mean, with the most probable class where the mean of classes says nothing."""
    classes = {
        name: trial.pipeline.scalings[name].inverse(mean[f"{name}_{PROBABILITIES}"])
        for name in trial.targets
        if f"{name}_{PROBABILITIES}" in mean
    }
    return {**mean, **classes}
