"""A stored data set as a `Dataset`: its splits are read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from keras_qd.data.field import Field
from keras_qd.data.store import FINGERPRINT, Store
from keras_qd.datasets.dataset import Dataset, check_split_name
from keras_qd.datasets.splits import FRACTIONS, split_rows
from keras_qd.errors import StoreError


class StoredDataset(Dataset):
    """The first samples of a store, divided into splits.

    Parameters
    ----------
    store : Store
        An open store.
    samples : int, optional
        How many of its samples; all of them by default.
    fractions : sequence of three float
        Shares of the training, validation and test split.

    Raises
    ------
    StoreError
        If the samples are not all there.
    UsageError
        If the fractions are not three shares of one.
    """

    def __init__(
        self, store: Store, samples: int | None = None, fractions: Sequence[float] = FRACTIONS
    ) -> None:
        self._store = store
        self._n_samples = store.n_samples if samples is None else samples
        if self._n_samples > store.n_samples:
            raise StoreError(
                f"{store.path} holds {store.n_samples} samples, not {samples}; append more with: "
                f"keras-qd generate {store.configuration['kind']} --samples {samples} "
                f"--out {store.path}"
            )
        if store.unfinished(self._n_samples):
            raise store.incomplete()
        self._fractions = list(fractions)
        self._rows = split_rows(store.read(FINGERPRINT, np.arange(self._n_samples)), fractions)

    @property
    def fields(self) -> Mapping[str, Field]:
        """Shape, unit and meaning of every field, by name."""
        return dict(self._store.fields)

    @property
    def metadata(self) -> dict[str, Any]:
        """Path, configuration, number of samples, digest, fractions, errors of the labels."""
        return {
            "path": str(self._store.path.absolute()),
            "configuration": self._store.configuration,
            "samples": self._n_samples,
            "digest": self._store.digest(self._n_samples),
            "fractions": self._fractions,
            "label_error": self._store.label_error,
        }

    def split(self, name: str) -> Mapping[str, np.ndarray]:
        """Return the fields of one split, read at first use; see :meth:`Dataset.split`."""
        check_split_name(name)
        return _StoredSplit(self._store, self._rows[name])


class _StoredSplit(Mapping[str, np.ndarray]):
    """Fields of some rows of a store, each read when it is first asked for and then kept."""

    def __init__(self, store: Store, rows: np.ndarray) -> None:
        self._store = store
        self._rows = rows
        self._read: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._store.fields:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = self._store.read(name, self._rows)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.fields)

    def __len__(self) -> int:
        return len(self._store.fields)
