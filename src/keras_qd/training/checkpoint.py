"""The whole state of a training in one file, so that going on equals never having stopped.

Every variable of the model is kept (weights, the statistics of normalisation layers, the seeds of
dropout layers, which a saved Keras model leaves out) and every variable of the optimizer, in order,
as a NumPy archive.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_qd.errors import RunError
from keras_qd.files import replacing

if TYPE_CHECKING:
    import keras

History = Mapping[str, list[float]]


def save_state(path: Path, model: keras.Model, history: History) -> None:
    """Write the state of `model` after the epochs of `history` to `path`, whole or not at all."""
    import keras

    arrays = {
        f"variable_{index}": keras.ops.convert_to_numpy(variable.value)
        for index, variable in enumerate(_variables(model))
    }
    arrays |= _generator_state()
    arrays["history"] = np.frombuffer(json.dumps(history).encode(), dtype=np.uint8)
    with replacing(path) as temporary:
        np.savez(temporary, **arrays)


def load_state(path: Path, model: keras.Model) -> dict[str, list[float]]:
    """Put the state in `path` into `model`, and return the history that led to it.

    Raises
    ------
    RunError
        If the file cannot be read, or is of another model.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = dict(archive)
    except (OSError, ValueError, zipfile.BadZipFile) as cause:
        raise RunError(f"the checkpoint {path} cannot be read: {cause}") from cause
    history = dict(json.loads(arrays.pop("history").tobytes()))
    _restore_generator(arrays.pop("torch_generator", None))
    variables = _variables(model)
    shapes = [tuple(arrays[f"variable_{index}"].shape) for index in range(len(arrays))]
    if shapes != [tuple(variable.shape) for variable in variables]:
        raise RunError(f"the checkpoint {path} is of a model with other variables")
    for index, variable in enumerate(variables):
        variable.assign(arrays[f"variable_{index}"])
    return history


def _generator_state() -> dict[str, np.ndarray]:
    """Return the state of torch's generator of random numbers; nothing on other backends."""
    import keras

    if keras.config.backend() != "torch":
        return {}
    import torch

    return {"torch_generator": torch.get_rng_state().numpy()}


def _restore_generator(state: np.ndarray | None) -> None:
    if state is None:
        return
    import torch

    torch.set_rng_state(torch.from_numpy(state))


def _variables(model: keras.Model) -> list[Any]:
    """Return all variables that one training step can change."""
    optimizer = model.optimizer
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    return [*model.variables, *optimizer.variables]
