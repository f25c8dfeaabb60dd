"""A stored data set as a `Dataset`: its splits are read when they are asked for.

A split that fits into memory comes as arrays. A larger one comes as :class:`StoredArray`, of which
training reads batch after batch. Which it is follows from the data and from a setting, not from the
machine: samples are shuffled differently, and a run must be the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from keras_qd.data.field import Field
from keras_qd.data.store import FINGERPRINT, Store
from keras_qd.datasets.dataset import Dataset, check_split_name
from keras_qd.datasets.shards import Shards
from keras_qd.datasets.splits import FRACTIONS, given_rows, split_rows
from keras_qd.datasets.stored_array import StoredArray
from keras_qd.errors import StoreError, UsageError

#: Bytes of a split that is held in memory.
MEMORY_BUDGET = 2**30

Values: TypeAlias = np.ndarray | StoredArray


class StoredDataset(Dataset):
    """The first samples of a store, divided into splits.

    Parameters
    ----------
    store : Store
        An open store.
    samples : int, optional
        How many of its samples; all of them by default.
    fractions : sequence of three float, optional
        Shares of the training, validation and test split; by default as whoever made the store has
        divided it, or else 80, 10 and 10 %.
    memory_budget : int
        Bytes that the fields of a split may have to be held in memory; those of a larger one are
        :class:`StoredArray`.

    Raises
    ------
    StoreError
        If the samples are not all there.
    UsageError
        If the fractions are not three shares of one, or the budget is not positive.

    Examples
    --------
    >>> import tempfile
    >>> from keras_qd.data import Wells, write_store
    >>> store = write_store(tempfile.mkdtemp() + "/wells.zarr", Wells(n_points=16), 40)

    >>> dataset = StoredDataset(store, fractions=(0.5, 0.25, 0.25))
    >>> sum(len(dataset.split(name)["energy"]) for name in ("train", "validation", "test"))
    40
    """

    def __init__(
        self,
        store: Store,
        samples: int | None = None,
        fractions: Sequence[float] | None = None,
        memory_budget: int = MEMORY_BUDGET,
    ) -> None:
        if memory_budget < 1:
            raise UsageError(f"memory_budget={memory_budget} must be a positive number of bytes")
        self._store = store
        self._n_samples = store.n_samples if samples is None else samples
        if self._n_samples > store.n_samples:
            raise StoreError(
                f"{store.path} holds {store.n_samples} samples, not {samples}; ask for fewer, or "
                f"make it longer with '{store.command}'"
            )
        if store.unfinished(self._n_samples):
            raise store.incomplete()
        self._memory_budget = memory_budget
        given: Mapping[str, int] | None = store.configuration.get("splits")
        self._fractions: list[float] | None = None
        if fractions is None and given is not None:
            self._rows = given_rows(given, self._n_samples)
            return
        self._fractions = list(FRACTIONS if fractions is None else fractions)
        fingerprints = store.read(FINGERPRINT, np.arange(self._n_samples))
        self._rows = split_rows(fingerprints, self._fractions)

    @property
    def fields(self) -> Mapping[str, Field]:
        """Shape, unit and meaning of every field, by name."""
        return dict(self._store.fields)

    @property
    def metadata(self) -> dict[str, Any]:
        """Path, configuration, number of samples, digest, fractions, errors of the labels."""
        return {
            "path": self._store.place.address,
            "configuration": self._store.configuration,
            "samples": self._n_samples,
            "digest": self._store.digest(self._n_samples),
            "fractions": self._fractions,
            "label_error": self._store.label_error,
        }

    def split(self, name: str) -> Mapping[str, Values]:
        """Return the fields of one split, read at first use; see :meth:`Dataset.split`."""
        check_split_name(name)
        return _StoredSplit(self._store, self._rows[name], self._memory_budget)


class _StoredSplit(Mapping[str, Values]):
    """Fields of some rows of a store, each read or opened when it is first asked for."""

    def __init__(self, store: Store, rows: np.ndarray, memory_budget: int) -> None:
        self._store = store
        self._rows = rows
        self._found: dict[str, Values] = {}
        sample_bytes = sum(map(_bytes, store.fields.values()))
        self._shards: Shards | None = None
        if len(rows) * sample_bytes > memory_budget:
            # What is kept of the shards is two windows of each field: a quarter of the budget.
            window = memory_budget // (8 * sample_bytes * store.shard_samples)
            self._shards = Shards.of_samples(rows, store.shard_samples, max(2, window))

    def __getitem__(self, name: str) -> Values:
        if name not in self._store.fields:
            raise KeyError(name)
        if name not in self._found:
            self._found[name] = self._open(name)
        return self._found[name]

    def _open(self, name: str) -> Values:
        if self._shards is None:
            return self._store.read(name, self._rows)
        return StoredArray(self._store, name, self._rows, self._shards)

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.fields)

    def __len__(self) -> int:
        return len(self._store.fields)


def _bytes(field: Field) -> int:
    """Return the bytes of a field in memory, where networks have at least 32 bits a number."""
    return field.size * max(4, np.dtype(field.dtype).itemsize)
