"""The data set ``image-pairs``: pairs of images that were prepared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from keras_qd.data.store import open_store
from keras_qd.datasets.stored import MEMORY_BUDGET, StoredDataset
from keras_qd.errors import StoreError, UsageError

_KINDS = ("image-pairs", "imported")


def image_pairs(
    path: str | Path | None = None,
    *,
    samples: int | None = None,
    fractions: Sequence[float] | None = None,
    memory_budget: int = MEMORY_BUDGET,
) -> StoredDataset:
    """Load pairs of images that ``keras-qd prepare`` has made.

    Fields: ``input`` and ``target``, (n, ny, nx) where they are grey and (n, ny, nx, 3) where they
    are RGB, with the values that the files have.

    Parameters
    ----------
    path : str or Path
        The store.
    samples : int, optional
        How many of its samples, all by default.
    fractions : sequence of three float, optional
        Shares of the training, validation and test split; by default as the folders of the images
        divided them, or else 80, 10 and 10 %.
    memory_budget : int
        Bytes that the fields of a split may have to be held in memory; a larger split is read batch
        by batch, and shuffled within some shards at a time.

    Returns
    -------
    StoredDataset
        With ``input`` and ``target``.

    Raises
    ------
    UsageError
        If no path is given.
    StoreError
        If there is no such store, it holds something else, or it is not finished.

    Examples
    --------
    >>> import keras_qd
    >>> maps = keras_qd.load("image-pairs", path="maps.zarr")  # doctest: +SKIP
    """
    if path is None:
        raise UsageError(
            "image-pairs are yours to bring: prepare them with 'keras-qd prepare FOLDER --out "
            "PATH', and name the result (--data PATH, or path=...)"
        )
    store = open_store(path)
    kind = store.configuration.get("kind")
    if kind not in _KINDS:
        raise StoreError(f"{path} holds {kind!r}; expected 'image-pairs'")
    return StoredDataset(store, samples, fractions, memory_budget)
