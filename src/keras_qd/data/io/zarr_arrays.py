"""The arrays in a Zarr directory, of version 2 or 3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import zarr

from keras_qd.data.io.foreign_array import ForeignArray
from keras_qd.data.store.store import ATTRIBUTE
from keras_qd.errors import DataError

#: What may have packed the numbers. None of these runs anything that the data says; Zarr 2 knows
#: one that unpickles.
_CODECS = {
    *("bytes", "transpose", "sharding_indexed", "blosc", "gzip", "zstd", "crc32c"),
    *("zlib", "bz2", "lzma", "lz4", "shuffle", "delta", "fixedscaleoffset", "packbits"),
    *("adler32", "crc32", "fletcher32"),
}


def open_zarr(path: Path) -> list[ForeignArray]:
    """Find the arrays of a Zarr array or group, in all of its groups.

    Raises
    ------
    DataError
        If it is a data set of this package, cannot be read, or is packed in an unknown way.
    """
    try:
        node = zarr.open(zarr.storage.LocalStore(path, read_only=True), mode="r")
        members = dict(node.members(max_depth=None)) if isinstance(node, zarr.Group) else {"": node}
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if ATTRIBUTE in node.attrs:
        raise DataError(f"{path} is a data set of keras-qd already; use it as it is")
    arrays = {key: each for key, each in members.items() if isinstance(each, zarr.Array)}
    for key, array in arrays.items():
        _check_codecs(path, key, array)
    return [ForeignArray(path, key, array) for key, array in arrays.items()]


def _check_codecs(path: Path, key: str, array: Any) -> None:
    unknown = sorted(set(_codecs(array.metadata.to_dict())) - _CODECS)
    if unknown:
        raise DataError(
            f"{path}: {key or 'the array'} is packed with {', '.join(unknown)}, which is not "
            "among the ways known to be safe; write it anew, with zstd for example"
        )


def _codecs(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of all codecs in the metadata of an array."""
    entries = [metadata.get("compressor"), *(metadata.get("filters") or ())]
    for entry in (*entries, *metadata.get("codecs", ()), *metadata.get("index_codecs", ())):
        if entry is None:
            continue
        described = entry if isinstance(entry, Mapping) else entry.to_dict()
        yield str(described.get("id", described.get("name"))).removeprefix("numcodecs.")
        yield from _codecs(described.get("configuration", {}))
