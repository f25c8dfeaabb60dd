"""Ranges and histograms of the fields of a store, read shard by shard."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from keras_qd.data.store import Store


@dataclass(frozen=True)
class FieldSummary:
    """What the finished samples of one field are like.

    Parameters
    ----------
    minimum, maximum, mean : float
        Over all finite values, NaN where there are none.
    n_bad : int
        Values that are NaN or infinite.
    """

    minimum: float
    maximum: float
    mean: float
    n_bad: int


def summarise_field(store: Store, name: str, without: Collection[int] = ()) -> FieldSummary:
    """Read all finished samples of one field and summarise them.

    Parameters
    ----------
    store : Store
    name : str
        Name of the field.
    without : collection of int
        Shards to leave out, since they are damaged.

    Raises
    ------
    UnknownNameError
        If there is no such field.
    StoreError
        If another shard is damaged.
    """
    low, high, total, n_good, n_bad = np.inf, -np.inf, 0.0, 0, 0
    for values in _finished(store, name, without):
        good = values[np.isfinite(values)]
        n_bad += values.size - good.size
        if good.size:
            low, high = min(low, good.min()), max(high, good.max())
            total += float(good.sum(dtype=np.float64))
            n_good += good.size
    if not n_good:
        return FieldSummary(np.nan, np.nan, np.nan, n_bad)
    return FieldSummary(float(low), float(high), total / n_good, n_bad)


def field_histogram(store: Store, name: str, n_bins: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Count the finite values of all finished samples of one field.

    Parameters
    ----------
    store : Store
    name : str
        Name of the field.
    n_bins : int
        Bins of the same width from the smallest value to the largest.

    Returns
    -------
    counts : ndarray of int, shape (n_bins,)
    edges : ndarray, shape (n_bins + 1,)

    Raises
    ------
    UnknownNameError
        If there is no such field.
    StoreError
        If a shard is damaged.
    """
    found = summarise_field(store, name)
    ends = (found.minimum, found.maximum) if np.isfinite(found.mean) else (0.0, 1.0)
    counts, edges = np.zeros(n_bins, int), np.histogram_bin_edges([], n_bins, ends)
    for values in _finished(store, name):
        counts += np.histogram(values[np.isfinite(values)], edges)[0]
    return counts, edges


def _finished(store: Store, name: str, without: Collection[int] = ()) -> Iterator[np.ndarray]:
    for number, entry in enumerate(store.entries()):
        if entry.count and number not in without:
            yield store.read_shard(number, name)
