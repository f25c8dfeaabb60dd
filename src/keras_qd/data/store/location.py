"""Where a store is kept: a directory, or a URL that fsspec knows, such as one of an object store.

A directory has one writer at a time, by a lock of the operating system (filelock). An object store
has no locks. Two writers there do no harm: sample i depends on the seed, i and the settings alone,
so they write identical objects, and the checksums show if the result is of two settings.
"""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from os import PathLike, fspath
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import zarr
from filelock import FileLock, Timeout

from keras_qd.errors import StoreError

#: The key of a Zarr node's metadata. A store exists from the moment on when its root has it.
ROOT = "zarr.json"
#: Changes by other processes must be seen.
_OPTIONS = {"use_listings_cache": False}


class Location(ABC):
    """Base of the locations of stores; writing one key is atomic."""

    # By its `address` any other process, and every machine that shares the location, finds it.

    address: str

    @abstractmethod
    def zarr_store(self, *, read_only: bool) -> Any:
        """Return the location as Zarr takes it."""

    @abstractmethod
    def exists(self) -> bool:
        """Whether something is there that may be a store."""

    @abstractmethod
    def create(self, files: Mapping[str, bytes]) -> None:
        """Write a new store, given as its keys, so that it exists completely or not at all."""

    @abstractmethod
    def lock(self) -> AbstractContextManager[None]:
        """Return a context that excludes other writers, where the location has locks."""

    @abstractmethod
    def stored_bytes(self, name: str) -> int | None:
        """Return the stored size of one array; None where it is not known."""

    def remove_leftovers(self) -> None:  # noqa: B027 - most locations have none
        """Remove what killed writers left unfinished. The caller holds the lock."""


class Directory(Location):
    """A directory: keys are files, each renamed to its name once it is complete."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.address = str(path.absolute())

    def __str__(self) -> str:
        return str(self.path)

    def zarr_store(self, *, read_only: bool) -> Any:
        """Return the directory as Zarr takes it."""
        return zarr.storage.LocalStore(self.path, read_only=read_only)

    def exists(self) -> bool:
        """Whether something is there, store or not; an empty directory counts as nothing."""
        return self.path.exists() and not (self.path.is_dir() and not any(self.path.iterdir()))

    def create(self, files: Mapping[str, bytes]) -> None:
        """Build the directory under another name and rename it in one step."""
        building = self.path.with_name(f".{self.path.name}.new")
        shutil.rmtree(building, ignore_errors=True)
        for key, content in files.items():
            (building / key).parent.mkdir(parents=True, exist_ok=True)
            (building / key).write_bytes(content)
        os.replace(building, self.path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock file ``.NAME.lock`` beside it; the kernel frees that of a dead process."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(self.path.with_name(f".{self.path.name}.lock"), timeout=0)
        try:
            held.acquire()
        except Timeout:
            raise StoreError(
                f"{self.path} is being written by another process; wait until it has finished, or "
                "end it"
            ) from None
        except NotImplementedError as error:
            raise StoreError(f"{self.path} cannot be locked for writing: {error}") from error
        try:
            yield
        finally:
            held.release()

    def stored_bytes(self, name: str) -> int:
        """Return the sum of the sizes of an array's files."""
        files = (file for file in (self.path / name).rglob("*") if file.is_file())
        return sum(file.stat().st_size for file in files)

    def remove_leftovers(self) -> None:
        """Remove the temporary files of writers that were killed."""
        for leftover in self.path.rglob("*.partial"):
            leftover.unlink(missing_ok=True)


class Remote(Location):
    """What fsspec finds at a URL. Keys are objects, which an object store replaces as a whole."""

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

    def zarr_store(self, *, read_only: bool) -> Any:
        """Return the URL as Zarr takes it."""
        return zarr.storage.FsspecStore.from_url(
            self.address, storage_options=_OPTIONS, read_only=read_only
        )

    def exists(self) -> bool:
        """Whether there is a Zarr node."""
        try:
            return bool(self._files.exists(f"{self._root}/{ROOT}"))
        except Exception as error:  # the client of each protocol has errors of its own
            raise StoreError(
                f"{self} cannot be reached: {type(error).__name__}: {error}; check the address and "
                "the credentials"
            ) from error

    def create(self, files: Mapping[str, bytes]) -> None:
        """Write the keys one by one, that of the root last: it makes a store of them."""
        found = set(self._files.find(self._root))
        # While another writer begins, some clients list the folder itself.
        if self._root in found and not self._files.isfile(self._root):
            found.remove(self._root)
        present = {key.removeprefix(f"{self._root}/") for key in found}
        if ROOT in present:  # another writer was faster
            return
        if foreign := sorted(key for key in present if key.partition("/")[0] not in _tops(files)):
            raise StoreError(f"{self} is not a data set: it holds no Zarr group but {foreign[0]}")
        for key in sorted(files, key=lambda key: key == ROOT):
            self._files.pipe_file(f"{self._root}/{key}", files[key])

    def lock(self) -> AbstractContextManager[None]:
        """Return a context that excludes nobody: there are no locks, and none are needed."""
        return nullcontext()

    def stored_bytes(self, name: str) -> int | None:
        """Return the sum of the sizes of an array's objects."""
        try:
            objects = self._files.find(f"{self._root}/{name}", detail=True).values()
        except (OSError, NotImplementedError):  # a server of files need not list them
            return None
        sizes = [found["size"] for found in objects]
        return sum(sizes) if sizes and None not in sizes else None


def _tops(files: Mapping[str, bytes]) -> set[str]:
    """Return the files and folders at the top of a store, given as its keys."""
    return {key.partition("/")[0] for key in files}


def locate(path: str | PathLike[str] | Location) -> Location:
    """Return the location that a path or a URL means; ``file://`` URLs mean directories."""
    if isinstance(path, Location):
        return path
    text = fspath(path)
    if "://" not in text:
        return Directory(Path(text))
    if urlsplit(text).scheme == "file":
        return Directory(Path(url2pathname(urlsplit(text).path)))
    return Remote(text)
