"""The manifest of a store: how many samples of each shard are finished, and their checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_qd.errors import KerasQDError

MANIFEST = "manifest"
#: Bytes of one row: the count, then the checksum.
ROW_BYTES = 8 + 32
MEANING = "a row a shard: samples in it (8 bytes, little endian), SHA-256 of its values (32 bytes)"
#: What Zarr and its codecs raise for files that are damaged.
DAMAGE = (OSError, RuntimeError, ValueError)


@dataclass(frozen=True)
class ManifestEntry:
    """One shard: its number of samples (0 while it is not made) and their `checksum`."""

    count: int = 0
    checksum: bytes = bytes(32)
    #: Whether the row was there but could not be read, which counts as not made.
    unreadable: bool = False

    def to_row(self) -> np.ndarray:
        """Return the entry as bytes, shape (ROW_BYTES,)."""
        return np.frombuffer(self.count.to_bytes(8, "little") + self.checksum, dtype=np.uint8)

    @classmethod
    def from_row(cls, row: np.ndarray, largest: int) -> ManifestEntry:
        """Read an entry back from the bytes of :meth:`to_row`, of a shard of so many samples."""
        content = row.tobytes()
        count = int.from_bytes(content[:8], "little")
        return cls(unreadable=True) if count > largest else cls(count, content[8:])


def read_entries(manifest: Any, numbers: Iterable[int], largest: int) -> dict[int, ManifestEntry]:
    """Read rows of a manifest; those that cannot be read count as not made."""
    wanted = list(numbers)
    if not wanted:
        return {}
    first, last = wanted[0], wanted[-1] + 1
    if last - first <= 2 * len(wanted) + 16:  # else too many are missing in between
        try:
            rows = manifest[first:last]
            return {each: ManifestEntry.from_row(rows[each - first], largest) for each in wanted}
        except KerasQDError:
            raise
        except DAMAGE:
            if len(wanted) == 1:
                return {first: ManifestEntry(unreadable=True)}
    half = len(wanted) // 2
    return {
        **read_entries(manifest, wanted[:half], largest),
        **read_entries(manifest, wanted[half:], largest),
    }


def checksum(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return the SHA-256 of arrays by name: of names, types, shapes and values."""
    # It does not depend on compression, nor on the byte order of the machine.
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        values = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{name} {values.dtype.str} {values.shape}\n".encode())
        digest.update(values.data)
    return digest.digest()


def combined_digest(described: bytes, entries: Iterable[ManifestEntry]) -> str:
    """Return one hexadecimal SHA-256 for what describes samples, and their shards."""
    digest = hashlib.sha256(described)
    for entry in entries:
        digest.update(entry.to_row().tobytes())
    return digest.hexdigest()
