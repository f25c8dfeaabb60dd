"""Measure the exact solver of a data set, and weigh a model against it."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import math
import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from keras_qd.data.recipes import stored_recipe
from keras_qd.errors import PhysicsError, RunError
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.line.solver import solve_1d
from keras_qd.physics.solver import Solver

if TYPE_CHECKING:
    import keras

    from keras_qd.evaluation.case import Trial
    from keras_qd.tasks.pipeline import Pipeline
    from keras_qd.training.run import Run


def median_seconds(work: Callable[[], object], *, budget: float = 1.0, most: int = 20) -> float:
    """Return the median time that `work` takes, after one call that is not counted.

    Parameters
    ----------
    work : callable
        What is measured. Its first call may compile, or make tables.
    budget : float
        Seconds after which no more calls are made; one is made in any case.
    most : int
        Calls that are made at most.

    Examples
    --------
    >>> 0 < median_seconds(lambda: sum(range(1000)), most=3) < 1
    True
    """
    work()
    taken: list[float] = []
    while not taken or (sum(taken) < budget and len(taken) < most):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


Array = NDArray[Any]

#: Systems on a line are solved so many at a time, as when data is made.
_LINES_AT_A_TIME = 512


@dataclass(frozen=True)
class ExactSolver:
    """What solves the systems of a data set exactly.

    Parameters
    ----------
    description : str
        What it solves, in
    solve : callable
        Solves the potentials of some systems, shape (m, ...).
    batch : int
        How many it is given at a time.
    """

    description: str
    solve: Callable[[Array], object]
    batch: int

    def seconds(self, potentials: Any) -> float:
        """Return the median time that one system takes.

        Parameters
        ----------
        potentials : array, shape (n, ...)
            Systems to try it on, in Ha*; they are taken in turn.
        """
        size = min(self.batch, len(potentials))
        starts = itertools.cycle(range(0, len(potentials) - size + 1, size))

        def next_ones() -> object:
            first = next(starts)
            return self.solve(np.asarray(potentials[first : first + size], dtype=np.float64))

        return median_seconds(next_ones) / size


def exact_solver(configuration: Mapping[str, Any], fields: Iterable[str]) -> ExactSolver | None:
    """Return the solver that made a data set; None for data that no solver here makes.

    Parameters
    ----------
    configuration : mapping
        Of the data set, as its store keeps it.
    fields : iterable of str
        The fields that are wanted: those of electrons without interaction cost less.
    """
    kind = configuration.get("kind")
    if kind == "quantum-dots":
        return _dots(configuration, fields)
    return _wells(configuration) if kind == "wells-1d" else None


def _dots(configuration: Mapping[str, Any], fields: Iterable[str]) -> ExactSolver:
    interaction = Interaction(
        *(configuration[key] for key in ("interaction", "thickness", "screening_length"))
    )
    solver = Solver(
        Box(configuration["box_length"]),
        configuration["n_electrons"],
        interaction,
        configuration["n_orbitals"],
        configuration["strength"],
    )
    free = all(name.endswith("_noninteracting") for name in fields)
    solve = solver.solve_noninteracting if free else solver.solve
    pixels = configuration["n_pixels"]
    what = "no interaction" if free else f"interaction {interaction.name}"
    description = (
        f"exact diagonalisation, N = {solver.n_electrons}, M = {configuration['n_orbitals']}, "
        f"{pixels} x {pixels} pixels, L = {configuration['box_length']:g} a0*, {what}"
    )
    return ExactSolver(description, lambda potentials: [solve(each) for each in potentials], 1)


def _wells(configuration: Mapping[str, Any]) -> ExactSolver:
    length = configuration["length"]
    description = (
        f"Numerov's matrix, one electron on {configuration['n_points']} points, L = {length:g} "
        f"a0*, {_LINES_AT_A_TIME} at a time"
    )
    return ExactSolver(description, lambda each: solve_1d(each, length), _LINES_AT_A_TIME)


def seconds_to_make(configuration: Mapping[str, Any]) -> float | None:
    """Return the time that making one sample of a data set takes; None where nothing here makes it.

    Parameters
    ----------
    configuration : mapping
        Of the data set, as its store keeps it.
    """
    recipe = stored_recipe(configuration)
    if recipe is None:
        return None
    starts = itertools.count(step=recipe.batch)

    def next_batch() -> object:
        start = next(starts)
        return recipe.make(range(start, start + recipe.batch))

    return median_seconds(next_batch) / recipe.batch


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


def rows(worth: Worth) -> list[tuple[str, str, str]]:
    """Return the times of solver and model, and how many times faster the model is.

    Parameters
    ----------
    worth : Worth
        What was measured.
    """
    model = worth.model
    return [
        ("exact solver", say_seconds(worth.solver_seconds), ""),
        ("model, one system at a time", say_seconds(model.single), say_ratio(worth.ratio)),
        (
            f"model, {model.batch_size} at a time",
            say_seconds(model.batched),
            say_ratio(worth.ratio_batched),
        ),
    ]


def verdict(worth: Worth) -> str:
    """Return in a few sentences when the model pays.

    Parameters
    ----------
    worth : Worth
        What was measured.
    """
    solver = f"The solver: {worth.solver}."
    if not worth.forward:
        solver += (
            " It goes from the potential to the density, for which a potential must be at hand: "
            "the model's way has no direct solver, and inverting a density takes many such steps."
        )
    return f"{solver} {_costs(worth)} {_pays(worth)}"


def _costs(worth: Worth) -> str:
    if worth.data_seconds is None or worth.training_seconds is None:
        what = "making the data" if worth.data_seconds is None else "the training"
        return f"How long {what} took is not known."
    return (
        f"Making the {worth.data_systems} systems of the data set takes "
        f"{say_seconds(worth.data_seconds)} in one process here, and the training took "
        f"{say_seconds(worth.training_seconds)} where it ran."
    )


def _pays(worth: Worth) -> str:
    if worth.ratio_batched <= 1:
        return "The solver is as fast: as a replacement of it, the model never pays."
    if worth.break_even_batched is None:
        return "When the model pays is not known, therefore."
    alone = "never" if worth.break_even is None else f"after {worth.break_even}"
    return (
        f"Both are paid for after {worth.break_even_batched} predictions in batches "
        f"(one at a time: {alone})."
    )


def say_ratio(ratio: float) -> str:
    """Return a ratio with two significant digits, but whole where it is large.

    Examples
    --------
    >>> say_ratio(0.1234), say_ratio(9.87), say_ratio(1234.5)
    ('0.12', '9.9', '1234')
    """
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.2g}"


def say_seconds(seconds: float) -> str:
    """Return a time with three significant digits, in the unit that suits it.

    Examples
    --------
    >>> say_seconds(0.0123), say_seconds(2.6e-5), say_seconds(93.4), say_seconds(7500)
    ('12.3 ms', '26 µs', '93.4 s', '2.08 h')
    """
    for factor, unit in ((1e6, "µs"), (1e3, "ms"), (1.0, "s"), (1 / 60, "min")):
        limit = 120 if unit in ("s", "min") else 1000
        if seconds * factor < limit:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds / 3600:.3g} h"


@dataclass(frozen=True)
class Worth:
    r"""Times of a model and of the exact solver, on one machine.

    With the seconds a system of the solver :math:`t_e` and of the model :math:`t_m`, the model pays
    from the prediction number :math:`(T_d + T_t) / (t_e - t_m)` on, where :math:`T_d` is the time
    that making the data takes and :math:`T_t` that of the training: derived here from
    :math:`T_d + T_t + m\, t_m = m\, t_e` for m predictions.

    Parameters
    ----------
    solver : str
        The exact solver, in
    forward : bool
        Whether the solver solves what the model predicts. Otherwise it goes from the potential to
        the density, and the model another way, for which there is no direct solver.
    solver_seconds : float
        One system, solved with the settings of the data that the model was judged on.
    model : ModelTimes
        One system, alone and in a batch; of an ensemble or of dropout, all its draws together.
    data_systems : int
        Systems that were made to train, validate and test with.
    data_seconds : float, optional
        Time that making them takes one process here; None where nothing here makes such data.
    training_seconds : float, optional
        Time that the epochs took, as the run recorded it on the machine that it was trained on;
        None where it did not.
    processors : int
        Processors of the machine.

    Examples
    --------
    >>> model = ModelTimes(single=0.01, batched=0.001, batch_size=64)
    >>> worth = Worth("exact", True, 0.11, model, 1000, 100.0, 900.0, 2)
    >>> round(worth.ratio), worth.break_even
    (11, 10000)
    """

    solver: str
    forward: bool
    solver_seconds: float
    model: ModelTimes
    data_systems: int
    data_seconds: float | None
    training_seconds: float | None
    processors: int

    #: The columns of :attr:`rows`.
    header: ClassVar[tuple[str, ...]] = ("what", "time a system", "times faster")

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Times and ratios in words, as the terminal and the report show them."""
        return rows(self)

    @property
    def verdict(self) -> str:
        """What the solver is, what was spent, and when the model pays, in a few sentences."""
        return verdict(self)

    @property
    def ratio(self) -> float:
        """How many times faster the model is, given one system at a time."""
        return self.solver_seconds / self.model.single

    @property
    def ratio_batched(self) -> float:
        """How many times faster the model is in batches."""
        return self.solver_seconds / self.model.batched

    @property
    def break_even(self) -> int | None:
        """Predictions one at a time that pay for data and training; None if none ever do."""
        return self._pays_after(self.model.single)

    @property
    def break_even_batched(self) -> int | None:
        """Predictions in batches that pay for data and training; None if none ever do."""
        return self._pays_after(self.model.batched)

    def _pays_after(self, seconds: float) -> int | None:
        saved = self.solver_seconds - seconds
        if saved <= 0 or self.data_seconds is None or self.training_seconds is None:
            return None
        return math.ceil((self.data_seconds + self.training_seconds) / saved)

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values, what follows from the times included."""
        derived = ("ratio", "ratio_batched", "break_even", "break_even_batched")
        return {**dataclasses.asdict(self), **{name: getattr(self, name) for name in derived}}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Worth:
        """Make it from what :meth:`to_json` returned.

        Parameters
        ----------
        entry : mapping of str to object
            What :meth:`to_json` returned.

        Returns
        -------
        Worth
            Equal to the one it was.
        """
        values = {field.name: entry[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**values, "model": ModelTimes(**entry["model"])})


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
