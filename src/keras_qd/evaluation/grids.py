"""A trained model on another grid than it was trained on, where it is not bound to its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keras_qd.errors import DataError, KerasQDError
from keras_qd.evaluation.network import predicting_network

if TYPE_CHECKING:
    import keras

    from keras_qd.tasks import Pipeline

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
