"""Apply a trained model: physical fields in, physical fields out, with error bars on request."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd._checks import number, read_json, table
from keras_qd._files import write_json
from keras_qd.data.augmentation import build_augmentation
from keras_qd.data.fields import Field
from keras_qd.errors import DataError, UsageError
from keras_qd.tasks.pipeline import Tensors, as_samples, each, leaves

if TYPE_CHECKING:
    import keras

    from keras_qd.tasks.physical_model import PhysicalModel
    from keras_qd.tasks.pipeline import Pipeline
    from keras_qd.tasks.task import Task
    from keras_qd.training.run import Run
    from keras_qd.weights import Pretrained


Array = NDArray[Any]

#: Batches that are read and predicted at once; fewer where they are large, so that a block takes
#: little memory.
_BATCHES_A_BLOCK = 16
_BLOCK_BYTES = 2**25


#: Kind of type -> the type of predictions.
_SHORT = {"f": np.float32, "i": np.int32}


class Predictor(Protocol):
    """What predictions are made with: a :class:`PhysicalModel`, or what averages over several."""

    @property
    def pipeline(self) -> Pipeline:
        """The fields that go in and come out."""

    @property
    def weights(self) -> list[Any]:
        """The variables of the network."""

    def predict_on_batch(self, x: Any) -> Any:
        """Return the target fields of a batch, a dict unless there is a single one."""


def predict(
    run: Run | str | Path,
    arrays: Mapping[str, ArrayLike] | ArrayLike,
    *,
    batch_size: int = 64,
    symmetries: int = 1,
    uncertainty: bool = False,
) -> dict[str, Array]:
    """Apply the trained model of a run.

    Parameters
    ----------
    run : Run or path
        A finished run, or its directory.
    arrays : mapping of str to array_like, or array_like
        The input fields in physical units: of many systems, ``(n, ny, nx)`` for maps, or of one,
        ``(ny, nx)``; an axis of one channel at the end is left out. For a single input field the
        array itself will do.
    batch_size : int
        Samples that go through the model at a time.
    symmetries : int
        How many of the symmetries of the task to predict the mean over: up to eight for images (the
        first four are the rotations), two for lines.
    uncertainty : bool
        Whether to predict the mean over all of them, and also how wrong it is expected to be, from
        the spread. What spread stands for what error is measured on the validation split of the
        run at the first call, and kept in the run directory.

    Returns
    -------
    dict of str to ndarray
        Each target field in physical units, shape (n, ny, nx) for maps, with the 32 bits that the
        model computes with; for classes also the probability of each, as ``FIELD_probabilities``,
        shape (n, classes). Of one system, without the first axis. With `uncertainty` also the
        expected error of each map or line, as ``FIELD_error``, shape (n,): the integral of the
        absolute error over that of the absolute field, of a density the share that is misplaced, as
        `MisplacedCharge` has it.

    Raises
    ------
    RunError
        If `run` has no trained model.
    DataError
        If a field is missing, has another shape than in training, or holds values that are not
        finite or that its scaling is not defined for.
    UsageError
        If the batch size makes no sense, the task has no symmetries or fewer, or no map or line
        that `uncertainty` is defined for, or both are given.

    Examples
    --------
    >>> density = predict("runs/first", potentials)["density"]  # doctest: +SKIP
    """
    from keras_qd.training.run import Run

    run = run if isinstance(run, Run) else Run.open(run)
    model = load_predictor(run, symmetries, uncertainty)
    named = named_fields(model.pipeline, arrays)
    fields, single = as_samples(model.pipeline.inputs, named)
    parts = list(iterate_predictions(model, fields, batch_size=batch_size))
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {name: values[0] for name, values in found.items()} if single else found


def load_predictor(run: Run | Pretrained, symmetries: int, uncertainty: bool = False) -> Predictor:
    """Return the trained model of a run, averaged over symmetries or with error bars."""
    if uncertainty and symmetries != 1:
        raise UsageError("error bars take the mean over all symmetries: leave out symmetries")
    if uncertainty:
        return with_error_bars(run)
    model = run.load_model()
    return model if symmetries == 1 else symmetrized(model, run.task, symmetries)


def iterate_predictions(
    model: Predictor, fields: Mapping[str, Any], *, batch_size: int = 64
) -> Iterator[dict[str, Array]]:
    """Yield the predicted fields of consecutive samples, so that inputs may exceed memory."""
    if batch_size < 1:
        raise UsageError(f"the batch size must be at least 1, got {batch_size}")
    pipeline = model.pipeline
    n_samples = common_length(pipeline, fields)
    batch_size = min(batch_size, _next_power_of_two(n_samples))
    step = batch_size * _batches_a_block(pipeline, batch_size)
    for start in range(0, n_samples, step):
        part = {name: fields[name][start : start + step] for name in pipeline.inputs}
        checked = pipeline.checked(part)
        inputs = {name: values.astype(np.float32) for name, values in checked.items()}
        yield predict_fields(model, inputs, batch_size)


def predict_fields(
    model: Predictor, inputs: Mapping[str, Array], batch_size: int
) -> dict[str, Array]:
    """Return the predicted fields by name, samples along the first axis."""
    # A dict also where there is a single field: that is understood in either case.
    return in_batches(
        lambda batch: _by_name(model.pipeline, model.predict_on_batch(batch)), inputs, batch_size
    )


def predict_scaled(network: keras.Model, x: Tensors, batch_size: int) -> Array:
    """Return the output of a network, or of a part of one such as an encoder, for scaled input."""

    def apply(batch: Mapping[str, Array]) -> dict[str, Any]:
        return {"": network.predict_on_batch(batch if isinstance(x, Mapping) else batch[""])}

    return in_batches(apply, x if isinstance(x, Mapping) else {"": x}, batch_size)[""]


def in_batches(apply: Any, inputs: Mapping[str, Array], batch_size: int) -> dict[str, Array]:
    """Apply a function to batches of arrays and join what it returns."""
    # The last batch is filled up, so that a compiling backend compiles for one shape alone.
    n_samples = len(next(iter(inputs.values())))
    batches = []
    for start in range(0, n_samples, batch_size):
        rows = np.minimum(np.arange(start, start + batch_size), n_samples - 1)
        batches.append(apply({name: values[rows] for name, values in inputs.items()}))
    found = {
        name: np.concatenate([np.asarray(batch[name]) for batch in batches])[:n_samples]
        for name in batches[0]
    }
    if not all(np.isfinite(values).all() for values in found.values()):
        raise DataError("the model gives NaN or infinity for this input; is the training sound?")
    return found


def _by_name(pipeline: Pipeline, output: Any) -> Mapping[str, Any]:
    return output if isinstance(output, Mapping) else {next(iter(pipeline.targets)): output}


class Symmetrized:
    """Predicts the mean of what a model predicts over all or the first symmetries of a group."""

    # A map that commutes with all symmetries is left as it is; of any other the mean over the group
    # is the part that does: T. S. Cohen and M. Welling, ICML (2016), arXiv:1602.07576. The mean is
    # that of scaled values.

    def __init__(self, model: PhysicalModel, symmetries: Any, count: int | None = None) -> None:
        self.pipeline = model.pipeline
        self._network, self.symmetries = model.predictor, symmetries
        self._count = symmetries.n_elements if count is None else count

    @property
    def weights(self) -> list[Any]:
        """The variables of the network."""
        return list(self._network.weights)

    def predict_on_batch(self, x: Mapping[str, Array]) -> dict[str, Array]:
        """Return the mean prediction for fields in physical units that make one batch."""
        found = self.pipeline.restore(self.mean(self.pipeline.scale_inputs(x)))
        return {name: values.astype(_SHORT[values.dtype.kind]) for name, values in found.items()}

    def mean(self, x: Tensors) -> Tensors:
        """Return the mean output for scaled fields that make one batch."""
        mean: Tensors = each(lambda *parts: np.mean(parts, axis=0), *self.all_outputs(x))
        return mean

    def all_outputs(self, x: Tensors) -> list[Tensors]:
        """Return the outputs for scaled fields changed by each symmetry, changed back."""
        return [self._undone(x, element) for element in range(self._count)]

    def _undone(self, x: Tensors, element: int) -> Any:
        """Return what the network gives for fields changed by one symmetry, changed back."""
        elements = np.full(len(leaves(x)[0]), element)
        changed = each(lambda v: self.symmetries.apply(v, elements), x)
        output = self._network.predict_on_batch(changed)
        return each(lambda v: self.symmetries.undo(np.asarray(v), elements), output)


def symmetrized(model: PhysicalModel, task: Task, count: int | None = None) -> Symmetrized:
    """Return what predicts the mean over symmetries by which a task augments its samples."""
    name = task.augmentation
    symmetries: Any = None if name is None else build_augmentation(name)
    if not hasattr(symmetries, "undo"):
        raise UsageError(
            f"the augmentation of task {task.name!r} is {name!r}, which is not a "
            "group of symmetries to average over; those are 'square-symmetries' and 'reflection'"
        )
    if count is not None and not 1 <= count <= symmetries.n_elements:
        raise UsageError(
            f"predictions of task {task.name!r} can be averaged over 1 to {symmetries.n_elements} "
            f"symmetries, got {count}"
        )
    return Symmetrized(model, symmetries, count)


def named_fields(
    pipeline: Pipeline, arrays: Mapping[str, ArrayLike] | ArrayLike
) -> Mapping[str, ArrayLike]:
    """Return `arrays` by field; a bare array is the only input field."""
    if isinstance(arrays, Mapping):
        return arrays
    if len(pipeline.inputs) > 1:
        raise DataError(
            f"the model takes several fields ({', '.join(pipeline.inputs)}); give each by its name"
        )
    return {next(iter(pipeline.inputs)): np.asarray(arrays)}


def _batches_a_block(pipeline: Pipeline, batch_size: int) -> int:
    """Return how many batches make a block of limited size."""
    largest = max(map(math.prod, (*leaves(pipeline.input_shape), *leaves(pipeline.output_shape))))
    return max(1, min(_BATCHES_A_BLOCK, _BLOCK_BYTES // (8 * largest * batch_size)))


def common_length(pipeline: Pipeline, fields: Mapping[str, Any]) -> int:
    """Return the number of samples, which all input fields must share."""
    lengths: dict[str, int] = {}
    for name, shape in pipeline.inputs.items():
        if name not in fields:
            raise DataError(
                f"the input field {name!r} is missing; given: {', '.join(fields) or 'nothing'}"
            )
        values = fields[name]
        found, dtype = np.shape(values), getattr(values, "dtype", None) or np.asarray(values).dtype
        if np.dtype(dtype).kind not in "fiub":
            raise DataError(f"the field {name!r} has type {dtype}; expected real numbers")
        if any(length < 0 for length in found):
            raise DataError(f"the field {name!r} has shape {found}: its file is damaged")
        if len(found) != len(shape) + 1:
            raise DataError(
                f"the field {name!r} has shape {found}; expected "
                f"({', '.join(map(str, ('n', *shape)))}), samples along the first axis"
            )
        lengths[name] = found[0]
    if len(set(lengths.values())) > 1:
        listing = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise DataError(f"the input fields differ in their number of samples ({listing})")
    n_samples = next(iter(lengths.values()))
    if n_samples == 0:
        raise DataError("there are no samples to predict")
    return n_samples


def _next_power_of_two(number: int) -> int:
    power = 1
    while power < number:
        power *= 2
    return power


#: Where a run keeps the factors from spreads to errors, and validation systems that give them.
_FILE, _CALIBRATED = "error_bars.json", 256
#: What the name of a field's error bar ends in.
ERROR = "error"


class ErrorBars(Symmetrized):
    """Predicts the mean over symmetries, and how wrong it is expected to be for each system."""

    def __init__(self, model: Any, symmetries: Any, factors: Mapping[str, float]) -> None:
        super().__init__(model, symmetries)
        self._factors = factors

    @property
    def fields(self) -> dict[str, Field]:
        """The error bars as fields of a file, by name."""
        meaning = "expected integral of the absolute error over that of the absolute field"
        return {f"{name}_{ERROR}": Field((), "1", meaning) for name in self._factors}

    def predict_on_batch(self, x: Mapping[str, Array]) -> dict[str, Array]:
        """Return the mean prediction of a batch, and ``FIELD_error`` of each map or line."""
        scaled = self.pipeline.scale_inputs(x)
        outputs = self.all_outputs(scaled)
        found = self.pipeline.restore(each(lambda *parts: np.mean(parts, axis=0), *outputs))
        parts = [self.pipeline.restore(output) for output in outputs]
        for name, factor in self._factors.items():
            spread = np.mean([relative_error(part[name], found[name]) for part in parts], axis=0)
            found[f"{name}_{ERROR}"] = factor * spread
        return {name: values.astype(np.float32) for name, values in found.items()}


def relative_error(prediction: Array, reference: Array) -> Array:
    """Return the NMAE of every system, shape (n,): of densities, the share that is misplaced."""
    from keras_qd.metrics import NMAE

    exact, predicted = (values.reshape(len(values), -1) for values in (reference, prediction))
    return np.asarray(NMAE().values(np, exact, predicted))


def with_error_bars(run: Run | Pretrained) -> ErrorBars:
    """Return a model with error bars, which its run or its card has calibrated."""
    model = run.load_model()
    symmetries = symmetrized(model, run.task).symmetries
    return ErrorBars(model, symmetries, _factors(run, model, symmetries))


def _factors(run: Run | Pretrained, model: Any, symmetries: Any) -> Mapping[str, float]:
    """Return the factor from spread to error of each target; a run measures them once."""
    from keras_qd.weights import Pretrained

    factors: Mapping[str, float]
    if isinstance(run, Pretrained):
        factors = run.card.get("error_bars", {})
        if not factors:
            raise UsageError(f"the card of {run.name} has no error bars: leave out uncertainty")
        return factors
    path = run.path / _FILE
    if not path.exists():
        split = run.load_dataset().split("validation")
        write_json(path, calibrated(model, symmetries, split))
    factors = read_json(path, table(number), "remove it to calibrate again")
    return factors


def _ones(pipeline: Pipeline) -> dict[str, float]:
    """Return a factor of one for each target that is a map or a line."""
    names = [name for name in pipeline.targets if pipeline.kind(name) in ("maps", "lines")]
    if not names:
        raise UsageError(
            f"error bars are for targets that are maps or lines; {', '.join(pipeline.targets)} "
            "have none: leave out uncertainty"
        )
    return dict.fromkeys(names, 1.0)


def calibrated(model: Any, symmetries: Any, split: Mapping[str, Any]) -> dict[str, float]:
    """Return mean error over mean spread of each target on validation systems."""
    model = ErrorBars(model, symmetries, _ones(model.pipeline))
    fields = {name: np.asarray(values[:_CALIBRATED]) for name, values in split.items()}
    if not len(next(iter(fields.values()))):
        raise DataError("the validation split, which calibrates error bars, is empty")
    parts = list(iterate_predictions(model, fields))
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    factors = {}
    for name in _ones(model.pipeline):
        scaling = model.pipeline.scalings[name]
        exact = scaling.inverse(scaling.forward(fields[name])) if scaling.centered else fields[name]
        spread = found[f"{name}_{ERROR}"].mean()
        # A model that has the symmetries by construction has no spread, and no error bar.
        factors[name] = float(relative_error(found[name], exact).mean() / max(spread, 1e-6))
    return factors
