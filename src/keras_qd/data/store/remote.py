"""A store at a URL, such as one in an object store, through fsspec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import zarr

from keras_qd.data.store.lease import Lease
from keras_qd.data.store.place import ROOT, Place
from keras_qd.errors import StoreError

#: Someone else's changes must be seen.
_OPTIONS = {"use_listings_cache": False}


class Remote(Place):
    """What fsspec finds at a URL. Keys are objects, which an object store replaces as a whole.

    Credentials and endpoints are fsspec's own affair: its configuration files, its environment
    variables and those of the provider reach the worker processes as well.

    Parameters
    ----------
    url : str
        Protocol and path.

    Raises
    ------
    StoreError
        If fsspec is missing, or what it needs for this protocol.
    """

    def __init__(self, url: str) -> None:
        self.address = url.rstrip("/")
        try:
            from fsspec.core import url_to_fs

            self._files, self._root = url_to_fs(self.address, **_OPTIONS)
        except ImportError as error:
            raise StoreError(
                f"{url} cannot be used: {error}; "
                "install it, and fsspec itself with: pip install 'keras-qd[remote]'"
            ) from error
        except ValueError as error:  # an unknown protocol, or nothing after it
            raise StoreError(f"{url} cannot be used: {error}") from error

    def __str__(self) -> str:
        return self.address

    @property
    def in_one_process(self) -> bool:
        """True of ``memory://``."""
        return self.address.startswith("memory://")

    def zarr_store(self, *, read_only: bool) -> Any:
        """Return the URL as Zarr knows it."""
        return zarr.storage.FsspecStore.from_url(
            self.address, storage_options=_OPTIONS, read_only=read_only
        )

    def exists(self) -> bool:
        """Whether there is a Zarr node."""
        try:
            return bool(self._files.exists(f"{self._root}/{ROOT}"))
        except Exception as error:  # each protocol's client has errors of its own
            raise StoreError(
                f"{self} cannot be reached: {type(error).__name__}: {error}; see that address and "
                "credentials are right"
            ) from error

    def create(self, files: Mapping[str, bytes]) -> None:
        """Write the keys one by one, that of the root last: it is what makes a store of them."""
        present = {found.removeprefix(f"{self._root}/") for found in self._files.find(self._root)}
        if foreign := sorted(present - set(files)):
            raise StoreError(f"{self} is not a data set: it holds no Zarr group but {foreign[0]}")
        for key in sorted(files, key=lambda key: key == ROOT):
            self._files.pipe_file(f"{self._root}/{key}", files[key])

    def stored_bytes(self, name: str) -> int | None:
        """Return the sum of the sizes of an array's objects."""
        try:
            objects = self._files.find(f"{self._root}/{name}", detail=True).values()
        except (OSError, NotImplementedError):  # who serves files need not list them
            return None
        sizes = [found["size"] for found in objects]
        return sum(sizes) if sizes and None not in sizes else None

    def locked(self) -> Lease:
        """Return a claim that other writers respect; see :class:`Lease`."""
        return Lease(self._files, f"{self._root}.lock", str(self))
