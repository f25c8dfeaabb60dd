"""One field of a split that is too large for memory."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from keras_qd.data.store import Store
from keras_qd.datasets.shards import Shards


class StoredArray:
    """One field of some samples of a store, read shard by shard when it is asked for.

    It has ``shape``, ``dtype`` and ``len`` as an array has, and gives arrays for slices and lists
    of rows. ``numpy.asarray`` reads all of it.

    Parameters
    ----------
    store : Store
        An open store.
    name : str
        Name of the field.
    samples : ndarray of int
        Ascending numbers of the samples.
    shards : Shards
        How they lie in the shards of the store. Twice as many shards as are shuffled together are
        kept in memory: those in use, and those of the batch that reaches into the next ones.

    Examples
    --------
    >>> import tempfile
    >>> from keras_qd.data import Wells, write_store
    >>> store = write_store(tempfile.mkdtemp() + "/wells.zarr", Wells(n_points=16), 40)

    >>> from keras_qd.datasets.stored import StoredDataset
    >>> dataset = StoredDataset(store, memory_budget=1)
    >>> energies = dataset.split("train")["energy"]
    >>> isinstance(energies, StoredArray), energies[:2].shape
    (True, (2,))
    """

    def __init__(self, store: Store, name: str, samples: np.ndarray, shards: Shards) -> None:
        field = store.fields[name]
        self.shape = (len(samples), *field.shape)
        self.dtype = np.dtype(field.dtype)
        self.shards = shards
        self._store = store
        self._name = name
        self._samples = samples
        self._part = lru_cache(maxsize=2 * shards.window)(self._read_part)

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Read some samples.

        Parameters
        ----------
        rows : slice or array_like of int

        Returns
        -------
        ndarray, sample axis first
        """
        rows = np.arange(len(self))[rows]
        if rows.ndim == 0:
            return np.asarray(self[rows[np.newaxis]][0])
        parts = np.searchsorted(self.shards.edges, rows, side="right") - 1
        values = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for part in np.unique(parts):
            wanted = np.flatnonzero(parts == part)
            values[wanted] = self._part(int(part))[rows[wanted] - self.shards.edges[part]]
        return values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Read everything."""
        return np.asarray(self._store.read(self._name, self._samples), dtype=dtype)

    def _read_part(self, part: int) -> np.ndarray:
        """Read the samples of one shard."""
        number = int(self.shards.numbers[part])
        first, last = self.shards.edges[part : part + 2]
        rows = self._samples[first:last] - number * self._store.shard_samples
        return np.asarray(self._store.read_shard(number, self._name, rows[-1] + 1)[rows])
