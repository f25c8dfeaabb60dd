"""Apply a trained model: physical fields in, physical fields out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.data.augmentation import Reflection, SquareSymmetries, build_augmentation
from keras_qd.errors import DataError, KerasQDError, UsageError

if TYPE_CHECKING:
    import keras

    from keras_qd.tasks.pipeline import Pipeline
    from keras_qd.tasks.task import Task
    from keras_qd.training.run import Run


def predicting_network(model: keras.Model) -> keras.Model:
    """Return what predicts: of pix2pix the generator or its average, of others the model itself.

    Parameters
    ----------
    model : keras.Model
        A trained model.
    """
    return getattr(model, "average", None) or getattr(model, "generator", model)


Shape = tuple[int, ...]


def pipeline_on_grid(pipeline: Pipeline, shapes: Mapping[str, Shape]) -> Pipeline:
    """Return the scalings and fields of a run for fields on another grid.

    Parameters
    ----------
    pipeline : Pipeline
        Of the run.
    shapes : mapping of str to tuple of int
        The fields of the data, with the shape of one sample of each. Lines and maps may have
        another number of points; everything else must stay as it was.

    Returns
    -------
    Pipeline
        The same object where no grid differs.
    """
    if not any(_is_finer(shape, shapes.get(name)) for name, shape in _fields(pipeline).items()):
        return pipeline
    inputs, targets = (
        {
            name: shapes[name] if _is_finer(shape, shapes.get(name)) else shape
            for name, shape in fields.items()
        }
        for fields in (pipeline.inputs, pipeline.targets)
    )
    return dataclasses.replace(pipeline, inputs=inputs, targets=targets)


def _fields(pipeline: Pipeline) -> dict[str, Shape]:
    return {**pipeline.inputs, **pipeline.targets}


def _is_finer(shape: Shape, found: Shape | None) -> bool:
    """Return whether a line or map has another number of points than in training."""
    return found is not None and len(found) == len(shape) in (1, 2) and found != shape


def model_on_grid(model: keras.Model, trained: Pipeline, wanted: Pipeline) -> keras.Model:
    """Return a model for fields on another grid, with the weights of the trained one.

    Parameters
    ----------
    model : keras.Model
        The trained model.
    trained, wanted : Pipeline
        Fields as the model was trained on, and as they are now.

    Returns
    -------
    keras.Model
        The same object where the grid is the same.

    Raises
    ------
    DataError
        If the model cannot be built on that grid, or has other weights there.

    Notes
    -----
    A convolution knows pixels, not lengths: with the same pixels in a larger box a U-Net sees what
    it saw in training, while the same box in more pixels is another world to it. A Fourier neural
    operator works with either.
    """
    shapes = [(each.input_shape, each.output_shape) for each in (trained, wanted)]
    if shapes[0] == shapes[1]:
        return model
    try:
        return _rebuilt(predicting_network(model), *shapes[1])
    except (KerasQDError, TypeError, ValueError) as cause:
        reason = str(cause).partition("\n")[0][:200]
        raise DataError(
            f"the model was trained on samples of shape {shapes[0][0]} and cannot take those of "
            f"shape {shapes[1][0]}: {reason}"
        ) from cause


def _rebuilt(model: keras.Model, input_shape: Shape, output_shape: Shape) -> keras.Model:
    config: dict[str, Any] = model.get_config()
    if "input_shape" not in config:
        raise DataError(f"{model.name!r} does not say how to build it for another shape")
    config |= {"input_shape": input_shape, "output_shape": output_shape}
    rebuilt = type(model).from_config(config)
    found, needed = ([tuple(each.shape) for each in m.weights] for m in (model, rebuilt))
    if found != needed:
        raise DataError(f"{model.name!r} has other weights there")
    rebuilt.set_weights(model.get_weights())
    return rebuilt


class Symmetrized:
    r"""Predicts as a model does, averaged over the group of symmetries.

    .. math:: \bar f(x) = \frac{1}{|G|} \sum_{g \in G} g^{-1} f(g x)

    A map that commutes with all g is left as it is; of any other this is the part that does [1]_.

    Parameters
    ----------
    model : keras.Model
        A trained model; scaled fields go in and come out.
    symmetries : SquareSymmetries or Reflection
        The group G.

    References
    ----------
    .. [1] T. S. Cohen and M. Welling, "Group equivariant convolutional networks", ICML (2016),
       arXiv:1602.07576

    Examples
    --------
    >>> class TopRow:
    ...     def predict_on_batch(self, x):
    ...         return x * np.array([1.0, 0.0])[:, None, None]
    >>> mean = Symmetrized(TopRow(), SquareSymmetries())
    >>> mean.predict_on_batch(np.ones((1, 2, 2, 1)))[0, ..., 0]
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """

    def __init__(self, model: keras.Model, symmetries: SquareSymmetries | Reflection) -> None:
        self._model, self._symmetries = model, symmetries

    def predict_on_batch(self, x: Array) -> Array:
        """Return the mean prediction for scaled fields that make one batch."""
        total: Any = 0.0
        for element in range(self._symmetries.n_elements):
            elements = np.full(len(x), element)
            found = np.asarray(self._model.predict_on_batch(self._symmetries.apply(x, elements)))
            total = total + self._symmetries.undo(found, elements)
        return np.asarray(total / self._symmetries.n_elements)


def symmetrized(model: keras.Model, task: Task) -> Symmetrized:
    """Return a model that predicts the mean over the symmetries of its task.

    Parameters
    ----------
    model : keras.Model
        A trained model.
    task : Task
        Its task: with which symmetries, its augmentation says.

    Raises
    ------
    UsageError
        If the task has no symmetries.
    """
    symmetries = None if task.augmentation is None else build_augmentation(task.augmentation)
    if not isinstance(symmetries, (SquareSymmetries, Reflection)):
        raise UsageError(
            f"the augmentation of task {task.name!r} is {task.augmentation!r}, no group of "
            "symmetries to average over; those are 'square-symmetries' and 'reflection'"
        )
    return Symmetrized(model, symmetries)


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
