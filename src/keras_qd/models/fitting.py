"""What a model checks before the first step of a training, and says while JAX compiles it."""

from __future__ import annotations

import functools
import inspect
import logging
import threading
import types
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import keras

from keras_qd.errors import DataError

_LOGGER = logging.getLogger(__name__)

#: Seconds without the end of a first batch after which the compilation is announced.
_PATIENCE = 3.0


class CheckedSamples:
    """Mixin of a model that refuses samples of a wrong shape before a step is compiled or run."""

    # On JAX, Keras hands the weights to the step: an error inside loses them. On TensorFlow the
    # error would name the step, not what was given.

    #: Whether targets need all axes of the output, also one of a single channel.
    needs_all_axes = False

    @functools.wraps(keras.Model.fit)
    def fit(self, *arguments: Any, **options: Any) -> Any:
        """Train the model as :meth:`keras.Model.fit` does, after a check of the samples."""
        given = self._checked("fit", arguments, options)
        if keras.config.backend() == "jax":
            given["callbacks"] = _with_announcement(given.get("callbacks"))
        return super().fit(**given)  # type: ignore[misc]

    @functools.wraps(keras.Model.evaluate)
    def evaluate(self, *arguments: Any, **options: Any) -> Any:
        """Evaluate the model as :meth:`keras.Model.evaluate` does, after a check of the samples."""
        return super().evaluate(**self._checked("evaluate", arguments, options))  # type: ignore[misc]

    @functools.wraps(keras.Model.train_on_batch)
    def train_on_batch(self, *arguments: Any, **options: Any) -> Any:
        """Update the model as :meth:`keras.Model.train_on_batch` does, after a check."""
        given = self._checked("train_on_batch", arguments, options)
        return super().train_on_batch(**given)  # type: ignore[misc]

    def _checked(
        self, method: str, arguments: tuple[Any, ...], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the arguments of a method of Keras by name, the samples checked."""
        signature = inspect.signature(getattr(keras.Model, method))
        given = dict(signature.bind(self, *arguments, **options).arguments)
        given.pop("self")
        given.update(given.pop("kwargs", {}))
        if "x" in given:
            batch, given["x"] = _first_batch(given["x"], given.get("y"))
            self._check("training samples" if method != "evaluate" else "samples", batch)
        validation = given.get("validation_data")
        if isinstance(validation, tuple):
            self._check("validation samples", validation)
        elif validation is not None:
            batch, given["validation_data"] = _first_batch(validation, None)
            self._check("validation samples", batch)
        return given

    def _check(self, what: str, batch: tuple[Any, ...]) -> None:
        """Raise a DataError unless inputs and targets of a batch fit the model."""
        model: Any = self
        x, y = (*batch, None, None)[:2]
        if x is None:
            return
        _require(model.name, "inputs", what, _shapes(x), model.input_shape)
        if y is None and self.needs_all_axes:
            shape = _samples(model.output_shape)
            raise DataError(f"{model.name} needs targets of shape {shape} per sample; got none")
        if y is not None and (self.needs_all_axes or _is_elementwise(model.loss)):
            exact = self.needs_all_axes
            _require(model.name, "targets", what, _shapes(y), model.output_shape, exact)


def _samples(shapes: Any) -> Any:
    """Return shapes without the axis of the samples."""
    if isinstance(shapes, Mapping):
        return {name: shape[1:] for name, shape in shapes.items()}
    return shapes[1:]


def _first_batch(x: Any, y: Any) -> tuple[tuple[Any, ...], Any]:
    """Return a batch, or what has its shapes, and the data that still begins with it."""
    if isinstance(x, types.GeneratorType):
        first = next(x, None)
        return (first or ()), _continued(first, x)
    if isinstance(x, keras.utils.PyDataset):
        return (x[0] if x.num_batches else ()), x
    if hasattr(x, "element_spec"):  # of tf.data
        spec = x.element_spec
        return (spec if isinstance(spec, tuple) else (spec,)), x
    known = hasattr(x, "shape") or isinstance(x, Mapping | list | tuple)
    return ((x, y) if known else ()), x


def _continued(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    """Yield a batch that was taken out of a generator, and then the others."""
    yield from chain([] if first is None else [first], rest)


def _shapes(tensors: Any) -> Any:
    """Return the shape of one sample, None where unknown, or the shapes as the tensors come."""
    if isinstance(tensors, Mapping):
        return {name: _shapes(each) for name, each in tensors.items()}
    shape = getattr(tensors, "shape", None)
    if shape is None and isinstance(tensors, Sequence):
        return [_shapes(each) for each in tensors]
    if shape is None or getattr(shape, "rank", 0) is None:
        return None
    return tuple(shape)[1:]


def _require(
    name: str, role: str, what: str, found: Any, expected: Any, exact: bool = False
) -> None:
    """Raise a DataError where shapes of one sample differ from those of a model."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for field in expected.keys() & found.keys():
            _require(name, f"{role} {field!r}", what, found[field], expected[field], exact)
        return
    if not (isinstance(expected, tuple) and isinstance(found, tuple)):
        return  # lists of tensors, which Keras checks
    if expected and isinstance(expected[0], tuple):
        return
    if not _fits(found, expected[1:], exact):
        raise DataError(
            f"{name} needs {role} of shape {expected[1:]} per sample; the {what} have {found}"
        )


def _fits(found: tuple[Any, ...], expected: tuple[Any, ...], exact: bool) -> bool:
    """Return whether shapes agree, unless exact but for a last axis of one, as Keras has it."""
    pairs = [(found, expected)]
    if not exact:
        pairs += [((*found, 1), expected), (found, (*expected, 1))]
    return any(
        len(one) == len(other)
        and all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))
        for one, other in pairs
    )


def _is_elementwise(loss: Any) -> bool:
    """Return whether a loss of Keras needs targets of the shape of the outputs."""
    # One with a function of its own takes what that function takes.
    if isinstance(loss, str):
        return "sparse" not in loss
    kind = type(loss)
    return (
        isinstance(loss, keras.losses.Loss)
        and kind.__module__.startswith("keras.")
        and "Sparse" not in kind.__name__
    )


class _Announcement(keras.callbacks.Callback):
    """Say that JAX compiles, where a first batch takes long."""

    def __init__(self) -> None:
        super().__init__()
        self._timer: threading.Timer | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Wait for the first batch."""
        self._timer = threading.Timer(_PATIENCE, _announce)
        self._timer.daemon = True
        self._timer.start()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Stop waiting."""
        self._stop()

    def on_train_end(self, logs: Any = None) -> None:
        """Stop waiting."""
        self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _announce() -> None:
    _LOGGER.warning("compiling for JAX, about 15 s, once: what is compiled is kept on disk")


def _with_announcement(callbacks: Any) -> Any:
    """Return callbacks of any form that Keras takes, with one that announces the compilation."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    given = callbacks if isinstance(callbacks, list | tuple) else [callbacks]
    return [each for each in given if each is not None] + [_Announcement()]
