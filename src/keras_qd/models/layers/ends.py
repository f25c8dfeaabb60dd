"""The ends of a convolutional network: maps, and numbers beside them, in and out.

A network takes one image, or a dict of tensors by field: maps on one grid, (ny, nx, channels), and
numbers, (k,). Numbers that go in become channels with one value each. For numbers that come out
there is a head on the innermost map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import keras
from keras import ops

from keras_qd.errors import UsageError

Shape: TypeAlias = tuple[int, int, int]
#: Of one sample: an image, or maps and numbers by field.
Shapes: TypeAlias = Shape | Mapping[str, tuple[int, ...]]

#: Called with a layer's class, its arguments and its options: makes a layer of the network.
MakeLayer = Callable[..., Any]


def image_shape(shapes: Shapes) -> Shape:
    """Return the shape of the image that inputs are joined to, or raise unless they fit a grid."""
    return _grid(shapes) + (sum(shape[-1] for shape in _by_name(shapes).values()),)


def output_channels(input_shape: Shapes, output_shape: Shapes | None) -> int:
    """Return the number of channels of the output maps, or raise unless all are on one grid."""
    grid = _grid(input_shape)
    if output_shape is None:
        return _map_channels(input_shape)
    if _grid(output_shape) != grid:
        raise UsageError(
            f"input {_written(input_shape)} and output {_written(output_shape)} are on different "
            "grids; this network keeps the grid: resample one of them first"
        )
    return _map_channels(output_shape)


def open_inputs(shapes: Shapes, name: str | None = None) -> tuple[Any, Any]:
    """Return the inputs of a network, and the image that it works on: maps, numbers as channels."""
    if not isinstance(shapes, Mapping):
        inputs = keras.Input(tuple(shapes), name=name)
        return inputs, inputs
    inputs = {field: keras.Input(tuple(shape), name=field) for field, shape in shapes.items()}
    like = next(each for each in inputs.values() if len(each.shape) == 4)
    nothing = ops.zeros_like(like[..., :1])
    images = [
        each if len(each.shape) == 4 else nothing + each[:, None, None, :]
        for each in inputs.values()
    ]
    return inputs, images[0] if len(images) == 1 else ops.concatenate(images, axis=-1)


def close_outputs(
    image: Any, innermost: Any, inputs: Any, shapes: Shapes | None, make: MakeLayer
) -> Any:
    """Return the outputs: an image as it is, or its maps by field and a head for each number."""
    if not isinstance(shapes, Mapping):
        return image
    outputs, first = {}, 0
    for field, shape in shapes.items():
        if len(shape) == 1:
            outputs[field] = _head(innermost, inputs, shape[0], field, make)
            continue
        outputs[field] = image[..., first : first + shape[-1]]
        first += shape[-1]
    return outputs


def _head(innermost: Any, inputs: Any, size: int, field: str, make: MakeLayer) -> Any:
    """Return numbers: two dense layers on the mean of a map, and on the numbers that went in."""
    given = [each for each in keras.tree.flatten(inputs) if len(each.shape) == 2]
    means = keras.layers.GlobalAveragePooling2D()(innermost)
    seen = ops.concatenate([ops.cast(means, "float32"), *given], axis=-1)
    width = innermost.shape[-1]
    hidden = make(keras.layers.Dense, width, activation="gelu", name=f"{field}_hidden")(seen)
    return make(keras.layers.Dense, size, dtype="float32", name=f"{field}_numbers")(hidden)


def make_plain(layer: Any, *arguments: Any, **options: Any) -> Any:
    """Make a layer with Keras' own defaults."""
    return layer(*arguments, **options)


def _grid(shapes: Shapes) -> tuple[int, int]:
    """Return the grid that all maps are on, or raise an error."""
    given = _by_name(shapes)
    bad = [shape for shape in given.values() if len(shape) not in _ranks(shapes) or min(shape) < 1]
    if bad:
        numbers = " for a map or (k,) for numbers" if isinstance(shapes, Mapping) else ""
        raise UsageError(
            f"got the shape {tuple(bad[0])}; give (ny, nx, channels){numbers}, without the sample "
            "axis"
        )
    grids = {tuple(shape[:2]) for shape in given.values() if len(shape) == 3}
    if len(grids) != 1:
        raise UsageError(
            f"got {_written(shapes)}; this network needs maps on one grid, at least one"
        )
    ny, nx = grids.pop()
    return ny, nx


def _ranks(shapes: Shapes) -> tuple[int, ...]:
    return (1, 3) if isinstance(shapes, Mapping) else (3,)


def _map_channels(shapes: Shapes) -> int:
    return sum(shape[-1] for shape in _by_name(shapes).values() if len(shape) == 3)


def _by_name(shapes: Shapes) -> Mapping[str, tuple[int, ...]]:
    return shapes if isinstance(shapes, Mapping) else {"": shapes}


def _written(shapes: Shapes) -> str:
    if isinstance(shapes, Mapping):
        return ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items())
    return str(tuple(shapes))
