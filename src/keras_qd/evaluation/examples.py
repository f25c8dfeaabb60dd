"""Single systems picked from a test set to be looked at: the best, the middle and the worst."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import UsageError
from keras_qd.metrics.base import block_slices

Array = NDArray[Any]

_PARTS = ("inputs", "reference", "prediction")


@dataclass(frozen=True)
class Example:
    """One system: what went in, what is exact, what was predicted. All in physical units.

    Parameters
    ----------
    label : str
        Its place among the others: ``"best"``, ``"median"`` or ``"worst"``.
    index : int
        Its index in the split.
    error : float
        The value that it was ranked by.
    inputs, reference, prediction : mapping of str to ndarray
        Field -> the values of this system.
    """

    label: str
    index: int
    error: float
    inputs: Mapping[str, Array]
    reference: Mapping[str, Array]
    prediction: Mapping[str, Array]


def rank(values: ArrayLike, *, higher_is_better: bool = False) -> dict[str, int]:
    """Return the indices of the best, the median and the worst system.

    Parameters
    ----------
    values : array_like, shape (n,)
        One number a system. NaN counts as the worst.
    higher_is_better : bool
        Whether the best value is the largest.

    Returns
    -------
    dict of str to int
        ``"best"``, ``"median"`` and ``"worst"``, each to its index. In a set of one system they are
        the same.

    Raises
    ------
    UsageError
        If there is no system.

    Examples
    --------
    >>> rank([0.3, 0.1, 0.9, 0.2, 0.4])
    {'best': 1, 'median': 0, 'worst': 2}
    """
    values = np.asarray(values, dtype=np.float64)
    if not values.size:
        raise UsageError("there are no systems to rank")
    order = np.argsort(-values if higher_is_better else values, kind="stable")
    places = {"best": 0, "median": len(order) // 2, "worst": -1}
    return {label: int(order[place]) for label, place in places.items()}


def pick(
    values: ArrayLike,
    inputs: Mapping[str, Array],
    reference: Mapping[str, Array],
    prediction: Mapping[str, Array],
    *,
    higher_is_better: bool = False,
) -> list[Example]:
    """Return the best, the median and the worst system.

    Parameters
    ----------
    values : array_like, shape (n,)
        What they are ranked by: one number a system.
    inputs, reference, prediction : mapping of str to ndarray
        Field -> array with n samples along the first axis.
    higher_is_better : bool
        Whether the best value is the largest.

    Raises
    ------
    UsageError
        If there is no system.
    """
    values = np.asarray(values, dtype=np.float64)
    parts = (inputs, reference, prediction)
    return [
        Example(
            label,
            index,
            float(values[index]),
            *({name: np.asarray(field[index]) for name, field in part.items()} for part in parts),
        )
        for label, index in rank(values, higher_is_better=higher_is_better).items()
    ]


def pack_examples(examples: Iterable[Example]) -> dict[str, Array]:
    """Return examples as arrays named ``example/LABEL/PART/FIELD``, for a ``.npz`` file."""
    packed: dict[str, Array] = {}
    for each in examples:
        packed[f"example/{each.label}/index"] = np.array(each.index)
        packed[f"example/{each.label}/error"] = np.array(each.error)
        for part in _PARTS:
            for name, values in getattr(each, part).items():
                packed[f"example/{each.label}/{part}/{name}"] = values
    return packed


def unpack_examples(arrays: Mapping[str, Array]) -> list[Example]:
    """Return the examples that :func:`pack_examples` put among `arrays`."""
    labels = dict.fromkeys(key.split("/")[1] for key in arrays if key.startswith("example/"))
    return [
        Example(
            label,
            int(arrays[f"example/{label}/index"]),
            float(arrays[f"example/{label}/error"]),
            *(_under(arrays, f"example/{label}/{part}/") for part in _PARTS),
        )
        for label in labels
    ]


def _under(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {
        key.removeprefix(prefix): values for key, values in arrays.items() if key.startswith(prefix)
    }


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
