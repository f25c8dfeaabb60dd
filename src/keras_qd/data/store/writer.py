"""Making and writing one shard: the unit of work, of checksums and of going on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec
from zarr.storage import MemoryStore

from keras_qd.data.fields import Field
from keras_qd.data.recipes import Recipe
from keras_qd.data.store.place import Place
from keras_qd.data.store.store import (
    ATTRIBUTE,
    DESCRIPTION,
    FINGERPRINT,
    MANIFEST,
    ROW_BYTES,
    ManifestEntry,
    Store,
    check_description,
    check_same_configuration,
    checksum,
    describe,
    open_group,
)
from keras_qd.errors import DataError, KerasQDError, StoreError

_FINGERPRINT_FIELD = Field((), "", "hash of the sample's identity field", "uint64")


def prepare_store(place: Place, recipe: Recipe, n_samples: int) -> Store:
    """Create a store, or make ready an existing one to go on. The caller holds the lock.

    Parameters
    ----------
    place : Place
        Where it is or will be.
    recipe : Recipe
        What it holds.
    n_samples : int
        How many samples it shall hold; more than before makes it longer, fewer changes nothing.

    Returns
    -------
    Store
        Shards with a wrong checksum are forgotten, so that they are made again.

    Raises
    ------
    UsageError
        If the store holds data of another configuration.
    StoreError
        If something else is in the way at `place`.
    """
    if not place.exists():
        place.create(_empty_store(recipe, n_samples))
        return Store(place)
    store = Store(place)
    check_same_configuration(place, store.configuration, recipe.configuration())
    place.remove_leftovers()
    _lengthen(store, max(n_samples, store.n_samples))
    store = Store(place)
    _forget(store, store.damaged())
    return store


def _empty_store(recipe: Recipe, n_samples: int) -> dict[str, bytes]:
    """Return a store without any sample, as its keys."""
    keys: dict[str, Any] = {}
    fields = dict(recipe.fields)
    description = describe(
        recipe.configuration(), n_samples, recipe.shard_samples, list(fields), recipe.origins
    )
    group = zarr.create_group(MemoryStore(keys), attributes={ATTRIBUTE: description})
    for name, field in {**fields, FINGERPRINT: _FINGERPRINT_FIELD}.items():
        _create_array(group, name, field, n_samples, recipe.shard_samples)
    group.create_array(
        MANIFEST,
        shape=(-(-n_samples // recipe.shard_samples), ROW_BYTES),
        chunks=(1, ROW_BYTES),
        dtype="uint8",
        compressors=Crc32cCodec(),
        attributes={"meaning": DESCRIPTION},
    )
    return {key: content.to_bytes() for key, content in keys.items()}


def _create_array(group: Any, name: str, field: Field, n_samples: int, shard_samples: int) -> None:
    """Create the array of one field. A shard is one chunk of each array.

    Plain chunks of about 1 MB, shuffled and compressed with LZ4, were both faster and smaller than
    Zarr's sharding codec with smaller chunks inside.
    """
    group.create_array(
        name,
        shape=(n_samples, *field.shape),
        chunks=(shard_samples, *field.shape),
        dtype=field.dtype,
        # A hole must never pass for data.
        fill_value=np.nan if np.dtype(field.dtype).kind == "f" else 0,
        # Blosc by itself does not notice that a chunk was cut short, and reads beyond its end.
        compressors=(BloscCodec(cname="lz4", clevel=3, shuffle="shuffle"), Crc32cCodec()),
        attributes=field.attributes(),
    )


def _lengthen(store: Store, n_samples: int) -> None:
    """Make room for more samples; killed in between, the next call finishes it."""
    group = open_group(store.place, "r+")
    for name in (*store.fields, FINGERPRINT):
        if group[name].shape[0] != n_samples:
            group[name].resize((n_samples, *group[name].shape[1:]))
    n_shards = -(-n_samples // store.shard_samples)
    if group[MANIFEST].shape[0] != n_shards:
        group[MANIFEST].resize((n_shards, ROW_BYTES))
    if store.n_samples != n_samples:  # last: readers trust this number
        group.attrs[ATTRIBUTE] = {**group.attrs[ATTRIBUTE], "samples": n_samples}


def _forget(store: Store, shards: list[int]) -> None:
    manifest = open_group(store.place, "r+")[MANIFEST]
    for number in shards:
        manifest[number] = ManifestEntry().to_row()


class ShardWriter:
    """Makes and writes whole shards of one store; safe beside others that write other shards.

    Parameters
    ----------
    store : Store
        From :func:`prepare_store`.
    recipe : Recipe
        What makes the samples.
    """

    def __init__(self, store: Store, recipe: Recipe) -> None:
        self._store = store
        self._recipe = recipe
        group = open_group(store.place, "r+")
        self._arrays = {name: group[name] for name in (*store.fields, FINGERPRINT, MANIFEST)}

    @property
    def place(self) -> Place:
        """Where the store is."""
        return self._store.place

    def write(self, number: int, on_made: Callable[[int], None] | None = None) -> None:
        """Make what is missing of one shard, write the shard, then enter it in the manifest.

        Parameters
        ----------
        number : int
            Number of the shard.
        on_made : callable, optional
            Called with the number of samples made, after each batch.

        Raises
        ------
        DataError
            If the recipe makes a wrong shape or values that are not finite.
        StoreError
            If the store is another one by now.
        """
        indices = self._store.shard(number)
        parts = self._kept(number)
        first = indices.start + sum(len(part[FINGERPRINT]) for part in parts)
        for start in range(first, indices.stop, self._recipe.batch):
            batch = range(start, start + self._recipe.batch)
            made = self._checked(self._make(batch), batch, min(batch.stop, indices.stop))
            parts.append(made)
            if on_made is not None:
                on_made(len(made[FINGERPRINT]))
        values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        self._check_unchanged()
        self._publish(number, values)

    def _kept(self, number: int) -> list[dict[str, np.ndarray]]:
        """Read the whole batches that a last shard has from before the store became longer."""
        count = ManifestEntry.from_row(self._arrays[MANIFEST][number]).count
        whole = count // self._recipe.batch * self._recipe.batch
        if not whole:
            return []
        names = (*self._store.fields, FINGERPRINT)
        return [{name: self._store.read_shard(number, name)[:whole] for name in names}]

    def _make(self, batch: range) -> dict[str, np.ndarray]:
        try:
            return self._recipe.make(batch)
        except KerasQDError as error:
            error.args = (f"{_samples(batch)}: {error}", *error.args[1:])
            raise

    def _checked(
        self, made: dict[str, np.ndarray], batch: range, stop: int
    ) -> dict[str, np.ndarray]:
        """Return the samples below `stop` as they are stored, with their fingerprints."""
        count = stop - batch.start
        stored = {}
        for name, field in self._store.fields.items():
            values = np.asarray(made[name])
            if values.shape != (len(batch), *field.shape):
                raise DataError(
                    f"{_samples(batch)}: {name} has shape {values.shape}, "
                    f"expected {(len(batch), *field.shape)}"
                )
            stored[name] = np.ascontiguousarray(values[:count], dtype=field.dtype)
            if not field.nullable:
                _check_finite(name, stored[name], batch.start)
        stored[FINGERPRINT] = fingerprints(stored[self._recipe.identity])
        return stored

    def _check_unchanged(self) -> None:
        """Refuse to write into a store that was replaced or made longer while a shard was made.

        On a cluster, work goes on for a while after whoever ordered it was killed and started anew.
        """
        now = check_description(self.place, open_group(self.place, "r").attrs)
        before = self._store
        if (now["configuration"], now["samples"]) != (before.configuration, before.n_samples):
            raise StoreError(
                f"{self.place} has become another store while samples were made for it, which were "
                "thrown away"
            )

    def _publish(self, number: int, values: dict[str, np.ndarray]) -> None:
        start = self._store.shard(number).start
        count = len(values[FINGERPRINT])
        for name, array in values.items():
            self._arrays[name][start : start + count] = array
        self._arrays[MANIFEST][number] = ManifestEntry(count, checksum(values)).to_row()


def fingerprints(values: np.ndarray) -> np.ndarray:
    """Return an 8-byte hash of every sample: equal samples have equal hashes.

    Parameters
    ----------
    values : ndarray, sample axis first

    Returns
    -------
    ndarray of uint64, shape (n,)
    """
    hashes = [hashlib.blake2b(sample.tobytes(), digest_size=8).digest() for sample in values]
    return np.frombuffer(b"".join(hashes), dtype="<u8").astype(np.uint64)


def _check_finite(name: str, values: np.ndarray, first: int) -> None:
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        bad = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
        raise DataError(
            f"sample {first + int(np.argmax(bad))}: {name} is not finite; its shard was not stored"
        )


def _samples(batch: range) -> str:
    return f"sample {batch[0]}" if len(batch) == 1 else f"samples {batch[0]} to {batch[-1]}"
