"""The cost of a model compared with that of the exact solver of its data set.

The recipe of the data set runs and describes its own solver, so that any recipe that can do so is
compared: `solve_again` and `solver_description`.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import math
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from keras_qd.data.recipes import stored_recipe
from keras_qd.errors import PhysicsError, RunError

if TYPE_CHECKING:
    from keras_qd.data.recipes import Recipe
    from keras_qd.evaluation.case import Case
    from keras_qd.prediction._predict import Predictor
    from keras_qd.training.run import Run

Array = NDArray[Any]

_LOGGER = logging.getLogger(__name__)


class ExactSolver(Protocol):
    """A recipe that can solve its stored samples again, `batch` of them along the first axis."""

    identity: str
    conditions: tuple[str, ...]
    batch: int

    def solve_again(self, samples: Mapping[str, Array]) -> None:
        """Solve samples: `identity`, `conditions`, and the fields that are wanted."""

    def solver_description(self) -> str:
        """Return the method and its settings in a few words."""


@dataclass(frozen=True)
class ModelTimes:
    """Median seconds per system, scaling included: one at a time, and `batch_size` at a time."""

    single: float
    batched: float
    batch_size: int

    def repeated(self, times: int) -> ModelTimes:
        """Return the times of that many passes through the model."""
        return ModelTimes(self.single * times, self.batched * times, self.batch_size)

    def __add__(self, other: ModelTimes) -> ModelTimes:
        return ModelTimes(self.single + other.single, self.batched + other.batched, self.batch_size)


@dataclass(frozen=True)
class CostComparison:
    r"""Times of a model and of the exact solver, on one machine.

    With the seconds per system of the solver :math:`t_e` and of the model :math:`t_m`, the model
    pays off after :math:`m = (T_d + T_t) / (t_e - t_m)` predictions, where :math:`T_d` is the time
    of making the data and :math:`T_t` that of training: this follows from
    :math:`T_d + T_t + m\, t_m = m\, t_e`.

    Parameters
    ----------
    solver : str
        Description of the exact solver.
    forward : bool
        Whether the solver solves the model's problem. Otherwise it goes from the potential to the
        density and the model another way, for which there is no direct solver.
    solver_seconds : float
        Processor time of one system, with the settings of the data of the evaluation.
    model : ModelTimes
        Time of one system, alone and in a batch; of an ensemble or dropout, all draws together.
    data_systems : int
        Systems in the data set of the training, all splits.
    data_seconds : float, optional
        Processor time of making them; None if no installed recipe makes such data.
    training_seconds : float, optional
        Recorded duration of the epochs, on the machine of the training; None if not recorded.
    processors : int
        Processors of this machine.

    Examples
    --------
    >>> model = ModelTimes(single=0.01, batched=0.001, batch_size=64)
    >>> cost = CostComparison("exact", True, 0.11, model, 1000, 100.0, 900.0, 2)
    >>> round(cost.ratio), cost.break_even
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
    header: ClassVar[tuple[str, ...]] = ("method", "time per system", "times faster")

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Times and ratios as text, as the terminal and the report show them."""
        model = self.model
        return [
            ("exact solver", format_seconds(self.solver_seconds), ""),
            (
                "model, one system at a time",
                format_seconds(model.single),
                _format_ratio(self.ratio),
            ),
            (
                f"model, {model.batch_size} at a time",
                format_seconds(model.batched),
                _format_ratio(self.ratio_batched),
            ),
        ]

    @property
    def summary(self) -> str:
        """The solver, the time spent, and when the model pays off, in a few sentences."""
        solver = f"The solver: {self.solver}."
        if not self.forward:
            solver += (
                " It goes from the potential to the density and needs a potential: the model's "
                "direction has no direct solver, and inverting a density takes many such steps."
            )
        return f"{solver} {self._describe_costs()} {self._describe_break_even()}"

    @property
    def ratio(self) -> float:
        """How many times faster the model is with one system at a time."""
        return self.solver_seconds / self.model.single

    @property
    def ratio_batched(self) -> float:
        """How many times faster the model is in batches."""
        return self.solver_seconds / self.model.batched

    @property
    def break_even(self) -> int | None:
        """Predictions, one at a time, that pay for data and training; None if none ever do."""
        return self._pays_after(self.model.single)

    @property
    def break_even_batched(self) -> int | None:
        """Predictions, in batches, that pay for data and training; None if none ever do."""
        return self._pays_after(self.model.batched)

    def to_json(self) -> dict[str, Any]:
        """Return the fields and the derived numbers as plain values."""
        derived = ("ratio", "ratio_batched", "break_even", "break_even_batched")
        return {**dataclasses.asdict(self), **{name: getattr(self, name) for name in derived}}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> CostComparison:
        """Build a comparison from the result of :meth:`to_json`.

        Parameters
        ----------
        entry : mapping of str to object
            The result of :meth:`to_json`.

        Returns
        -------
        CostComparison
            Equal to the original.
        """
        values = {field.name: entry[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**values, "model": ModelTimes(**entry["model"])})

    def _pays_after(self, seconds: float) -> int | None:
        """Return the predictions of so many seconds each that pay for data and training."""
        saved = self.solver_seconds - seconds
        if saved <= 0 or self.data_seconds is None or self.training_seconds is None:
            return None
        return math.ceil((self.data_seconds + self.training_seconds) / saved)

    def _describe_costs(self) -> str:
        """Return what data and training cost, in a sentence."""
        if self.data_seconds is None or self.training_seconds is None:
            unknown = "making the data" if self.data_seconds is None else "the training"
            return f"The time that {unknown} took is unknown."
        return (
            f"Making the {self.data_systems} systems of the data set takes "
            f"{format_seconds(self.data_seconds)} of one processor here, and the training took "
            f"{format_seconds(self.training_seconds)} on its machine."
        )

    def _describe_break_even(self) -> str:
        """Return when the model pays off, in a sentence."""
        if self.ratio_batched <= 1:
            return "The solver is as fast: as its replacement, the model never pays off."
        if self.break_even_batched is None:
            return "When the model pays off is therefore unknown."
        alone = "never" if self.break_even is None else f"after {self.break_even}"
        return (
            f"The model pays off after {self.break_even_batched} predictions in batches "
            f"(one at a time: {alone})."
        )


def _format_ratio(ratio: float) -> str:
    """Return a ratio with two significant digits, a large one as a whole number."""
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.2g}"


def format_seconds(seconds: float) -> str:
    """Return a time with three significant digits in a suitable unit."""
    for factor, unit in ((1e6, "µs"), (1e3, "ms"), (1.0, "s"), (1 / 60, "min")):
        limit = 120 if unit in ("s", "min") else 1000
        if seconds * factor < limit:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds / 3600:.3g} h"


def median_seconds(
    work: Callable[[], object],
    *,
    clock: Callable[[], float] = time.perf_counter,
    budget: float = 1.0,
    most: int = 20,
) -> float:
    """Return the median time of at most `most` calls within a budget, after one for warming up."""
    work()
    times: list[float] = []
    while not times or (sum(times) < budget and len(times) < most):
        started = clock()
        work()
        times.append(clock() - started)
    return statistics.median(times)


def time_model(model: Predictor, inputs: Mapping[str, Any], batch_size: int) -> ModelTimes:
    """Measure predictions for physical inputs, repeated where they are fewer than a batch."""
    clock = _clock_for(model)

    def seconds(size: int) -> float:
        part = {
            name: np.resize(inputs[name][:size], (size, *shape)).astype(np.float32)
            for name, shape in model.pipeline.inputs.items()
        }

        def predict() -> object:
            return model.predict_on_batch(part)

        return median_seconds(predict, clock=clock) / size

    return ModelTimes(seconds(1), seconds(batch_size), batch_size)


def _clock_for(model: Predictor) -> Callable[[], float]:
    """Return the clock for a model: processor time on a CPU, elapsed time on an accelerator."""
    devices = {str(getattr(weight.value, "device", "cpu")).lower() for weight in model.weights}
    return time.process_time if all("cpu" in each for each in devices) else time.perf_counter


def time_solver(recipe: ExactSolver, samples: Mapping[str, Any]) -> float:
    """Return the processor time in which a recipe solves one of its stored samples again."""
    count = len(samples[recipe.identity])
    size = min(recipe.batch, count)
    starts = itertools.cycle(range(0, count - size + 1, size))

    def solve_next() -> None:
        first = next(starts)
        part = {name: np.asarray(values[first : first + size]) for name, values in samples.items()}
        recipe.solve_again(part)

    return median_seconds(solve_next, clock=time.process_time) / size


def time_generation(recipe: Recipe) -> float:
    """Return the processor time in which a recipe makes one sample."""
    starts = itertools.count(step=recipe.batch)

    def make_next() -> object:
        start = next(starts)
        return recipe.make(range(start, start + recipe.batch))

    return median_seconds(make_next, clock=time.process_time) / recipe.batch


def solver_of(case: Case) -> ExactSolver | None:
    """Return the recipe that can solve the systems of a case exactly, if there is one."""
    recipe = stored_recipe(case.dataset.metadata.get("configuration") or {})
    if recipe is None or recipe.identity not in case.dataset.fields:
        return None
    return cast("ExactSolver", recipe) if hasattr(recipe, "solve_again") else None


def compare_cost(cases: Sequence[Case], model: ModelTimes) -> CostComparison | None:
    """Compare the models of the cases with the exact solver; None without one, or if it refuses."""
    first = cases[0]
    recipe = solver_of(first)
    if recipe is None:
        return None
    given = (recipe.identity, *recipe.conditions)
    try:
        solver_seconds = time_solver(recipe, _samples(first, given))
    except PhysicsError as refusal:
        _LOGGER.warning("the exact solver refuses these systems, so it is not timed: %s", refusal)
        return None
    systems, data_seconds = _data_cost([each.run for each in cases])
    return CostComparison(
        solver=recipe.solver_description(),
        forward=set(first.inputs) == set(given),
        solver_seconds=solver_seconds,
        model=model,
        data_systems=systems,
        data_seconds=data_seconds,
        training_seconds=_training_seconds([each.run for each in cases]),
        processors=os.cpu_count() or 1,
    )


def _samples(case: Case, given: Sequence[str]) -> dict[str, Any]:
    """Return the stored input of the solver, with the fields that are wanted of it."""
    split = case.dataset.split(case.split)
    wanted = [name for name in case.targets if name not in given] or list(case.inputs)
    return {name: split[name] for name in dict.fromkeys([*given, *wanted])}


def _data_cost(runs: Sequence[Run]) -> tuple[int, float | None]:
    """Return the systems of the runs' data sets, each once, and the time of making them."""
    systems, seconds = 0, 0.0
    for run in {str(run.config["data"].get("digest")): run for run in runs}.values():
        count = sum(run.config["samples"].values())
        recipe = stored_recipe(run.config["data"].get("configuration") or {})
        systems += count
        seconds += count * (math.nan if recipe is None else time_generation(recipe))
    return systems, None if math.isnan(seconds) else seconds


def _training_seconds(runs: Sequence[Run]) -> float | None:
    """Return the recorded duration of the epochs of all runs; None if one has no record."""
    try:
        histories = [run.history() for run in runs]
    except RunError:
        return None
    if not all("seconds" in history for history in histories):
        return None
    return sum(sum(history["seconds"]) for history in histories)
