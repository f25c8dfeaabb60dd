"""Saving models so that any backend can load them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import keras

if TYPE_CHECKING:
    import keras


def portable_config(config: Any) -> Any:
    """Return a compile configuration that names no backend.

    On torch, Keras writes optimizers as ``keras.src.backend.torch.optimizers.torch_adam.Adam``,
    which another backend cannot import; here they are ``keras.optimizers.Adam``, which every
    backend understands. Whether to compile is left to the backend that loads the model: Keras
    writes what the one that saved it had chosen.

    Parameters
    ----------
    config : dict
        Serialized by Keras, nested as it comes.

    Examples
    --------
    >>> portable_config({"module": "keras.src.backend.torch.optimizers.torch_adam"})
    {'module': 'keras.optimizers'}
    >>> portable_config({"loss": "mae", "jit_compile": True})
    {'loss': 'mae', 'jit_compile': 'auto'}
    """
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


class Network(keras.Model):
    """A graph of layers that a few settings make, compiled and ready for ``fit``.

    A subclass draws the graph in its ``__init__`` and hands over the arguments it was made with.

    Parameters
    ----------
    inputs, outputs : keras.KerasTensor
        Ends of the graph.
    settings : mapping
        The arguments that make the same network again, ``name`` and ``learning_rate`` among them.
    loss : str
        A Keras loss.
    optimizer : keras.optimizers.Optimizer, optional
        Adam with the settings' learning rate if not given.

    Examples
    --------
    >>> class Mean(Network):
    ...     def __init__(self, input_shape=(8, 8, 1), name="mean", learning_rate=1e-3):
    ...         inputs = keras.Input(input_shape)
    ...         outputs = keras.layers.GlobalAveragePooling2D()(inputs)
    ...         settings = dict(input_shape=input_shape, name=name, learning_rate=learning_rate)
    ...         super().__init__(inputs, outputs, settings)
    >>> Mean().output_shape
    (None, 1)
    """

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        settings: Mapping[str, Any],
        loss: str = "mse",
        optimizer: keras.optimizers.Optimizer | None = None,
    ) -> None:
        super().__init__(inputs, outputs, name=settings["name"])
        self._settings = dict(settings)
        self.compile(optimizer or keras.optimizers.Adam(settings["learning_rate"]), loss=loss)
        # Saved before any training, the optimizer would otherwise lack what the loaded one expects.
        self.optimizer.build(self.trainable_variables)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make the same network again."""
        return dict(self._settings)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Make a network from what :meth:`get_config` returned."""
        return cls(**config)

    def get_compile_config(self) -> dict[str, Any]:
        """Return how the model was compiled, in a form that every backend can load."""
        return dict(portable_config(super().get_compile_config()))


#: Where a ``.keras`` archive describes the model and how it was compiled.
_CONFIG = "config.json"


def save_model(model: keras.Model, path: str | Path) -> None:
    """Save a model with its optimizer's state in a file that names no backend.

    Keras writes the classes of torch's optimizers as its own internal ones, which cannot be
    imported on other backends; here they are those that every backend understands.

    Parameters
    ----------
    model : keras.Model
        Any model that Keras can save.
    path : str or Path
        A file with the ending ``.keras``.

    Examples
    --------
    >>> import keras, tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(model, f"{folder}/model.keras")
    ...     type(keras.saving.load_model(f"{folder}/model.keras").optimizer).__name__
    'Adam'
    """
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
