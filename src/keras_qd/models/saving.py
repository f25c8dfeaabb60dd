"""Saving models so that any backend can load them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from keras_qd.models.portable import portable_config

if TYPE_CHECKING:
    import keras

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
    if model.optimizer is not None and not model.optimizer.built:
        # Without its variables, the optimizer could not be told to be as new.
        model.optimizer.build(model.trainable_variables)
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
