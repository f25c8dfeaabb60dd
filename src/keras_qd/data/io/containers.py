"""Arrays in HDF5 files and Zarr directories, without following anything out of them."""

from __future__ import annotations

import math
import os
import stat
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.storage import LocalStore, WrapperStore

from keras_qd.data.io.sizes import COMPRESSORS, check_block, check_packed, check_size
from keras_qd.data.store.description import ATTRIBUTE
from keras_qd.errors import DataError

#: Zarr codecs that only pack numbers; one of Zarr 2 unpickles.
_CODECS = {
    *("bytes", "transpose", "sharding_indexed", "crc32c", *COMPRESSORS),
    *("shuffle", "delta", "fixedscaleoffset", "packbits", "adler32", "crc32", "fletcher32"),
}
ZARR_FILES = ("zarr.json", ".zgroup", ".zarray")
#: Files of metadata, and the bytes that none exceeds.
_METADATA, _METADATA_BYTES = {*ZARR_FILES, ".zattrs", ".zmetadata"}, 2**24
#: Filters of Zarr may widen numbers to eight bytes; checksums add some.
_WIDEN, _MARGIN = 8, 2**16
_DEFLATE = 1


@dataclass(frozen=True)
class _Hdf5Array:
    """An array in an HDF5 file, which is open only while something is read."""

    path: Path
    key: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __getitem__(self, samples: slice) -> np.ndarray:
        import h5py

        with h5py.File(self.path, "r") as file:
            return np.asarray(file[self.key][samples])


def open_hdf5(path: Path) -> dict[str, Any]:
    """Find the arrays in all groups. Links are not followed: a file leads to no other one."""
    import h5py

    found: dict[str, Any] = {}

    def visit(key: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            _check_hdf5(f"{path}: {key}", node)
            found[key] = _Hdf5Array(path, key, tuple(node.shape or ()), node.dtype)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except DataError:
        raise
    except Exception as error:  # h5py raises anything for damaged files
        raise DataError(f"{path} cannot be read: {error}") from error
    return found


def _check_hdf5(what: str, node: Any) -> None:
    """Raise a DataError if a data set leads out of its file, or holds less than it claims."""
    if node.is_virtual or node.external:
        raise DataError(
            f"{what} keeps its values in other files; copy them into this one (h5repack)"
        )
    itemsize = node.dtype.itemsize
    check_size(what, math.prod(node.shape or ()) * itemsize, node.id.get_storage_size())
    if node.chunks is None:
        return
    largest = math.prod(node.chunks) * itemsize
    check_block(f"a block of {what}", largest, node.id.get_storage_size())
    plan = node.id.get_create_plist()
    filters = [plan.get_filter(number)[0] for number in range(plan.get_nfilters())]
    if filters.count(_DEFLATE) > 1:
        raise DataError(f"{what} is compressed more than once; write it again (h5repack)")
    if _DEFLATE in filters:
        _check_deflated(what, node, largest + _MARGIN)


def _check_deflated(what: str, node: Any, largest: int) -> None:
    """Raise a DataError if a compressed block of a data set unfolds to more than a block has."""

    def check(block: Any) -> None:
        _, packed = node.id.read_direct_chunk(block.chunk_offset)
        check_packed(what, "zlib", packed, largest)

    node.id.chunk_iter(check)


class _Guarded(WrapperStore[Any]):
    """A Zarr directory of which no block unfolds to more than it may have."""

    #: Array -> what its blocks are packed with, and the bytes of one; set once they are known.
    packing: Mapping[str, _Packing] = {}

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """Return what is at a key, once it has been checked."""
        found = await self._store.get(key, prototype, byte_range)
        if found is not None and key.rpartition("/")[2] not in _METADATA:
            owner = max((n for n in self.packing if key.startswith(n)), key=len, default=None)
            if owner is not None:
                self.packing[owner].check(key, found.to_bytes(), whole=byte_range is None)
        return found


@dataclass(frozen=True)
class _Packing:
    """The compressor of an array, the largest size of a block, and how many are in a shard."""

    codec: str | None
    largest: int
    n_inner: int | None = None

    def check(self, key: str, content: bytes, *, whole: bool) -> None:
        """Raise a DataError if a block unfolds to more than it may have."""
        if self.codec is None:
            return
        blocks = self._split(content) if whole and self.n_inner else [content]
        for block in blocks:
            check_packed(key, self.codec, block, self.largest)

    def _split(self, content: bytes) -> Iterator[bytes]:
        """Yield the blocks of a shard, by the index at its end."""
        n_bytes = 16 * (self.n_inner or 0)
        index = content[-n_bytes - 4 : -4]
        if len(index) == n_bytes:
            for start, length in np.frombuffer(index, "<u8").reshape(-1, 2):
                yield content[int(start) : int(start) + int(length)]


def open_zarr(path: Path) -> dict[str, Any]:
    """Find the arrays of a Zarr array or group, of version 2 or 3, in all of its groups."""
    sizes = _file_sizes(path)
    store = _Guarded(LocalStore(path, read_only=True))
    try:
        with warnings.catch_warnings():  # of codecs that other programs may not know
            warnings.simplefilter("ignore")
            node = zarr.open(store, mode="r")
            grouped = isinstance(node, zarr.Group)
            members = dict(node.members(max_depth=None)) if grouped else {"": node}
    except Exception as error:  # Zarr raises anything for damaged metadata
        raise DataError(f"{path} cannot be read: {error}") from error
    if ATTRIBUTE in node.attrs:
        raise DataError(f"{path} is a data set of keras-qd already; use it as it is")
    arrays = {key: each for key, each in members.items() if isinstance(each, zarr.Array)}
    packing = {}
    for key, array in arrays.items():
        what = f"{path}: {key or 'the array'}"
        prefix = f"{key}/" if key else ""
        held = sum(size for name, size in sizes.items() if name.startswith(prefix))
        itemsize = np.dtype(array.dtype).itemsize
        if 0 in array.chunks:
            raise DataError(f"{what} has empty blocks: {array.chunks}")
        check_size(what, math.prod(array.shape) * itemsize, held)
        check_block(f"a block of {what}", math.prod(array.chunks) * itemsize, held)
        packing[prefix] = _packing(what, array, itemsize)
    store.packing = packing
    return arrays


def _file_sizes(path: Path) -> dict[str, int]:
    """Return the sizes of the files with values below a directory; nothing leads out of it."""
    root, sizes = path.resolve(), {}
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            each = Path(folder, name)
            if each.is_symlink() and not each.resolve().is_relative_to(root):
                raise DataError(f"{each} is a link that leads out of {path}; copy what it links to")
            if not each.is_dir() and not stat.S_ISREG(each.stat().st_mode):
                raise DataError(f"{each} is not a regular file; remove it")
        for name in files:
            each = Path(folder, name)
            size = each.stat().st_size
            if name not in _METADATA:
                sizes[each.relative_to(path).as_posix()] = size
            elif size > _METADATA_BYTES:
                raise DataError(f"{each} has {size} bytes, which no metadata have")
    return sizes


def _packing(what: str, array: Any, itemsize: int) -> _Packing:
    """Return how an array is packed; raise a DataError if that is not known to be safe."""
    described = array.metadata.to_dict()
    names = list(_codecs(described))
    unknown = sorted(set(names) - _CODECS)
    if unknown:
        raise DataError(
            f"{what} is packed with {', '.join(unknown)}, which is not known to be safe; write it "
            "again, with zstd for example"
        )
    compressors = [name for name in names if name in COMPRESSORS]
    after = names[names.index(compressors[0]) + 1 :] if compressors else []
    if "codecs" not in described:  # Zarr 2 compresses last
        after = []
    if len(compressors) > 1 or names.count("sharding_indexed") > 1 or set(after) - _AFTER:
        raise DataError(f"{what} is packed several times; write it again, with zstd for example")
    codec = compressors[0] if compressors else None
    n_inner = None
    if array.shards is not None:
        if described["codecs"][0]["configuration"].get("index_location", "end") != "end":
            raise DataError(
                f"{what} has the index of its shards at the start; write it again with the index "
                "at the end"
            )
        n_inner = math.prod(s // c for s, c in zip(array.shards, array.chunks, strict=True))
    return _Packing(codec, _WIDEN * math.prod(array.chunks) * itemsize + _MARGIN, n_inner)


#: What may follow a compressor: a checksum at the end, and the codecs of a shard's index.
_AFTER = {"crc32c", "bytes"}


def _codecs(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of all codecs in the metadata of an array."""
    entries = [metadata.get("compressor"), *(metadata.get("filters") or ())]
    for entry in (*entries, *metadata.get("codecs", ()), *metadata.get("index_codecs", ())):
        if entry is None:
            continue
        described = entry if isinstance(entry, Mapping) else entry.to_dict()
        yield str(described.get("id", described.get("name"))).removeprefix("numcodecs.")
        yield from _codecs(described.get("configuration", {}))
