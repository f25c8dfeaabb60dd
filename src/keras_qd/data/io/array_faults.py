"""What may be wrong with an array that is to be imported."""

from __future__ import annotations

import numpy as np

from keras_qd.data.io.foreign_array import ForeignArray

_BLOCK = 1024


def array_faults(name: str, array: ForeignArray) -> list[str]:
    """Return what is wrong with one array.

    Parameters
    ----------
    name : str
        The field that it is to be.
    array : ForeignArray
        Is read block by block to its end, which also shows damage.

    Returns
    -------
    list of str
        Empty where nothing is wrong.
    """
    what = f"{name} ({array.place})"
    dtype = np.dtype(getattr(array.values, "dtype", None) or object)
    if dtype.kind not in "fiub" or dtype.itemsize > 8:
        return [f"{what} has type {dtype}; expected real numbers of at most 64 bits"]
    if not array.values.shape:
        return [f"{what} is a single number; expected samples along the first axis, or skip it"]
    n_samples = array.values.shape[0]
    if not n_samples or 0 in array.values.shape:
        return [f"{what} is empty: its shape is {tuple(array.values.shape)}"]
    try:
        bad = _count_not_finite(array)
    except (OSError, RuntimeError, ValueError) as error:  # what the codecs say of damaged files
        return [f"{what} cannot be read: {error}"]
    if bad:
        return [f"{what} holds NaN or infinity in {bad} of {n_samples} samples; remove them"]
    return []


def _count_not_finite(array: ForeignArray) -> int:
    n_bad = 0
    for start in range(0, array.values.shape[0], _BLOCK):
        block = np.asarray(array.values[start : start + _BLOCK])
        n_bad += int((~np.isfinite(block.reshape(len(block), -1))).any(axis=1).sum())
    return n_bad
