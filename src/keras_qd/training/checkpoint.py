"""The whole state of a training in one file, so that a resumed run equals an uninterrupted one.

Every variable of the model is kept (weights, the statistics of normalisation layers, the seeds of
dropout layers, which a saved Keras model leaves out) and every variable of the optimizer, in order,
as a NumPy archive. On torch a layer without a seed of its own draws from torch's generator, so the
state of that is kept as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_qd._checks import number, sequence, table
from keras_qd._files import parse_json, replacing
from keras_qd.errors import DataError, RunError
from keras_qd.training.run import read_arrays

History = Mapping[str, list[float]]

#: What to do about a checkpoint that is lost.
REMEDY = "restore it from a copy, or train again"

_PREFIX = "variable_"
_VARIABLE = re.compile(rf"{_PREFIX}(\d{{1,9}})")


def save_state(path: Path, model: keras.Model, history: History) -> None:
    """Write the state of `model` after the epochs of `history` to `path` atomically."""
    arrays = _values(_variables(model)) | _generator_state()
    arrays["history"] = np.frombuffer(json.dumps(history).encode(), dtype=np.uint8)
    with replacing(path) as temporary:
        np.savez(temporary, **arrays)


def load_history(path: Path) -> dict[str, list[float]]:
    """Return the history in the checkpoint at `path`; empty where there is no checkpoint yet."""
    return _history(path, _read(path)) if path.exists() else {}


def load_state(path: Path, model: keras.Model) -> None:
    """Put the state in `path` into `model`."""
    arrays = _read(path)
    _assign(path, _variables(model), arrays)
    with _reading(path):
        _restore_generator(arrays.get("torch_generator"))


def save_weights(path: Path, model: keras.Model) -> None:
    """Write what `model` predicts with, and nothing of its training, atomically."""
    with replacing(path) as temporary:
        np.savez(temporary, **_values(model.variables))


def load_weights(path: Path, model: keras.Model) -> None:
    """Put what :func:`save_weights` wrote into `model`."""
    _assign(path, model.variables, _read(path))


def _values(variables: Sequence[Any]) -> dict[str, Any]:
    # A copy, since a variable that is mirrored on several devices is not an array.
    return {
        f"{_PREFIX}{index}": keras.ops.convert_to_numpy(keras.ops.copy(variable))
        for index, variable in enumerate(variables)
    }


def _assign(path: Path, variables: Sequence[Any], arrays: Mapping[str, np.ndarray]) -> None:
    numbered = {int(found[1]): key for key in arrays if (found := _VARIABLE.fullmatch(key))}
    saved = [arrays[numbered[index]] for index in sorted(numbered)]
    if [values.shape for values in saved] != [tuple(each.shape) for each in variables]:
        raise RunError(f"the checkpoint {path} is of a model with other variables; {REMEDY}")
    with _reading(path):
        for variable, values in zip(variables, saved, strict=True):
            variable.assign(values)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Name the checkpoint in errors about values that a backend does not take."""
    try:
        yield
    except (ValueError, TypeError, RuntimeError) as cause:
        raise RunError(f"the checkpoint {path} is damaged: {cause}; {REMEDY}") from cause


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        return read_arrays(path, REMEDY)
    except DataError as cause:
        raise RunError(f"the checkpoint {cause}") from cause


def _history(path: Path, arrays: Mapping[str, np.ndarray]) -> dict[str, list[float]]:
    """Return the history in a checkpoint, or raise where it is not one."""
    try:
        found: dict[str, list[float]] = table(sequence(number))(
            parse_json(arrays["history"].tobytes())
        )
        if found["epoch"] != list(range(1, len(found["epoch"]) + 1)):
            raise ValueError("its epochs are not numbered 1, 2, 3, ...")
        if len({len(values) for values in found.values()}) > 1:
            raise ValueError("its history has columns of different lengths")
    except (KeyError, ValueError) as cause:
        raise RunError(f"the checkpoint {path} is damaged: {cause}; {REMEDY}") from cause
    return found


def _generator_state() -> dict[str, np.ndarray]:
    """Return the state of torch's generator of random numbers; nothing on other backends."""
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
