"""Measure the exact solver of a data set, and weigh a model against it."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from keras_qd.errors import PhysicsError, RunError
from keras_qd.evaluation.worth.exact import ExactSolver, exact_solver, seconds_to_make
from keras_qd.evaluation.worth.model_times import ModelTimes
from keras_qd.evaluation.worth.worth import Worth

if TYPE_CHECKING:
    from keras_qd.evaluation.trial import Trial
    from keras_qd.training.run import Run

_LOGGER = logging.getLogger(__name__)


def measure_worth(trials: Sequence[Trial], model: ModelTimes) -> Worth | None:
    """Measure the exact solver, and weigh the model against it.

    Parameters
    ----------
    trials : sequence of Trial
        The run, or the runs of an ensemble, on what they were judged on.
    model : ModelTimes
        What one prediction of them all takes.

    Returns
    -------
    Worth or None
        None where no solver here makes such data, or it refuses these systems.
    """
    first = trials[0]
    solver = _solver(first)
    if solver is None:
        return None
    potentials = first.dataset.split(first.split)["potential"]
    try:
        solver_seconds = solver.seconds(potentials)
    except PhysicsError as refusal:
        _LOGGER.warning("the exact solver refuses these systems, so it is not timed: %s", refusal)
        return None
    made = _made({str(each.run.config["data"].get("digest")): each.run for each in trials})
    return Worth(
        solver=solver.description,
        forward=list(first.inputs) == ["potential"],
        solver_seconds=solver_seconds,
        model=model,
        data_systems=made[0],
        data_seconds=made[1],
        training_seconds=_training_seconds([each.run for each in trials]),
        processors=os.cpu_count() or 1,
    )


def can_be_weighed(trial: Trial) -> bool:
    """Return whether there is an exact solver of what a run is judged on.

    Parameters
    ----------
    trial : Trial
        The run and the data.
    """
    return _solver(trial) is not None


def _solver(trial: Trial) -> ExactSolver | None:
    """Return the exact solver; None where there is none, or no potentials for it."""
    if "potential" not in trial.dataset.fields:
        return None
    wanted = [name for name in trial.targets if name != "potential"] or list(trial.inputs)
    return exact_solver(trial.dataset.metadata.get("configuration") or {}, wanted)


def _made(runs: Mapping[str, Run]) -> tuple[int, float | None]:
    """Return the systems of the runs' data sets, and the time that making them takes."""
    systems, seconds = 0, 0.0
    for run in runs.values():
        count = sum(run.config["samples"].values())
        each = seconds_to_make(run.config["data"].get("configuration") or {})
        systems, seconds = systems + count, seconds + count * (math.nan if each is None else each)
    return systems, None if math.isnan(seconds) else seconds


def _training_seconds(runs: Sequence[Run]) -> float | None:
    """Return the recorded time of the epochs of all runs; None where a run has no such record."""
    try:
        histories = [run.history() for run in runs]
    except RunError:
        return None
    if not all("seconds" in history for history in histories):
        return None
    return sum(sum(history["seconds"]) for history in histories)
