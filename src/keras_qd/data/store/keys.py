"""The arrays of a store as Zarr reads and writes them, key by key."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import zarr
from zarr.storage import WrapperStore

from keras_qd.data.store.description import Description, as_files
from keras_qd.data.store.location import Location, unreachable
from keras_qd.data.store.manifest import MANIFEST


class _Keys(WrapperStore[Any]):
    """A store whose description has been read already, and whose values are never filled in."""

    def __init__(self, store: Any, location: Location, files: Mapping[str, bytes]) -> None:
        super().__init__(store)
        self._location, self._files = location, files

    def _with_store(self, store: Any) -> _Keys:
        return type(self)(store, self._location, self._files)

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """Return what is at a key; None, for which Zarr puts its fill value, only for rows."""
        if key in self._files:
            return prototype.buffer.from_bytes(self._files[key])
        try:
            found = await self._store.get(key, prototype, byte_range)
        except OSError as error:
            if self._location.is_remote:
                raise unreachable(self._location, error) from error
            raise
        except Exception as error:  # the client of each protocol has errors of its own
            raise unreachable(self._location, error) from error
        if found is None and not key.startswith(f"{MANIFEST}/"):
            raise FileNotFoundError(f"{key} is missing")
        return found


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
    store = kind(location.zarr_store(read_only=not write), location, as_files(description))
    # What equals the fill value is written as well: what is missing is damage.
    with zarr.config.set({"array.write_empty_chunks": True}):
        group = zarr.open_group(
            store, mode="r+" if write else "r", zarr_format=3, use_consolidated=False
        )
        return {name: group[name] for name in description.documents}
