"""Where a store is, and what it takes to keep one there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

#: The key of a Zarr node's metadata. A store is there from the moment on when its root has it.
ROOT = "zarr.json"


class Place(ABC):
    """Base of the places that can hold a store.

    Writing one key is atomic: who reads it sees the old content or the new.

    Attributes
    ----------
    address : str
        What any other process, and every machine that shares the place, finds it by.
    """

    address: str

    @property
    def in_one_process(self) -> bool:
        """Whether no other process can reach it."""
        return False

    @abstractmethod
    def zarr_store(self, *, read_only: bool) -> Any:
        """Return the place as Zarr knows it."""

    @abstractmethod
    def exists(self) -> bool:
        """Whether something is there that may be a store."""

    @abstractmethod
    def create(self, files: Mapping[str, bytes]) -> None:
        """Write a new store, given as its keys, so that it is there whole or not at all.

        Raises
        ------
        StoreError
            If something else is in the way.
        """

    @abstractmethod
    def locked(self) -> AbstractContextManager[object]:
        """Return a context in which no other writer is let in.

        Raises
        ------
        StoreError
            On entering, if there is another writer.
        """

    @abstractmethod
    def stored_bytes(self, name: str) -> int | None:
        """Return how much one array takes where it is stored; None where nobody tells."""

    def remove_leftovers(self) -> None:  # noqa: B027 - most places have none
        """Remove what killed writers left unfinished. The caller holds the lock."""
