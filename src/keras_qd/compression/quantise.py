"""Latent numbers as few bits: eight with a range for each, or half precision."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import DataError, UnknownNameError

Array = NDArray[Any]

#: How many bytes a latent number takes, by the name of the precision.
PRECISIONS = {"uint8": 1, "float16": 2}
_LEVELS = 255


def to_bytes(latents: Array, precision: str) -> bytes:
    """Return latent numbers as bytes.

    Parameters
    ----------
    latents : ndarray, shape (n, numbers)
        A line an image.
    precision : str
        ``"uint8"``: each latent number in 255 steps between its smallest and its largest value over
        the images, which come first, in single precision; or ``"float16"``.

    Raises
    ------
    UnknownNameError
        If there is no such precision.
    DataError
        If a value is too large for half precision.
    """
    if precision not in PRECISIONS:
        raise UnknownNameError("precision", precision, PRECISIONS)
    if precision == "float16":
        if np.abs(latents).max() > np.finfo(np.float16).max:
            raise DataError("latent numbers this large do not fit half precision; use uint8")
        return np.asarray(latents, dtype="<f2").tobytes()
    low, high = (np.asarray(end, dtype="<f4") for end in (latents.min(axis=0), latents.max(axis=0)))
    step = np.where(high > low, (high - low) / _LEVELS, 1.0)
    levels = np.rint((latents - low) / step).clip(0, _LEVELS).astype(np.uint8)
    return b"".join(part.tobytes() for part in (low, high, levels))


def from_bytes(content: bytes, precision: str, n_images: int, n_numbers: int) -> Array:
    """Return the latent numbers in `content`, shape (n_images, n_numbers), in single precision.

    Raises
    ------
    UnknownNameError
        If there is no such precision.
    DataError
        If there are not as many bytes as these numbers have.
    """
    if precision not in PRECISIONS:
        raise UnknownNameError("precision", precision, PRECISIONS)
    ranges = 2 * 4 * n_numbers if precision == "uint8" else 0
    expected = ranges + PRECISIONS[precision] * n_images * n_numbers
    if len(content) != expected:
        raise DataError(
            f"{n_images} images of {n_numbers} latent numbers take {expected} bytes as "
            f"{precision}, but there are {len(content)}"
        )
    if precision == "float16":
        return np.frombuffer(content, "<f2").reshape(n_images, n_numbers).astype(np.float32)
    low, high = np.frombuffer(content, "<f4", 2 * n_numbers).reshape(2, n_numbers)
    levels = np.frombuffer(content, np.uint8, offset=ranges).reshape(n_images, n_numbers)
    return np.asarray(low + levels * ((high - low) / _LEVELS), dtype=np.float32)
