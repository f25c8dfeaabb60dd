"""Saving models so that any backend can load them."""

from __future__ import annotations

import inspect
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import keras

from keras_qd.models.fitting import CheckedSamples

Builder = TypeVar("Builder", bound=Callable[..., Any])


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
