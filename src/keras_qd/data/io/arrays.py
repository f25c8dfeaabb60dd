"""Arrays in files of other programs, read and written.

One reader for all formats: ``.npy``, ``.npz``, HDF5, Zarr, pickles of arrays, images and stored
data sets. Nothing is ever unpickled or executed; arrays stay on disk until they are sliced, those
of compressed ``.npz`` files and of pickles excepted.
"""

from __future__ import annotations

import hashlib
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import numpy as np
import zarr
from numpy.typing import NDArray

from keras_qd._files import replacing
from keras_qd.data.fields import Field
from keras_qd.data.io.images import Grey, is_image, open_images
from keras_qd.data.io.pickles import read_pickled_array
from keras_qd.data.store.description import ATTRIBUTE
from keras_qd.data.store.store import Store, open_store
from keras_qd.errors import DataError, StoreError

_NPY = b"\x93NUMPY"
_ZIP = b"PK\x03\x04"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZARR_FILES = ("zarr.json", ".zgroup", ".zarray")
#: Zarr codecs that only pack numbers; one of Zarr 2 unpickles.
_CODECS = {
    *("bytes", "transpose", "sharding_indexed", "blosc", "gzip", "zstd", "crc32c"),
    *("zlib", "bz2", "lzma", "lz4", "shuffle", "delta", "fixedscaleoffset", "packbits"),
    *("adler32", "crc32", "fletcher32"),
}
_HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
#: Samples, or bytes, that are looked at together.
_SAMPLES, _BYTES = 1024, 2**20


@dataclass(frozen=True)
class ForeignArray:
    """An array in a file: `key` is its name in there, `values` has ``shape``, ``dtype``, slices."""

    source: Path
    key: str
    values: Any

    @property
    def name(self) -> str:
        """Name of the field, unless another one is given."""
        return self.key.rsplit("/", 1)[-1] if self.key else self.source.stem

    @property
    def location(self) -> str:
        """File and name, without the folder: ``V.db``, ``data.npz:V``."""
        return f"{self.source.name}:{self.key}" if self.key else self.source.name

    @property
    def known_as(self) -> set[str]:
        """All that a user may call it by."""
        shown = {str(self.source), self.source.name}
        if not self.key:
            return {self.name, *shown}
        return {self.name, self.key, *(f"{each}:{self.key}" for each in shown)}

    def find_errors(self, name: str) -> list[str]:
        """Read the array to its end, and return why it cannot be the field `name`."""
        what = f"{name} ({self.location})"
        dtype = np.dtype(getattr(self.values, "dtype", None) or object)
        if dtype.kind not in "fiub" or dtype.itemsize > 8:
            return [f"{what} has type {dtype}; expected real numbers of at most 64 bits"]
        shape = tuple(self.values.shape)
        if not shape:
            return [f"{what} is a single number; expected samples along the first axis, or skip it"]
        if 0 in shape:
            return [f"{what} is empty: its shape is {shape}"]
        try:
            bad = sum(_count_not_finite(self.values[each]) for each in _slices(shape[0]))
        except (OSError, RuntimeError, ValueError) as error:  # codecs, on damaged files
            return [f"{what} cannot be read: {error}"]
        if bad:
            return [f"{what} holds NaN or infinity in {bad} of {shape[0]} samples; remove them"]
        return []


def _slices(n_samples: int) -> Iterator[slice]:
    for start in range(0, n_samples, _SAMPLES):
        yield slice(start, min(start + _SAMPLES, n_samples))


def _count_not_finite(block: Any) -> int:
    block = np.asarray(block)
    return int((~np.isfinite(block.reshape(len(block), -1))).any(axis=1).sum())


def open_arrays(path: str | Path) -> list[ForeignArray]:
    """Find all arrays in a file, by its content, or in the directory of a Zarr array or group."""
    path = Path(path)
    try:
        arrays = _open(path)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, DataError):
            raise
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise DataError(f"{path} cannot be read: {reason}") from error
    if not arrays:
        raise DataError(f"{path} holds no array")
    return arrays


def _open(path: Path) -> list[ForeignArray]:
    if path.is_dir():
        if not any((path / name).exists() for name in _ZARR_FILES):
            raise DataError(f"{path} is a directory, but not a Zarr array or group")
        return _open_zarr(path)
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(_NPY):
        return [ForeignArray(path, "", np.load(path, mmap_mode="r", allow_pickle=False))]
    if start.startswith(_ZIP):
        return _open_npz(path)
    if start == _HDF5:
        return _open_hdf5(path)
    if path.suffix in (".npy", ".npz"):
        raise ValueError(f"its content is not that of a {path.suffix} file")
    return [ForeignArray(path, "", read_pickled_array(path))]


def _open_npz(path: Path) -> list[ForeignArray]:
    """Map the members that are stored as they are, and read those that are compressed."""
    found = []
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        try:
            damaged = archive.testzip()
        except Exception as error:  # decompressors of damaged archives raise anything
            raise DataError(f"{path} is damaged: {error}") from error
        if damaged is not None:
            raise DataError(f"{path} is damaged: the checksum of {damaged} is wrong")
        for member in archive.infolist():
            key, dot, suffix = member.filename.rpartition(".")
            if dot and suffix == "npy":  # other files do not count
                found.append(ForeignArray(path, key, _open_member(archive, file, member)))
    return found


def _open_member(archive: zipfile.ZipFile, file: IO[bytes], member: zipfile.ZipInfo) -> Any:
    with archive.open(member) as stream:
        if member.compress_type != zipfile.ZIP_STORED:
            return np.lib.format.read_array(stream, allow_pickle=False)
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise DataError(f"{member.filename} is in version {version} of its format")
        shape, in_columns, dtype = _HEADERS[version](stream)
        header = stream.tell()
    if dtype.hasobject:
        raise DataError(f"{member.filename} holds objects; expected numbers")
    if 0 in shape or not shape:  # nothing to map
        with archive.open(member) as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)
    file.seek(member.header_offset + 26)  # the lengths of name and extra field, before both
    name, extra = struct.unpack("<HH", file.read(4))
    start = member.header_offset + 30 + name + extra + header
    return np.memmap(file.name, dtype, "r", start, shape, "F" if in_columns else "C")


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


def _open_hdf5(path: Path) -> list[ForeignArray]:
    """Find the arrays in all groups. Links are not followed: a file leads to no other one."""
    import h5py

    found: list[ForeignArray] = []

    def visit(key: str, node: Any) -> None:
        if not isinstance(node, h5py.Dataset):
            return
        if node.is_virtual or node.external:
            raise DataError(
                f"{path}: {key} keeps its values in other files; copy them into this one (h5repack)"
            )
        values = _Hdf5Array(path, key, tuple(node.shape or ()), node.dtype)
        found.append(ForeignArray(path, key, values))

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def _open_zarr(path: Path) -> list[ForeignArray]:
    """Find the arrays of a Zarr array or group, of version 2 or 3, in all of its groups."""
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
            "known to be safe; write it again, with zstd for example"
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


@dataclass(frozen=True)
class _StoredField:
    """One field of a stored data set, of which slices are read when they are needed."""

    store: Store
    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.store.n_samples, *self.store.fields[self.name].shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.store.fields[self.name].dtype)

    def __getitem__(self, samples: slice) -> np.ndarray:
        return self.store.read(self.name, np.arange(self.store.n_samples)[samples])


def read_fields(
    path: str | Path,
    names: Sequence[str],
    *,
    grey: Grey | None = None,
    unit: str = "",
    limits: Grey | None = None,
) -> Mapping[str, Any]:
    """Open the named fields of a file, folder of images or stored data set, to be sliced."""
    # A file with a single array, and images, hold the only field; `grey`, `unit` and `limits` are
    # those of `open_images`.
    if "://" in str(path):
        return _read_store(path, names)
    path = Path(path)
    if is_image(path) and not (path / "zarr.json").exists():
        return {_only(path, names): open_images(path, grey, unit, limits)}
    if path.is_dir():
        return _read_store(path, names)
    found = {each.key: each.values for each in open_arrays(path)}
    if list(found) == [""]:
        return {_only(path, names): found[""]}
    _require(path, names, list(found))
    return {name: found[name] for name in names}


def _read_store(path: str | Path, names: Sequence[str]) -> Mapping[str, Any]:
    try:
        store = open_store(path)
    except StoreError:
        if not Path(path).is_dir() or (Path(path) / "zarr.json").exists():
            raise
        raise DataError(
            f"{path} is neither a folder of images nor the directory of a stored data set"
        ) from None
    if store.unfinished():
        raise store.incomplete()
    _require(path, names, list(store.fields))
    return {name: _StoredField(store, name) for name in names}


def _only(path: Path, names: Sequence[str]) -> str:
    if len(names) > 1:
        raise DataError(
            f"{path} holds one array, but the model takes several fields ({', '.join(names)}); "
            "give a .npz file that has them by name"
        )
    return names[0]


def _require(path: str | Path, names: Sequence[str], found: Sequence[str]) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(
            f"{path} has no field {', '.join(missing)}, which the model needs; "
            f"it has {', '.join(found) or 'none'}"
        )


@contextmanager
def writing_arrays(
    path: Path, fields: Mapping[str, Field], n_samples: int
) -> Iterator[Callable[[Mapping[str, NDArray[Any]]], None]]:
    """Yield what writes the next samples of all fields into a ``.npy`` or ``.npz`` file."""
    # The file appears when the block ends without an error; it may be larger than memory.
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{path.stem}.", dir=path.parent) as folder:
        parts = {name: Path(folder) / f"{name}.npy" for name in fields}
        arrays = {
            name: np.lib.format.open_memmap(
                parts[name], "w+", np.dtype(field.dtype), (n_samples, *field.shape)
            )
            for name, field in fields.items()
        }
        done = 0

        def write(part: Mapping[str, NDArray[Any]]) -> None:
            nonlocal done
            count = len(next(iter(part.values())))
            for name, array in arrays.items():
                array[done : done + count] = part[name]
            done += count

        yield write
        for array in arrays.values():
            array.flush()
        arrays.clear()  # closes the maps
        with replacing(path) as temporary:
            _assemble(temporary, parts)


def _assemble(path: Path, parts: Mapping[str, Path]) -> None:
    """Make the file of its parts: an archive, or the only one."""
    if path.suffix == ".npy":
        shutil.move(next(iter(parts.values())), path)
        return
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for part in parts.values():
            archive.write(part, part.name)


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
        while block := file.read(_BYTES):
            digest.update(block)
