"""Fields on the pixels of a box, as somebody gives them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import DataError

Array = NDArray[np.float64]

#: Least number of pixels a side.
FEWEST_PIXELS = 8


def check_field(field: Array, what: str, *, several: str, not_finite: str) -> Array:
    """Return a field as float64, or raise where it cannot be used.

    Parameters
    ----------
    field : array_like
        The values, which should have shape (n_pixels, n_pixels).
    what : str
        What it is, such as ``"potential"``.
    several : str
        What to do with several of them.
    not_finite : str
        What to do about values that are not finite.

    Raises
    ------
    DataError
        If it is no square array of finite real numbers.
    """
    if np.iscomplexobj(field):
        raise DataError(f"a {what} must be an array of real numbers, these are complex")
    try:
        field = np.asarray(field, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"a {what} must be an array of real numbers: {error}") from error
    if field.ndim != 2 or len(set(field.shape)) != 1 or len(field) < FEWEST_PIXELS:
        raise DataError(
            f"a {what} must be a square array of at least {FEWEST_PIXELS} x {FEWEST_PIXELS} "
            f"pixels, got shape {field.shape}; {several}"
        )
    n_bad = np.count_nonzero(~np.isfinite(field))
    if n_bad:
        raise DataError(f"the {what} has {n_bad} values that are not finite; {not_finite}")
    return field
