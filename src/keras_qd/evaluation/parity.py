"""Predicted against exact values, as a histogram: small, whatever the size of the set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.metrics.arrays import block_slices

Array = NDArray[Any]

_N_BINS = 120


@dataclass(frozen=True)
class Parity:
    """How often which exact value was predicted as which.

    Parameters
    ----------
    field : str
        Name of the field.
    edges : ndarray, shape (bins + 1,)
        Edges of the bins, the same for exact and predicted values, in the field's unit.
    counts : ndarray, shape (bins, bins)
        Number of values, exact along the first axis and predicted along the second.
    """

    field: str
    edges: Array
    counts: Array


def count_parity(field: str, reference: Array, prediction: Array) -> Parity:
    """Return the histogram of predicted against exact values.

    Parameters
    ----------
    field : str
        Name of the field.
    reference, prediction : ndarray, shape (n, ...)
        Exact and predicted values.

    Examples
    --------
    >>> parity = count_parity("energy", np.array([0.0, 1.0]), np.array([0.0, 0.5]))
    >>> int(parity.counts.sum()), float(parity.edges[0]), float(parity.edges[-1])
    (2, 0.0, 1.0)
    """
    low = float(min(reference.min(), prediction.min()))
    high = float(max(reference.max(), prediction.max()))
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _N_BINS + 1)
    counts = np.zeros(_N_BINS**2, dtype=np.int64)
    for block in block_slices(reference.shape):
        exact, predicted = (_bins(values[block], low, high) for values in (reference, prediction))
        counts += np.bincount(exact * _N_BINS + predicted, minlength=_N_BINS**2)
    return Parity(field, edges, counts.reshape(_N_BINS, _N_BINS))


def _bins(values: Array, low: float, high: float) -> Array:
    """Return the bin of each value; all lie between `low` and `high`."""
    share = (np.asarray(values, dtype=np.float64).ravel() - low) / (high - low)
    return np.minimum((share * _N_BINS).astype(np.int64), _N_BINS - 1)


def pack_parities(parities: Iterable[Parity]) -> dict[str, Array]:
    """Return parities as arrays named ``parity/FIELD/edges`` and ``.../counts``, for a file."""
    packed: dict[str, Array] = {}
    for each in parities:
        packed[f"parity/{each.field}/edges"] = each.edges
        packed[f"parity/{each.field}/counts"] = each.counts
    return packed


def unpack_parities(arrays: Mapping[str, Array]) -> list[Parity]:
    """Return the parities that :func:`pack_parities` put among `arrays`."""
    fields = dict.fromkeys(key.split("/")[1] for key in arrays if key.startswith("parity/"))
    return [
        Parity(field, arrays[f"parity/{field}/edges"], arrays[f"parity/{field}/counts"])
        for field in fields
    ]
