"""Apply a trained model: physical fields in, physical fields out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import DataError, UsageError
from keras_qd.evaluation.symmetrized import Symmetrized, symmetrized

if TYPE_CHECKING:
    import keras

    from keras_qd.tasks import Pipeline
    from keras_qd.training.run import Run

Array = NDArray[Any]

#: Batches that are read and scaled at once; fewer where they are large, so that a block takes
#: little memory.
_BATCHES_A_BLOCK = 16
_BLOCK_BYTES = 2**25


def predict(
    run: Run | str | Path,
    arrays: Mapping[str, ArrayLike] | ArrayLike,
    *,
    batch_size: int = 64,
    symmetries: bool = False,
) -> dict[str, Array]:
    """Apply the trained model of a run.

    Parameters
    ----------
    run : Run or path
        A finished run, or its directory.
    arrays : mapping of str to array_like, or array_like
        The input fields in physical units, samples along the first axis; for a single input field
        the array itself will do.
    batch_size : int
        Samples that go through the model at a time.
    symmetries : bool
        Whether to predict the mean over the symmetries of the task: the eight of the square, or the
        reflection.

    Returns
    -------
    dict of str to ndarray
        Each target field in physical units, shape (n, ny, nx) for maps; with classes, too, what the
        model says of each, as ``FIELD_probabilities``, shape (n, classes).

    Raises
    ------
    RunError
        If `run` has no trained model.
    DataError
        If a field is missing, has another shape than in training, or holds values that are not
        finite.
    UsageError
        If the batch size makes no sense, or the task has no symmetries.

    Examples
    --------
    >>> density = predict("runs/first", potentials)["density"]  # doctest: +SKIP
    """
    from keras_qd.training.run import Run

    run = run if isinstance(run, Run) else Run.open(run)
    pipeline = run.pipeline()
    fields = named_fields(pipeline, arrays)
    parts = list(
        iterate_predictions(
            load_predictor(run, symmetries), pipeline, fields, batch_size=batch_size
        )
    )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def load_predictor(run: Run, symmetries: bool) -> keras.Model | Symmetrized:
    """Return the trained model of a run, or what averages its predictions.

    Parameters
    ----------
    run : Run
        A finished run.
    symmetries : bool
        Whether to average over the symmetries of the task.

    Raises
    ------
    RunError
        If there is no trained model.
    UsageError
        If the task has no symmetries.
    """
    model = run.load_model()
    return symmetrized(model, run.task()) if symmetries else model


def iterate_predictions(
    model: keras.Model | Symmetrized,
    pipeline: Pipeline,
    fields: Mapping[str, Any],
    *,
    batch_size: int = 64,
) -> Iterator[dict[str, Array]]:
    """Predict part after part, so that inputs larger than memory can go through.

    Parameters
    ----------
    model : keras.Model or Symmetrized
        The trained model.
    pipeline : Pipeline
        Its scalings and fields.
    fields : mapping of str to array
        The input fields in physical units: anything with ``shape`` and slices, such as a Zarr
        array.
    batch_size : int
        Samples that go through the model at a time.

    Yields
    ------
    dict of str to ndarray
        The target fields of consecutive samples, in physical units.

    Raises
    ------
    DataError
        If a field is missing, has another shape than in training, or holds values that are not
        finite.
    UsageError
        If the batch size makes no sense.
    """
    if batch_size < 1:
        raise UsageError(f"the batch size must be a whole number from 1 on, got {batch_size}")
    n_samples = common_length(pipeline, fields)
    batch_size = min(batch_size, _next_power_of_two(n_samples))
    step = batch_size * _batches_a_block(pipeline, batch_size)
    for start in range(0, n_samples, step):
        part = {name: fields[name][start : start + step] for name in pipeline.inputs}
        yield pipeline.restore(predict_scaled(model, pipeline.scale_inputs(part), batch_size))


def predict_scaled(model: keras.Model | Symmetrized, x: Array, batch_size: int) -> Array:
    """Return the model's output for scaled input.

    Parameters
    ----------
    model : keras.Model or Symmetrized
        The trained model.
    x : ndarray, shape (n, *input_shape)
        Scaled input.
    batch_size : int
        Samples that go through the model at a time. The last batch is filled up, so that a
        compiling backend sees one shape alone.

    Returns
    -------
    ndarray, shape (n, *output_shape)

    Raises
    ------
    DataError
        If the model gives values that are not finite.
    """
    missing = -len(x) % batch_size
    filled = np.concatenate([x, np.repeat(x[-1:], missing, axis=0)]) if missing else x
    batches = (filled[start : start + batch_size] for start in range(0, len(filled), batch_size))
    outputs = [np.asarray(model.predict_on_batch(batch)) for batch in batches]
    prediction = np.concatenate(outputs)[: len(x)]
    if not np.isfinite(prediction).all():
        raise DataError("the model gives NaN or infinity for this input; is the training sound?")
    return prediction


def named_fields(
    pipeline: Pipeline, arrays: Mapping[str, ArrayLike] | ArrayLike
) -> Mapping[str, ArrayLike]:
    """Return `arrays` by field; a bare array is the only input field.

    Raises
    ------
    DataError
        If a bare array is given where there are several input fields.
    """
    if isinstance(arrays, Mapping):
        return arrays
    if len(pipeline.inputs) > 1:
        raise DataError(
            f"the model takes several fields ({', '.join(pipeline.inputs)}); give each by its name"
        )
    return {next(iter(pipeline.inputs)): np.asarray(arrays)}


def _batches_a_block(pipeline: Pipeline, batch_size: int) -> int:
    """Return how many batches make a block of limited size in the 64 bits that scaling takes."""
    largest = max(math.prod(shape) for shape in (pipeline.input_shape, pipeline.output_shape))
    return max(1, min(_BATCHES_A_BLOCK, _BLOCK_BYTES // (8 * largest * batch_size)))


def common_length(pipeline: Pipeline, fields: Mapping[str, Any]) -> int:
    """Return the number of samples, which all input fields must share.

    Raises
    ------
    DataError
        If a field is missing or has another number of axes than in training, if they differ in
        length, or if there are no samples.
    """
    lengths: dict[str, int] = {}
    for name, shape in pipeline.inputs.items():
        if name not in fields:
            raise DataError(
                f"the input field {name!r} is missing; given: {', '.join(fields) or 'nothing'}"
            )
        values = fields[name]
        found = np.shape(values)
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
