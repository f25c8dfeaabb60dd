"""A stored data set as a `Dataset`: its splits are read when they are asked for.

A split that fits into memory comes as arrays. A larger one comes as :class:`StoredArray`, of which
training reads batch after batch. Which it is follows from the data and from a setting, not from the
machine: samples are shuffled differently, and a run must be the same everywhere.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import platformdirs

from keras_qd.data.dataset import FRACTIONS, Dataset, check_split_name, given_rows, split_rows
from keras_qd.data.fields import Field
from keras_qd.data.recipes import Imported, Recipe
from keras_qd.data.store.generation import Progress, generate
from keras_qd.data.store.store import FINGERPRINT, Store, check_same_configuration, open_store
from keras_qd.errors import StoreError, UsageError


@dataclass(frozen=True)
class Shards:
    """The rows of a split that is read shard by shard.

    Parameters
    ----------
    numbers : ndarray of int, shape (n,)
        Numbers of the shards that have rows in the split.
    edges : ndarray of int, shape (n + 1,)
        The rows of shard i are those from ``edges[i]`` to ``edges[i + 1] - 1``.
    window : int
        How many shards are shuffled together, and so have to be in memory at a time.
    """

    numbers: np.ndarray
    edges: np.ndarray
    window: int

    @classmethod
    def of_samples(cls, samples: np.ndarray, shard_samples: int, window: int) -> Shards:
        """Divide a split.

        Parameters
        ----------
        samples : ndarray of int
            Ascending numbers of the split's samples in the store.
        shard_samples : int
            Samples in a shard of the store.
        window : int
            How many shards are shuffled together.

        Examples
        --------
        >>> Shards.of_samples(np.array([0, 2, 3, 9, 11]), 4, window=2).edges
        array([0, 3, 5])
        """
        numbers, first = np.unique(samples // shard_samples, return_index=True)
        return cls(numbers, np.append(first, len(samples)), window)

    def shuffled(self, generator: np.random.Generator) -> np.ndarray:
        """Return all rows in a random order: random shards, then random rows of a window of them.

        Parameters
        ----------
        generator : numpy.random.Generator
            Alone decides on the order.

        Returns
        -------
        ndarray of int
            Rows of one window come before those of the next, so that each shard is read once.
        """
        order = generator.permutation(len(self.numbers))
        windows = [
            np.concatenate([np.arange(*self.edges[[one, one + 1]]) for one in order[start:stop]])
            for start, stop in self._windows()
        ]
        return np.concatenate([generator.permutation(rows) for rows in windows])

    def _windows(self) -> list[tuple[int, int]]:
        starts = range(0, len(self.numbers), self.window)
        return [(start, start + self.window) for start in starts]


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

    >>> from keras_qd.data.stored import StoredDataset
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


#: Environment variable that names another directory.
VARIABLE = "KERAS_QD_CACHE"


def cache_directory() -> Path:
    """Return the directory of kept data sets: ``$KERAS_QD_CACHE``, or one in the user's cache."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_cache_path("keras-qd") / "datasets"


def cached_path(recipe: Recipe) -> Path:
    """Return where the data set of a recipe is kept, one path for each configuration.

    The number of samples is not part of it: more of them make the same data set longer.
    """
    text = json.dumps(recipe.configuration(), sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return cache_directory() / f"{recipe.kind}-{digest}.zarr"


def load_stored(
    kind: type[Recipe],
    path: str | Path,
    settings: Mapping[str, Any],
    samples: int | None,
    fractions: Sequence[float],
    memory_budget: int,
) -> StoredDataset:
    """Load a stored data set of one kind, or an imported one.

    Parameters
    ----------
    kind : type
        The recipe that it must have been made by, unless it was imported: what it holds then is for
        whoever asks for it to know.
    path : str or Path
        The store.
    settings : mapping
        Settings that it must have been made with, None for any.
    samples : int, optional
        How many of its samples, all by default.
    fractions : sequence of three float
        Shares of the training, validation and test split.
    memory_budget : int
        Bytes that the fields of a split may have to be held in memory.

    Raises
    ------
    StoreError
        If there is no such store, it is of another kind, or it is not finished.
    UsageError
        If a setting is not what is stored.
    """
    store = open_store(path)
    stored = dict(store.configuration)
    if stored.get("kind") not in (kind.kind, Imported.kind):
        raise StoreError(f"{path} holds {stored.get('kind')!r}; expected {kind.kind!r}")
    given = _given(settings)
    if given and stored["kind"] == Imported.kind:
        check_same_configuration(store.path, stored, given)
    elif given:
        own = {key: value for key, value in stored.items() if key not in ("kind", "recipe_version")}
        # Through a recipe, since some settings stand for others that follow from them.
        check_same_configuration(store.path, stored, kind(**{**own, **given}).settings())
    return StoredDataset(store, samples, fractions, memory_budget)


def load_or_make(
    kind: type[Recipe],
    settings: Mapping[str, Any],
    samples: int,
    fractions: Sequence[float],
    memory_budget: int,
    workers: int | None,
    progress: Progress | None,
) -> StoredDataset:
    """Load the data set of a recipe from the cache, where it is made first if need be.

    Parameters
    ----------
    kind : type
        The recipe.
    settings : mapping
        Its settings, None for its default.
    samples : int
        How many samples.
    fractions : sequence of three float
        Shares of the training, validation and test split.
    memory_budget : int
        Bytes that the fields of a split may have to be held in memory.
    workers, progress : optional
        As for :func:`keras_qd.data.generate`.

    Raises
    ------
    KerasQDError
        As for :func:`keras_qd.data.generate`.
    """
    recipe = kind(**_given(settings))
    store = _kept_or_made(recipe, samples, workers, progress)
    return StoredDataset(store, samples, fractions, memory_budget)


def _kept_or_made(
    recipe: Recipe, samples: int, workers: int | None, progress: Progress | None
) -> Store:
    """Return a store in the cache with at least so many finished samples."""
    path = cached_path(recipe)
    if path.exists():
        store = open_store(path)
        if samples <= store.n_samples and not store.unfinished(samples):
            return store  # without the writer's lock: any number of processes may read
    return generate(path, recipe, samples, workers=workers, progress=progress)


def _given(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}
