"""The data set ``stored``: any store, whatever it holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from keras_qd.data.store import open_store
from keras_qd.datasets.stored import MEMORY_BUDGET, StoredDataset


def stored(
    path: str | Path,
    *,
    samples: int | None = None,
    fractions: Sequence[float] | None = None,
    memory_budget: int = MEMORY_BUDGET,
) -> StoredDataset:
    """Load a stored data set of any kind: generated, imported or prepared.

    Parameters
    ----------
    path : str or Path
        The store.
    samples : int, optional
        How many of its samples, all by default.
    fractions : sequence of three float, optional
        Shares of the training, validation and test split; by default as whoever made the store has
        divided it, or else 80, 10 and 10 %.
    memory_budget : int
        Bytes that the fields of a split may have to be held in memory; a larger split is read batch
        by batch, and shuffled within some shards at a time.

    Returns
    -------
    StoredDataset
        With the fields of the store.

    Raises
    ------
    StoreError
        If there is no such store, or it is not finished.

    Examples
    --------
    >>> import keras_qd
    >>> wells = keras_qd.load("stored", path="wells.zarr")  # doctest: +SKIP
    """
    return StoredDataset(open_store(path), samples, fractions, memory_budget)
