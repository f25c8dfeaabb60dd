"""A store in a directory of a file system."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zarr

from keras_qd.data.store.lock import WriterLock
from keras_qd.data.store.place import Place


class Directory(Place):
    """A directory: keys are files, each renamed into place once it is whole.

    Parameters
    ----------
    path : Path
        Where it is or will be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.address = str(path.absolute())

    def __str__(self) -> str:
        return str(self.path)

    def zarr_store(self, *, read_only: bool) -> Any:
        """Return the directory as Zarr knows it."""
        return zarr.storage.LocalStore(self.path, read_only=read_only)

    def exists(self) -> bool:
        """Whether something is there, store or not; an empty directory counts as nothing."""
        return self.path.exists() and not (self.path.is_dir() and not any(self.path.iterdir()))

    def create(self, files: Mapping[str, bytes]) -> None:
        """Build the directory aside and move it into place in one step."""
        building = self.path.with_name(f".{self.path.name}.new")
        shutil.rmtree(building, ignore_errors=True)
        for key, content in files.items():
            (building / key).parent.mkdir(parents=True, exist_ok=True)
            (building / key).write_bytes(content)
        os.replace(building, self.path)

    def locked(self) -> WriterLock:
        """Return the lock of the operating system; see :class:`WriterLock`."""
        return WriterLock(self.path)

    def stored_bytes(self, name: str) -> int:
        """Return the sum of the sizes of an array's files."""
        files = (file for file in (self.path / name).rglob("*") if file.is_file())
        return sum(file.stat().st_size for file in files)

    def remove_leftovers(self) -> None:
        """Remove the temporary files of writers that were killed."""
        for leftover in self.path.rglob("*.partial"):
            leftover.unlink(missing_ok=True)
