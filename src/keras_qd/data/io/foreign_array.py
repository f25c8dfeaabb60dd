"""One array in a file that somebody else has written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = 2**20


@dataclass(frozen=True)
class ForeignArray:
    """An array that is there to be imported.

    Parameters
    ----------
    source : Path
        The file or directory it is in.
    key : str
        Its name in there, empty where it is alone.
    values : object
        Anything with ``shape``, ``dtype`` and slices.
    """

    source: Path
    key: str
    values: Any

    @property
    def name(self) -> str:
        """What the field is called unless somebody says otherwise."""
        return self.key.rsplit("/", 1)[-1] if self.key else self.source.stem

    @property
    def place(self) -> str:
        """Where the array is, without the folder: ``V.db``, ``data.npz:V``."""
        return f"{self.source.name}:{self.key}" if self.key else self.source.name

    @property
    def known_as(self) -> set[str]:
        """All that a user may call it by."""
        shown = {str(self.source), self.source.name}
        if not self.key:
            return {self.name, *shown}
        return {self.name, self.key, *(f"{each}:{self.key}" for each in shown)}


def source_checksum(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and contents of all files in a directory."""
    digest = hashlib.sha256()
    if path.is_file():
        _add(digest, path)
        return digest.hexdigest()
    for file in sorted(_files(path)):
        digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        _add(digest, file)
    return digest.hexdigest()


def _files(path: Path) -> Iterable[Path]:
    return (each for each in path.rglob("*") if each.is_file())


def _add(digest: Any, path: Path) -> None:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
