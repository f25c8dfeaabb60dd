"""The range of the data, against which image measures judge an error."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_qd.errors import UsageError
from keras_qd.metrics import arrays
from keras_qd.metrics.measure import Context


def check_data_range(data_range: float | None, name: str) -> float | None:
    """Return a configured range, or None where none was configured.

    Parameters
    ----------
    data_range : float or None
        Largest minus smallest value that the data take.
    name : str
        The metric, for the message.

    Returns
    -------
    float or None
        The range.

    Raises
    ------
    UsageError
        If it is no positive number.
    """
    if data_range is None:
        return None
    if not np.isfinite(data_range) or data_range <= 0:
        raise UsageError(f"data_range of {name} must be a positive number, got {data_range!r}")
    return float(data_range)


def streaming_range(data_range: float | None, name: str) -> float:
    """Return the configured range, without which a metric cannot stream.

    Parameters
    ----------
    data_range : float or None
        The configured range.
    name : str
        The metric, for the message.

    Returns
    -------
    float
        The range.

    Raises
    ------
    UsageError
        If none was configured.
    """
    if data_range is None:
        raise UsageError(
            f"{name} needs the range of the whole set, which no batch can tell: configure it, for "
            f'example keras_qd.metric("{name}", data_range=float(y.max() - y.min()))'
        )
    return data_range


def set_range(data_range: float | None, reference: Any, context: Context) -> float:
    """Return the range for a whole set: configured, else the context's, else the reference's own.

    Parameters
    ----------
    data_range : float or None
        The configured range.
    reference : array_like, shape (n, ...)
        The exact fields.
    context : Context
        May hold the range.

    Returns
    -------
    float
        The range; NaN where all values of the reference are equal.
    """
    chosen = data_range if data_range is not None else context.data_range
    if chosen is not None:
        return float(chosen)
    found = reference_range(reference)
    return found if found > 0 else float("nan")


def reference_range(reference: Any) -> float:
    """Return the largest minus the smallest value of a set of fields.

    Parameters
    ----------
    reference : array_like, shape (n, ...)
        The fields.

    Returns
    -------
    float
        The range; 0 for an empty set.

    Examples
    --------
    >>> import numpy as np
    >>> reference_range(np.array([[1.0, 2.0], [5.0, 4.0]]))
    4.0
    """
    reference, _ = arrays.check_pair(reference, reference)
    parts = [np.asarray(reference[block]) for block in arrays.block_slices(reference.shape)]
    extremes = [(float(part.min()), float(part.max())) for part in parts if part.size]
    if not extremes:
        return 0.0
    return max(high for _, high in extremes) - min(low for low, _ in extremes)
