"""Making a store ready for its writers: creating it, making it longer, clearing up after a kill."""

from __future__ import annotations

from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec
from zarr.storage import MemoryStore

from keras_qd.data.field import Field
from keras_qd.data.manifest import DESCRIPTION, ROW_BYTES, ManifestEntry
from keras_qd.data.place import Place
from keras_qd.data.recipe import Recipe
from keras_qd.data.schema import ATTRIBUTE, check_same_configuration, describe
from keras_qd.data.store import FINGERPRINT, MANIFEST, Store, open_group

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
