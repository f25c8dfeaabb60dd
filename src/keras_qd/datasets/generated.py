"""Data sets that a recipe makes: from a path, or made at first use and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_qd.data.generation import Progress, generate
from keras_qd.data.imported import Imported
from keras_qd.data.recipe import Recipe
from keras_qd.data.schema import check_same_configuration
from keras_qd.data.store import Store, open_store
from keras_qd.datasets.cache import cached_path
from keras_qd.datasets.stored import StoredDataset
from keras_qd.errors import StoreError


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
