"""The cost of a model compared with that of the exact solver of its data set.

Both run on one thread and in turn, and the time is that of the processor: other programs on the
machine affect neither. Times of the model are medians of the repeats; those of the solver, which
differ from system to system, are means.

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
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from keras_qd.data.recipes import stored_recipe
from keras_qd.errors import PhysicsError, RunError

if TYPE_CHECKING:
    from keras_qd.data.recipes import Recipe
    from keras_qd.evaluation.case import Case
    from keras_qd.prediction._predict import Predictor
    from keras_qd.training.run import Run

Array = NDArray[Any]

_LOGGER = logging.getLogger(__name__)

#: Repeats at least, also of what takes long.
_LEAST = 3


class ExactSolver(Protocol):
    """A recipe that can solve its stored samples again, `batch` of them along the first axis."""

    identity: str
    conditions: tuple[str, ...]
    batch: int

    def solve_again(self, samples: Mapping[str, Array]) -> None:
        """Solve samples: `identity`, `conditions`, and the fields that are wanted."""

    def solver_description(self) -> str:
        """Return the method and its settings in a few words."""


#: Smallest and largest of repeated times.
Range: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class ModelTimes:
    """Median seconds per system, scaling included, with ranges: alone, and `batch_size` at once."""

    single: float
    batched: float
    batch_size: int
    single_range: Range | None = None
    batched_range: Range | None = None

    def __post_init__(self) -> None:
        for name in ("single_range", "batched_range"):
            object.__setattr__(self, name, _as_range(getattr(self, name)))

    def repeated(self, times: int) -> ModelTimes:
        """Return the times of that many passes through the model."""
        total = self
        for _ in range(times - 1):
            total = total + self
        return total

    def __add__(self, other: ModelTimes) -> ModelTimes:
        return ModelTimes(
            self.single + other.single,
            self.batched + other.batched,
            self.batch_size,
            _sum(self.single_range, other.single_range),
            _sum(self.batched_range, other.batched_range),
        )


def _as_range(value: Any) -> Range | None:
    """Return a pair of numbers, which JSON makes a list."""
    return None if value is None else (float(value[0]), float(value[1]))


def _sum(one: Range | None, other: Range | None) -> Range | None:
    return None if one is None or other is None else (one[0] + other[0], one[1] + other[1])


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
        Mean processor time of a system, with the settings of the data of the evaluation.
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
    solver_range : tuple of float, optional
        Shortest and longest of the times of the solver.

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
    solver_range: Range | None = None

    #: The columns of :attr:`rows`.
    header: ClassVar[tuple[str, ...]] = ("method", "time per system", "range", "times faster")

    @property
    def rows(self) -> list[tuple[str, str, str, str]]:
        """Times, ranges and ratios as text, as the terminal and the report show them."""
        model = self.model
        several = f"model, {model.batch_size} at a time"
        found = [
            ("exact solver", self.solver_seconds, self.solver_range, ""),
            (
                "model, one system at a time",
                model.single,
                model.single_range,
                _format_ratio(self.ratio),
            ),
            (several, model.batched, model.batched_range, _format_ratio(self.ratio_batched)),
        ]
        return [
            (name, format_seconds(seconds), _format_range(span), ratio)
            for name, seconds, span, ratio in found
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
        values["solver_range"] = _as_range(values["solver_range"])
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


def _format_range(span: Range | None) -> str:
    return "" if span is None else " to ".join(map(format_seconds, span))


def format_seconds(seconds: float) -> str:
    """Return a time with three significant digits in a suitable unit."""
    for factor, unit in ((1e6, "µs"), (1e3, "ms"), (1.0, "s"), (1 / 60, "min")):
        limit = 120 if unit in ("s", "min") else 1000
        if seconds * factor < limit:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds / 3600:.3g} h"


def times_in_turn(
    works: Sequence[tuple[Callable[[], object], Callable[[], float]]],
    *,
    budget: float = 1.0,
    most: int = 20,
) -> list[list[float]]:
    """Return the times of repeated calls of each work by its clock, after one for warming up."""
    # On one thread each; all stop once one has used up its budget of seconds or of calls.
    times: list[list[float]] = [[] for _ in works]
    with one_thread():
        for work, _ in works:
            work()
        while len(times[0]) < min(_LEAST, most) or (
            len(times[0]) < most and max(map(sum, times)) < budget
        ):
            for (work, clock), found in zip(works, times, strict=True):
                started = clock()
                work()
                found.append(clock() - started)
    return times


@contextmanager
def one_thread() -> Iterator[None]:
    """Let numerical libraries use one thread, as far as they still allow it."""
    # XLA and TensorFlow fix their threads when they start; processor time counts those of all.
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch is not None else 0
    with threadpool_limits(1):
        if torch is not None:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(before)


class Stopwatch:
    """Times the models of cases and the exact solver of their systems, in turn."""

    def __init__(self, case: Case, recipe: ExactSolver) -> None:
        self._recipe = recipe
        self._given = (recipe.identity, *recipe.conditions)
        self._samples = _samples(case, self._given)
        self._models: list[ModelTimes] = []
        self._solver: list[float] = []
        self._refused = False

    def add(
        self, model: Predictor, inputs: Mapping[str, Any], batch_size: int, passes: int
    ) -> None:
        """Time a model that goes over the inputs so many times, and the solver beside it."""
        if self._refused:
            return
        clock = _clock_for(model)
        solve, size = _solving(self._recipe, self._samples)
        works = [
            (_predicting(model, inputs, 1), clock),
            (_predicting(model, inputs, batch_size), clock),
            (solve, time.process_time),
        ]
        try:
            single, batched, solver = times_in_turn(works)
        except PhysicsError as refusal:
            self._refused = True
            _LOGGER.warning(
                "the exact solver refuses these systems, so it is not timed: %s", refusal
            )
            return
        batched = [each / batch_size for each in batched]
        times = ModelTimes(
            statistics.median(single),
            statistics.median(batched),
            batch_size,
            (min(single), max(single)),
            (min(batched), max(batched)),
        )
        self._models.append(times.repeated(passes))
        self._solver += [each / size for each in solver]

    def compare(self, cases: Sequence[Case]) -> CostComparison | None:
        """Return the comparison of all models with the solver; None if that refuses."""
        if self._refused:
            return None
        systems, data_seconds = _data_cost([each.run for each in cases])
        return CostComparison(
            solver=self._recipe.solver_description(),
            forward=set(cases[0].inputs) == set(self._given),
            solver_seconds=statistics.fmean(self._solver),
            model=sum(self._models[1:], self._models[0]),
            data_systems=systems,
            data_seconds=data_seconds,
            training_seconds=_training_seconds([each.run for each in cases]),
            processors=os.cpu_count() or 1,
            solver_range=(min(self._solver), max(self._solver)),
        )


def _predicting(model: Predictor, inputs: Mapping[str, Any], size: int) -> Callable[[], object]:
    """Return what predicts a batch of physical inputs, repeated where they are fewer."""
    part = {
        name: np.resize(inputs[name][:size], (size, *shape)).astype(np.float32)
        for name, shape in model.pipeline.inputs.items()
    }
    return lambda: model.predict_on_batch(part)


def _clock_for(model: Predictor) -> Callable[[], float]:
    """Return the clock for a model: processor time on a CPU, elapsed time on an accelerator."""
    devices = {str(getattr(weight.value, "device", "cpu")).lower() for weight in model.weights}
    return time.process_time if all("cpu" in each for each in devices) else time.perf_counter


def _solving(recipe: ExactSolver, samples: Mapping[str, Any]) -> tuple[Callable[[], object], int]:
    """Return what solves the next of the stored samples again, and how many at a time."""
    count = len(samples[recipe.identity])
    size = min(recipe.batch, count)
    starts = itertools.cycle(range(0, count - size + 1, size))

    def solve_next() -> None:
        first = next(starts)
        part = {name: np.asarray(values[first : first + size]) for name, values in samples.items()}
        recipe.solve_again(part)

    return solve_next, size


def time_generation(recipe: Recipe) -> float:
    """Return the mean processor time in which a recipe makes a sample."""
    starts = itertools.count(step=recipe.batch)

    def make_next() -> object:
        start = next(starts)
        return recipe.make(range(start, start + recipe.batch))

    (times,) = times_in_turn([(make_next, time.process_time)], most=100)
    return statistics.fmean(times) / recipe.batch


def solver_of(case: Case) -> ExactSolver | None:
    """Return the recipe that can solve the systems of a case exactly, if there is one."""
    recipe = stored_recipe(case.dataset.metadata.get("configuration") or {})
    if recipe is None or recipe.identity not in case.dataset.fields:
        return None
    return cast("ExactSolver", recipe) if hasattr(recipe, "solve_again") else None


def stopwatch_for(case: Case) -> Stopwatch | None:
    """Return what times models against the exact solver of a case, if there is one."""
    recipe = solver_of(case)
    return None if recipe is None else Stopwatch(case, recipe)


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
