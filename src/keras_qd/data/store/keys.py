"""The arrays of a store as Zarr reads and writes them, key by key."""

from __future__ import annotations

import asyncio
from typing import Any

import zarr
from zarr.storage import WrapperStore

from keras_qd.data.store.description import Description, as_files, chunk_bytes
from keras_qd.data.store.location import Location, unreachable
from keras_qd.data.store.manifest import MANIFEST

#: Bytes by which noise may exceed what it is compressed from.
_MARGIN = 2**16


class _Keys(WrapperStore[Any]):
    """A store whose description has been read already, and whose values are never filled in."""

    def __init__(self, store: Any, location: Location, description: Description) -> None:
        super().__init__(store)
        self._location, self._description = location, description
        self._files = as_files(description)

    def _with_store(self, store: Any) -> _Keys:
        return type(self)(store, self._location, self._description)

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """Return what is at a key; None, for which Zarr puts its fill value, only for rows."""
        if key in self._files:
            return prototype.buffer.from_bytes(self._files[key])
        name = key.partition("/")[0]
        largest = chunk_bytes(self._description.documents[name])
        if self._location.size(key) > 2 * largest + _MARGIN:
            raise ValueError(f"{key} is larger than any block")
        found = await self._read(key, prototype, byte_range)
        if name == MANIFEST:
            return found
        if found is None:
            raise FileNotFoundError(f"{key} is missing")
        if int.from_bytes(bytes(found.as_array_like()[4:8]), "little") > largest:  # of Blosc
            raise ValueError(f"{key} claims more than a block has")
        return found

    async def _read(self, key: str, prototype: Any, byte_range: Any) -> Any:
        """Read a key; raise a StoreError where a location does not answer."""
        try:
            return await self._store.get(key, prototype, byte_range)
        except Exception as error:  # the client of each protocol has errors of its own
            if self._location.is_remote:
                raise unreachable(self._location, error) from error
            raise


class _NewKeys(_Keys):
    """The same for writing: each chunk is made whole, and whatever was there is not read."""

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """Return the description only."""
        return prototype.buffer.from_bytes(self._files[key]) if key in self._files else None

    async def set(self, key: str, value: Any, byte_range: Any = None) -> None:
        """Replace a key, in the way of the location."""
        await asyncio.to_thread(self._location.write, key, value.to_bytes())


def open_arrays(location: Location, description: Description, *, write: bool = False) -> Any:
    """Return the arrays of a store by name."""
    kind = _NewKeys if write else _Keys
    store = kind(location.zarr_store(read_only=not write), location, description)
    # What equals the fill value is written as well: what is missing is damage.
    with zarr.config.set({"array.write_empty_chunks": True}):
        group = zarr.open_group(
            store, mode="r+" if write else "r", zarr_format=3, use_consolidated=False
        )
        return {name: group[name] for name in description.documents}
