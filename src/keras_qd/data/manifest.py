"""The manifest: which shards of a store are finished, and the checksum of each.

It is an array of bytes in the store itself, one row and one file a shard: the number of samples in
the shard (8 bytes, little endian), then the SHA-256 of their values. A row of zeros is a shard not
yet made. A row is written in one piece after everything else of its shard, so a shard counts from
that moment on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Bytes of one row: the count, then the checksum.
ROW_BYTES = 8 + 32
DESCRIPTION = (
    "a row a shard: samples in it (8 bytes, little endian), SHA-256 of its values (32 bytes)"
)


@dataclass(frozen=True)
class ManifestEntry:
    """One finished shard.

    Parameters
    ----------
    count : int
        How many samples it holds, 0 while it is not made.
    checksum : bytes
        SHA-256 of their values, from :func:`checksum`.
    """

    count: int = 0
    checksum: bytes = bytes(32)

    def to_row(self) -> np.ndarray:
        """Return the entry as bytes, shape (ROW_BYTES,)."""
        return np.frombuffer(self.count.to_bytes(8, "little") + self.checksum, dtype=np.uint8)

    @classmethod
    def from_row(cls, row: np.ndarray) -> ManifestEntry:
        """Read an entry back from the bytes of :meth:`to_row`."""
        content = row.tobytes()
        return cls(int.from_bytes(content[:8], "little"), content[8:])


def checksum(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return the SHA-256 of arrays by name: of names, types, shapes and values.

    It does not depend on how the arrays are compressed, nor on the byte order of the machine.
    """
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        values = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{name} {values.dtype.str} {values.shape}\n".encode())
        digest.update(values.data)
    return digest.digest()


def combined_digest(entries: Iterable[ManifestEntry]) -> str:
    """Return one hexadecimal SHA-256 for a sequence of shards."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(entry.to_row().tobytes())
    return digest.hexdigest()


def read_entries(manifest: Any) -> list[ManifestEntry]:
    """Read all entries of a manifest array."""
    return [ManifestEntry.from_row(row) for row in manifest[...]]
