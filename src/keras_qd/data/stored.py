"""A stored data set as a `Dataset`: its splits are read when they are asked for.

A split that fits into memory comes as arrays. A larger one comes as :class:`StoredArray`, of which
training reads batch after batch. Which it is follows from the data and from a setting, not from the
machine: samples are shuffled differently, and a run must be the same everywhere.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import platformdirs

from keras_qd.data.dataset import FRACTIONS, Dataset, check_split_name, given_rows, split_rows
from keras_qd.data.fields import Field
from keras_qd.data.recipes import Recipe, settings_of
from keras_qd.data.store.description import FINGERPRINT, check_same_configuration
from keras_qd.data.store.generate import generate
from keras_qd.data.store.store import Store, open_store
from keras_qd.data.store.writer import Progress
from keras_qd.errors import StoreError, UsageError


@dataclass(frozen=True)
class Shards:
    """The rows of a split by shard: ``edges[i]`` to ``edges[i + 1] - 1`` in ``numbers[i]``."""

    # The `window` is how many shards are shuffled together, and so are in memory at a time.

    numbers: np.ndarray
    edges: np.ndarray
    window: int

    @classmethod
    def of_samples(cls, samples: np.ndarray, shard_samples: int, window: int) -> Shards:
        """Divide a split, given the ascending numbers of its samples in the store."""
        numbers, first = np.unique(samples // shard_samples, return_index=True)
        return cls(numbers, np.append(first, len(samples)), window)

    def shuffled(self, generator: np.random.Generator) -> np.ndarray:
        """Return all rows in a random order: random shards, then random rows of a window."""
        # Rows of one window come before those of the next, so that each shard is read once.
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
    >>> from keras_qd.data import Wells, generate
    >>> store = generate(tempfile.mkdtemp() + "/wells.zarr", Wells(), 40, workers=1)

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
        """Read some samples, by a slice or by row numbers; sample axis first."""
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
        Shares of the training, validation and test split; by default those of the store, or
        else 80, 10 and 10 %.
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
    >>> from keras_qd.data import Wells, generate
    >>> store = generate(tempfile.mkdtemp() + "/wells.zarr", Wells(), 40, workers=1)

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
                f"extend it with '{store.command}'"
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
        self._rows = self._labelled(split_rows(fingerprints, self._fractions))

    @property
    def fields(self) -> Mapping[str, Field]:
        """Shape, unit and meaning of every field, by name."""
        return dict(self._store.fields)

    @property
    def store(self) -> Store:
        """The store that the data set reads."""
        return self._store

    @property
    def metadata(self) -> dict[str, Any]:
        """Path, configuration, number of samples, digest, fractions, errors of the labels."""
        return {
            "path": self._store.location.address,
            "configuration": self._store.configuration,
            "samples": self._n_samples,
            "digest": self._store.digest(self._n_samples),
            "fractions": self._fractions,
            "label_error": self._store.label_error,
        }

    def _labelled(self, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Leave out the samples that a solver refused."""
        if self._store.configuration.get("kind") != SOLVED:
            return rows
        solved = self._store.read(LABELLED, np.arange(self._n_samples)).astype(bool)
        return {name: each[solved[each]] for name, each in rows.items()}

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
        Shares of the training, validation and test split; by default those of the store, or
        else 80, 10 and 10 %.
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
    """Return where the data set of a recipe is kept, one path for each configuration."""
    # The number of samples is not part of it: more of them make the same data set longer.
    text = json.dumps(recipe.configuration(), sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return cache_directory() / f"{recipe.kind}-{digest}.zarr"


#: Kinds of stores that were not generated; their fields are checked where they are used.
IMPORTED = "imported"
SOLVED = "solved"

#: Field of solved stores: 0 marks samples that the solver refused, which belong to no split.
LABELLED = "solved"


class GeneratedDataset:
    """A data set that a recipe generates: loaded from a path, or made at first use and kept.

    It is registered as it is: called with settings, it returns a :class:`StoredDataset`, and
    ``keras-qd generate NAME`` makes a store of its recipe.

    Parameters
    ----------
    recipe : type
        A subclass of :class:`Recipe`.
    samples : int
        How many samples there are by default where they are made.
    fractions : sequence of three float
        Default shares of the training, validation and test split.

    Examples
    --------
    >>> from keras_qd.data import Wells
    >>> wells = GeneratedDataset(Wells, samples=100)
    >>> wells(samples=10).metadata["samples"]  # doctest: +SKIP
    10
    """

    def __init__(
        self, recipe: type[Recipe], *, samples: int, fractions: Sequence[float] = FRACTIONS
    ) -> None:
        self.recipe = recipe
        self.samples = samples
        self.fractions = tuple(fractions)
        self.__name__ = recipe.kind
        self.__module__ = recipe.__module__
        self.__doc__ = self._document()
        self.__signature__ = self._signature()

    def __call__(
        self,
        path: str | Path | None = None,
        *,
        samples: int | None = None,
        fractions: Sequence[float] | None = None,
        memory_budget: int = MEMORY_BUDGET,
        workers: int | None = None,
        progress: Progress | None = None,
        **settings: Any,
    ) -> StoredDataset:
        """Load the data set; its own docstring describes the settings."""
        settings = {name: value for name, value in settings.items() if value is not None}
        if path is not None:
            store = open_store(path)
            self._check(store, settings)
        else:
            samples = self.samples if samples is None else samples
            store = _kept_or_made(self.recipe(**settings), samples, workers, progress)
        return StoredDataset(store, samples, fractions or self.fractions, memory_budget)

    def _check(self, store: Store, given: Mapping[str, Any]) -> None:
        """Raise an error unless a store is of this recipe, with the settings that were given."""
        stored = dict(store.configuration)
        if stored.get("kind") not in (self.recipe.kind, IMPORTED, SOLVED):
            raise StoreError(
                f"{store.path} holds {stored.get('kind')!r}; expected {self.recipe.kind!r}"
            )
        if not given:
            return
        if stored["kind"] == self.recipe.kind:
            # Through a recipe, since some settings stand for others that follow from them.
            own = {name: stored[name] for name in settings_of(self.recipe) if name in stored}
            try:
                given = self.recipe(**{**own, **given}).settings()
            except UsageError:
                # Settings that exclude each other: name the one that is not as stored.
                check_same_configuration(store.path, stored, given)
                raise
        check_same_configuration(store.path, stored, given)

    def _signature(self) -> inspect.Signature:
        """Return the keywords: those of loading, then the settings of the recipe."""
        own = [
            each.replace(default=self.fractions) if each.name == "fractions" else each
            for each in inspect.signature(type(self).__call__).parameters.values()
            if each.name not in ("self", "settings")
        ]
        settings = [
            each.replace(default=None)
            for each in inspect.signature(self.recipe).parameters.values()
        ]
        return inspect.Signature([*own, *settings], return_annotation=StoredDataset)

    def _document(self) -> str:
        first = (inspect.getdoc(self.recipe) or self.recipe.kind).partition("\n")[0]
        return _DOCUMENTATION.format(
            summary=first,
            samples=self.samples,
            recipe=f"{self.recipe.__module__}.{self.recipe.__qualname__}",
            settings=", ".join(inspect.signature(self.recipe).parameters),
        )


_DOCUMENTATION = """{summary}

Parameters
----------
path : str or Path, optional
    A stored data set. Without it, the samples are made now, unless they have been made before: they
    are kept in the user's cache directory, or in ``$KERAS_QD_CACHE``.
samples : int, optional
    How many: with a path the first ones of those stored, all by default; without one {samples} by
    default.
{settings} : optional
    Settings of :class:`{recipe}`, which has the defaults; with a path, those given must be as
    stored.
fractions : sequence of three float
    Shares of the training, validation and test split.
memory_budget : int
    Bytes that the fields of a split may have to be held in memory; a larger split is read batch by
    batch, and shuffled within some shards at a time.
workers : int, optional
    Processes that make samples; as many as there are usable cores by default.
progress : callable, optional
    Called with the samples made so far and all that there will be.

Returns
-------
StoredDataset
    With the fields of the recipe.

Raises
------
StoreError
    If there is no such data set, it is not finished, or it cannot be written.
UsageError
    If a setting is out of range, or is not what is stored.
"""


def _kept_or_made(
    recipe: Recipe, samples: int, workers: int | None, progress: Progress | None
) -> Store:
    """Return a store in the cache with at least so many finished samples."""
    path = cached_path(recipe)
    with suppress(StoreError):  # damaged: made again below
        store = open_store(path)
        if samples <= store.n_samples and not store.unfinished(samples):
            return store  # without the writer's lock: any number of processes may read
    return generate(path, recipe, samples, workers=workers, progress=progress)
