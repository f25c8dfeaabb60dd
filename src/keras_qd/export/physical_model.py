"""A trained model between its scalings, as one Keras graph: physical units in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from keras_qd.data.scaling import PROBABILITIES, LinearScaling, LogScaling, OneHot
from keras_qd.errors import UsageError

if TYPE_CHECKING:
    from keras_qd.data.scaling import Scaling
    from keras_qd.tasks.pipeline import Pipeline


def physical_model(model: keras.Model, pipeline: Pipeline) -> keras.Model:
    """Return a graph of input scaling, model and inverse scaling.

    Parameters
    ----------
    model : keras.Model
        The trained model.
    pipeline : Pipeline
        Its scalings and fields.

    Returns
    -------
    keras.Model
        Takes the input field, shape (n, ny, nx) for maps, or a list of several, and gives a mapping
        of the target fields as :func:`keras_qd.predict` does, all of 32 bits; on torch, whose
        exporters know no mappings, a single one as it is. An output of the name of an input is
        called ``FIELD_predicted``.

    Raises
    ------
    UsageError
        If a scaling cannot be put into a graph.
    """
    inputs = [keras.Input(shape, name=name) for name, shape in pipeline.inputs.items()]
    scaled = [
        ops.reshape(
            _forward(pipeline.scalings[name], tensor),
            (-1, *pipeline.scalings[name].network_shape(shape)),
        )
        for (name, shape), tensor in zip(pipeline.inputs.items(), inputs, strict=True)
    ]
    x = scaled[0] if len(scaled) == 1 else ops.concatenate(scaled, axis=-1)
    # Not model(x): of a model with parts that serve its training alone, this takes only the others.
    y = ops.cast(model.call(x, training=False), "float32")
    outputs = _restored(pipeline, y)
    bare = keras.config.backend() == "torch" and len(outputs) == 1
    graph = keras.Model(
        _only(inputs), next(iter(outputs.values())) if bare else outputs, name="keras_qd"
    )
    # Exporters ask for a model that was called once.
    graph(_only([ops.zeros((1, *shape)) for shape in pipeline.inputs.values()]))
    return graph


def _only(tensors: list[Any]) -> Any:
    """Return a single tensor as it is, several as the list of them."""
    return tensors[0] if len(tensors) == 1 else tensors


def output_name(pipeline: Pipeline, name: str) -> str:
    """Return what an output field is called: as the field, unless an input is called so."""
    return f"{name}_predicted" if name in pipeline.inputs else name


def _restored(pipeline: Pipeline, y: Any) -> dict[str, Any]:
    """Return the target fields by name."""
    fields, first = {}, 0
    for name, shape in pipeline.targets.items():
        scaling = pipeline.scalings[name]
        last = first + scaling.network_shape(shape)[-1]
        part, called = y[..., first:last], output_name(pipeline, name)
        if isinstance(scaling, OneHot):
            fields[called] = ops.cast(ops.argmax(part, axis=-1), "int32")
            fields[f"{called}_{PROBABILITIES}"] = part
        else:
            fields[called] = _inverse(scaling, ops.reshape(part, (-1, *shape)))
        first = last
    return fields


def _forward(scaling: Scaling, values: Any) -> Any:
    """Return what :meth:`Scaling.forward` does, on tensors."""
    if isinstance(scaling, LinearScaling):
        if scaling.centered:
            axes = tuple(range(1, len(values.shape)))
            values = values - ops.mean(values, axis=axes, keepdims=True)
        return (values - scaling.offset) / scaling.factor
    if isinstance(scaling, LogScaling):
        # Not log1p, nor expm1 below: not every format has them. What is lost is round-off of the
        # floor, a ten-thousandth of the largest value.
        return (ops.log(1.0 + values / scaling.floor) - scaling.offset) / scaling.factor
    if isinstance(scaling, OneHot):
        return ops.one_hot(ops.cast(values, "int32"), scaling.n_classes)
    raise UsageError(f"the scaling {scaling.name!r} cannot be put into an exported file")


def _inverse(scaling: Scaling, values: Any) -> Any:
    """Return what :meth:`Scaling.inverse` does, on tensors."""
    if isinstance(scaling, LinearScaling):
        return values * scaling.factor + scaling.offset
    if isinstance(scaling, LogScaling):
        logarithm = ops.maximum(values * scaling.factor + scaling.offset, 0.0)
        return (ops.exp(logarithm) - 1.0) * scaling.floor
    raise UsageError(f"the scaling {scaling.name!r} cannot be put into an exported file")
