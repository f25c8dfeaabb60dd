"""What every model of ours has: settings on record, checked samples, files for any backend."""

from __future__ import annotations

import functools
import inspect
import json
import logging
import threading
import types
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Self, TypeVar

import keras

from keras_qd.errors import DataError

Builder = TypeVar("Builder", bound=Callable[..., Any])

_LOGGER = logging.getLogger(__name__)

#: Seconds without the end of a first batch after which the compilation is announced.
_PATIENCE = 3.0


def portable_config(config: Any) -> Any:
    """Return a compile configuration that names no backend."""
    # On torch, Keras writes optimizers as keras.src.backend.torch.optimizers.torch_adam.Adam, which
    # another backend cannot import; keras.optimizers.Adam exists everywhere. Whether to compile is
    # left to the backend that loads the model: Keras writes what the one that saved it had chosen.
    if isinstance(config, (list, tuple)):
        return [portable_config(item) for item in config]
    if not isinstance(config, dict):
        return config
    portable = {key: portable_config(value) for key, value in config.items()}
    if "jit_compile" in portable:
        portable["jit_compile"] = "auto"
    if str(portable.get("module")).startswith("keras.src.backend.torch.optimizers"):
        portable["module"] = "keras.optimizers"
        if "registered_name" in portable:
            portable["registered_name"] = None
    return portable


def _recorded(
    function: Any, model: Any, arguments: tuple[Any, ...], options: dict[str, Any]
) -> dict[str, Any]:
    """Return all arguments of a call by name, defaults included, without the first."""
    # A loaded model has lists in place of tuples.
    signature = inspect.signature(function)
    bound = signature.bind_partial(model, *arguments, **options)
    bound.apply_defaults()
    (_, *recorded) = bound.arguments.items()
    settings: dict[str, Any] = {}
    for name, value in recorded:
        collected = signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD
        settings.update(value if collected else {name: _with_tuples(value)})
    return settings


def _with_tuples(value: Any) -> Any:
    """Return a setting with tuples in place of lists, also where they are given by name."""
    if isinstance(value, Mapping):
        return {key: _with_tuples(each) for key, each in value.items()}
    return tuple(value) if isinstance(value, list) else value


#: A sensible range for the learning rate of a tuning search.
LEARNING_RATE = {"low": 1e-4, "high": 1e-2, "log": True}


def searches(space: Any) -> Callable[[Builder], Builder]:
    """Return a decorator that gives a model, or a function that builds one, a search space.

    Parameters
    ----------
    space : mapping, or callable
        The settings that ``keras-qd tune`` searches by default: name -> list of values, or mapping
        with ``low``, ``high`` and perhaps ``log``. A callable returns such a mapping for an input
        shape. Without one, only the learning rate is searched.

    Returns
    -------
    callable
        Sets the attribute ``search_space``.

    Examples
    --------
    >>> @searches({"units": [8, 16], "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}})
    ... def my_net(input_shape=(64, 1), units=8, learning_rate=1e-3): ...
    >>> my_net.search_space["units"]
    [8, 16]
    """

    def attach(builder: Builder) -> Builder:
        builder.search_space = space  # type: ignore[attr-defined]
        return builder

    return attach


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


class Configurable(CheckedSamples):
    """Mixin of a model whose configuration is its arguments, recorded as `settings` when made."""

    # An __init__ may replace a value of `settings` by the one that it resolves to, such as a depth
    # that follows from the shape of the images.

    settings: dict[str, Any]

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Record the arguments; Keras also calls this without any."""
        model: Self = super().__new__(cls, *arguments, **options)
        # Keras would track an attribute, and make a dictionary of its own of it.
        object.__setattr__(model, "settings", _recorded(cls.__init__, model, arguments, options))
        return model

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make the same network again."""
        return dict(self.settings)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Make a network from what :meth:`get_config` returned."""
        return cls(**config)

    def get_compile_config(self) -> dict[str, Any]:
        """Return how the model was compiled, in a form that every backend can load."""
        return dict(portable_config(super().get_compile_config()))  # type: ignore[misc]


class Network(Configurable, keras.Model):
    """A graph of layers, compiled and ready for ``fit``.

    A subclass builds the graph in its ``__init__``. Its arguments ``name``, of the network, and
    ``learning_rate``, of Adam, are used here.

    Parameters
    ----------
    inputs, outputs : keras.KerasTensor
        Ends of the graph.
    loss : str
        A Keras loss.
    optimizer : keras.optimizers.Optimizer, optional
        Adam if not given.

    Examples
    --------
    >>> class Mean(Network):
    ...     def __init__(self, input_shape=(8, 8, 1), name="mean", learning_rate=1e-3):
    ...         inputs = keras.Input(input_shape)
    ...         super().__init__(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    >>> Mean().output_shape
    (None, 1)
    """

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        loss: Any = "mse",
        optimizer: keras.optimizers.Optimizer | None = None,
    ) -> None:
        super().__init__(inputs, outputs, name=self.settings["name"])
        self.compile(optimizer or keras.optimizers.Adam(self.settings["learning_rate"]), loss=loss)
        # Saved before any training, the optimizer would otherwise lack what the loaded one expects.
        self.optimizer.build(self.trainable_variables)


#: Where a ``.keras`` archive describes the model and how it was compiled.
_CONFIG = "config.json"


def save_model(model: keras.Model, path: str | Path) -> None:
    """Save a model with its optimizer's state in a ``.keras`` file that names no backend."""
    path = Path(path)
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and not optimizer.built:
        # A loaded optimizer expects its variables in the file.
        optimizer.build(model.trainable_variables)
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    config = json.loads(entries[_CONFIG])
    portable = portable_config(config)
    if portable != config:
        entries[_CONFIG] = json.dumps(portable).encode()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name, content in entries.items():
                archive.writestr(name, content)


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
    _LOGGER.warning("compiling for JAX, about 20 s, once: what is compiled is kept on disk")


def _with_announcement(callbacks: Any) -> Any:
    """Return callbacks of any form that Keras takes, with one that announces the compilation."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    given = callbacks if isinstance(callbacks, list | tuple) else [callbacks]
    return [each for each in given if each is not None] + [_Announcement()]
