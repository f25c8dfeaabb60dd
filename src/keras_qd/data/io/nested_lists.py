"""Lists of numbers or arrays as one array, without unfolding more than was written."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_qd.data.io.pickled_names import Pending, RefusalError

_DEEPEST = 8


def unfold(value: Any, limit: int) -> np.ndarray:
    """Return the array that a value read from a pickle stands for.

    Parameters
    ----------
    value : object
        An array, a number, or lists or tuples of them.
    limit : int
        Numbers that there may be. Lists can share their entries, so that a few bytes could stand
        for any number of them.

    Raises
    ------
    RefusalError
        If there is anything else, too much of it, or lists of different lengths.
    """
    _count(value, limit, 0)
    array = _joined(value)
    if array.ndim == 0:
        raise RefusalError("it holds a single number")
    return array


def _count(value: Any, limit: int, depth: int) -> int:
    """Count numbers and lists, and stop as soon as there are too many or they nest too deeply."""
    if depth > _DEEPEST:
        raise RefusalError(f"its lists are nested more than {_DEEPEST} deep")
    if not isinstance(value, (list, tuple)):
        return max(1, _size(value))
    count = 1
    for entry in value:
        count += _count(entry, limit - count, depth + 1)
        if count > limit:
            raise RefusalError("its lists share entries and unfold to more than the file holds")
    return count


def _size(value: Any) -> int:
    if isinstance(value, Pending):
        if value.values is None:
            raise RefusalError("it holds an array without values")
        return value.values.size
    if isinstance(value, np.ndarray):
        return value.size
    if isinstance(value, (bool, int, float, np.number, np.bool_)):
        return 1
    raise RefusalError(f"it holds a {type(value).__name__.lower()} where numbers belong")


def _joined(value: Any) -> np.ndarray:
    if isinstance(value, Pending) and value.values is not None:
        return value.values
    if not isinstance(value, (list, tuple)):
        return _checked(np.asarray(value))
    if not value:
        return np.zeros(0)
    if not any(isinstance(entry, (list, tuple, Pending, np.ndarray)) for entry in value):
        return _checked(np.asarray(value))
    parts = [_joined(entry) for entry in value]
    shapes = sorted({part.shape for part in parts})
    if len(shapes) > 1:
        raise RefusalError(f"it lists arrays of different shapes: {', '.join(map(str, shapes))}")
    return np.stack(parts)


def _checked(array: np.ndarray) -> np.ndarray:
    """Refuse whole numbers that no array of numbers can hold."""
    if array.dtype.kind not in "biuf":
        raise RefusalError("it holds whole numbers beyond 64 bits")
    return array
