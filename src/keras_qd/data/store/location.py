"""Where a store is kept: a directory, or a URL that fsspec knows, such as one of an object store.

A directory has one writer at a time, by a lock of the operating system (filelock). An object store
has no locks. Two writers there do no harm: sample i depends on the seed, i and the settings alone,
so they write identical objects, and the checksums show if the result is of two settings.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from os import PathLike, fspath
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import zarr

from keras_qd._files import (
    LockedError,
    locked,
    make_folders,
    remove,
    remove_leftovers,
    sync_folder,
    write_synced,
)
from keras_qd.errors import StoreError

#: The key of a Zarr node's metadata. A store exists from the moment on when its root has it.
ROOT = "zarr.json"
#: No description has more bytes.
_MOST_BYTES = 2**26
#: Changes by other processes must be seen.
_OPTIONS = {"use_listings_cache": False}


class Location(ABC):
    """Base of the locations of stores; writing one key is atomic."""

    # By its `address` any other process, and every machine that shares the location, finds it.

    address: str
    is_remote = False

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
    def read(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Read keys; those that are not there are left out."""

    def size(self, key: str) -> int:
        """Return the bytes at a key, 0 where there are none or they cannot be had cheaply."""
        return 0

    @abstractmethod
    def write(self, key: str, content: bytes) -> None:
        """Replace one key."""

    def sync(self) -> None:  # noqa: B027 - most locations keep what they have accepted
        """Make all that was written survive a power cut."""

    def numbered(self, prefix: str) -> list[int] | None:
        """Return the numbers below a key, ascending; None where they cannot be listed cheaply."""
        return None

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
        self._unsynced: set[Path] = set()

    def __str__(self) -> str:
        return str(self.path)

    def zarr_store(self, *, read_only: bool) -> Any:
        """Return the directory as Zarr takes it."""
        return zarr.storage.LocalStore(self.path, read_only=read_only)

    def exists(self) -> bool:
        """Whether something is there, store or not; an empty directory counts as nothing."""
        return self.path.exists() and not (self.path.is_dir() and not any(self.path.iterdir()))

    def create(self, files: Mapping[str, bytes]) -> None:
        """Build the directory under another name, sync it, and rename it in one step."""
        real = self.path.resolve()
        building = real.with_name(f".{real.name}.new")
        remove(building)
        for key, content in files.items():
            make_folders((building / key).parent)
            write_synced(building / key, content)
        for folder in {(building / key).parent for key in files}:
            sync_folder(folder)
        os.replace(building, real)
        sync_folder(real.parent)

    def read(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Read keys; those that are not there are left out."""
        found = {}
        for key in keys:
            file = self.path / key
            if file.is_file():
                if file.stat().st_size > _MOST_BYTES:
                    raise StoreError(f"{file} has more than {_MOST_BYTES} bytes; it is damaged")
                found[key] = file.read_bytes()
        return found

    def size(self, key: str) -> int:
        """Return the bytes at a key."""
        try:
            return (self.path / key).stat().st_size
        except OSError:  # reading it says why
            return 0

    def write(self, key: str, content: bytes) -> None:
        """Replace one key; its name survives a power cut after :meth:`sync`."""
        file = self.path / key
        make_folders(file.parent)
        if file.is_dir():
            remove(file)
        write_synced(file, content)
        self._unsynced.add(file.parent)

    def sync(self) -> None:
        """Make all that was written survive a power cut."""
        while self._unsynced:
            sync_folder(self._unsynced.pop())

    def numbered(self, prefix: str) -> list[int]:
        """Return the numbers below a key, ascending."""
        folder = self.path / prefix
        found = folder.iterdir() if folder.is_dir() else ()
        return sorted(int(each.name) for each in found if each.name.isdecimal())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock file ``.NAME.lock`` beside it; the kernel frees that of a dead process."""
        try:
            with locked(self.path):
                yield
        except LockedError:
            raise StoreError(
                f"{self.path} is being written by another process; wait until it has finished, or "
                "end it"
            ) from None
        except NotImplementedError as error:
            raise StoreError(f"{self.path} cannot be locked for writing: {error}") from error

    def stored_bytes(self, name: str) -> int:
        """Return the sum of the sizes of an array's files."""
        files = (file for file in (self.path / name).rglob("*") if file.is_file())
        return sum(file.stat().st_size for file in files)

    def remove_leftovers(self) -> None:
        """Remove the temporary files of writers that were killed."""
        remove_leftovers(self.path)


class Remote(Location):
    """What fsspec finds at a URL. Keys are objects, which an object store replaces as a whole."""

    is_remote = True

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
        with self._reached():
            return bool(self._files.exists(f"{self._root}/{ROOT}"))

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Turn the errors of the client, which each protocol has of its own, into a StoreError."""
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            raise unreachable(self, error) from error

    def read(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Read keys; those that are not there are left out."""
        found = {}
        with self._reached():
            for key in keys:
                with suppress(FileNotFoundError):
                    found[key] = self._files.cat_file(f"{self._root}/{key}")
        return found

    def write(self, key: str, content: bytes) -> None:
        """Replace one key."""
        with self._reached():
            self._files.pipe_file(f"{self._root}/{key}", content)

    def create(self, files: Mapping[str, bytes]) -> None:
        """Write the keys one by one, that of the root last: it makes a store of them."""
        with self._reached():
            self._create(files)

    def _create(self, files: Mapping[str, bytes]) -> None:
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


def unreachable(location: object, error: Exception) -> StoreError:
    """Return the error of a location that does not answer."""
    return StoreError(
        f"{location} cannot be reached: {type(error).__name__}: {error}; check the address and the "
        "credentials, and run the same again"
    )


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
