"""Arrays in files of other programs, read and written.

One reader for all formats: ``.npy``, ``.npz``, HDF5, Zarr, pickles of arrays, images and stored
data sets. Nothing is ever unpickled or executed; arrays stay on disk until they are sliced, those
of compressed ``.npz`` files and of pickles excepted.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd._checks import NpyHeader, open_npy, regular_size
from keras_qd._files import make_folders, remove, replacing, temporary_path
from keras_qd.data.fields import Field
from keras_qd.data.io.containers import ZARR_FILES, open_hdf5, open_zarr
from keras_qd.data.io.images import Grey, is_image, open_images
from keras_qd.data.io.pickles import read_pickled_array
from keras_qd.data.io.sizes import check_memory
from keras_qd.data.store.store import Store, open_store
from keras_qd.errors import DataError, StoreError

_NPY = b"\x93NUMPY"
_ZIP = b"PK\x03\x04"
_HDF5 = b"\x89HDF\r\n\x1a\n"
#: Bytes of values, or of a file, that are looked at together.
_LOOKED_AT, _BYTES = 2**24, 2**20
_MOST_MEMBERS = 10_000


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
            bad = sum(_count_not_finite(self.values[each]) for each in _slices(shape, dtype))
        except Exception as error:  # codecs raise anything for damaged files
            return [f"{what} cannot be read: {error}"]
        if bad:
            return [f"{what} holds NaN or infinity in {bad} of {shape[0]} samples; remove them"]
        return []


def _slices(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[slice]:
    step = max(1, _LOOKED_AT // (math.prod(shape[1:]) * dtype.itemsize))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))


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
        if not any((path / name).exists() for name in ZARR_FILES):
            raise DataError(f"{path} is a directory, but not a Zarr array or group")
        return [ForeignArray(path, key, each) for key, each in open_zarr(path).items()]
    size = regular_size(path)
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(_NPY):
        return [ForeignArray(path, "", open_npy(path))]
    if start.startswith(_ZIP):
        return [ForeignArray(path, key, each) for key, each in open_archive(path).items()]
    if start == _HDF5:
        return [ForeignArray(path, key, each) for key, each in open_hdf5(path).items()]
    if path.suffix in (".npy", ".npz"):
        raise ValueError(f"its content is not that of a {path.suffix} file")
    check_memory(path, size, size)
    return [ForeignArray(path, "", read_pickled_array(path))]


def open_archive(path: Path) -> dict[str, Any]:
    """Open the arrays of a ``.npz`` file: those stored as they are are mapped, others are read."""
    size = regular_size(path)
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = [each for each in archive.infolist() if each.filename.endswith(".npy")]
            _check_members(path, members, size)
            return {
                member.filename.removesuffix(".npy"): _open_member(archive, file, member)
                for member in members
            }
    except DataError:
        raise
    except Exception as error:  # decompressors of damaged archives raise anything
        raise DataError(f"{path} cannot be read: it is damaged: {error}") from error


def _check_members(path: Path, members: Sequence[zipfile.ZipInfo], size: int) -> None:
    """Raise a DataError if the members of an archive claim more than it can hold."""
    if len(members) > _MOST_MEMBERS:
        raise DataError(f"{path} holds {len(members)} arrays; expected at most {_MOST_MEMBERS}")
    packed = [each for each in members if each.compress_type != zipfile.ZIP_STORED]
    check_memory(path, sum(each.file_size for each in packed), size)
    if sum(each.compress_size for each in members) > size:
        raise DataError(f"{path} is damaged: its members overlap")
    if any(
        each.file_size != each.compress_size
        for each in members
        if each.compress_type == zipfile.ZIP_STORED
    ):
        raise DataError(f"{path} is damaged: the sizes of a member contradict each other")


def _open_member(archive: zipfile.ZipFile, file: IO[bytes], member: zipfile.ZipInfo) -> Any:
    with archive.open(member) as stream:
        header = NpyHeader.read(stream, member.file_size)
        if member.compress_type != zipfile.ZIP_STORED:
            values = np.frombuffer(stream.read(), header.dtype)  # compares the checksum as well
            return values.reshape(header.shape, order=header.order)
        while stream.read(_BYTES):  # to the end, where the checksum is compared
            pass
    file.seek(member.header_offset + 26)  # the lengths of name and extra field, before both
    name, extra = struct.unpack("<HH", file.read(4))
    return header.mapped(Path(file.name), member.header_offset + 30 + name + extra)


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
    others: Sequence[str] = (),
    grey: Grey | None = None,
    unit: str = "",
    limits: Grey | None = None,
) -> Mapping[str, Any]:
    """Open named fields of a file, folder of images or stored data set; `others` if it has them."""
    # A file with a single array, and images, hold the only field; `grey`, `unit` and `limits` are
    # those of `open_images`.
    if "://" in str(path):
        return _read_store(path, names, others)
    path = Path(path)
    if is_image(path) and not (path / "zarr.json").exists():
        return {_only(path, names): open_images(path, grey, unit, limits)}
    if path.is_dir():
        return _read_store(path, names, others)
    found = {each.key: each.values for each in open_arrays(path)}
    if list(found) == [""]:
        return {_only(path, names): found[""]}
    _require(path, names, list(found))
    return {name: found[name] for name in (*names, *others) if name in found}


def _read_store(path: str | Path, names: Sequence[str], others: Sequence[str]) -> Mapping[str, Any]:
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
    return {name: _StoredField(store, name) for name in (*names, *others) if name in store.fields}


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
    make_folders(path.parent)
    folder = temporary_path(path.with_suffix(".parts"))
    folder.mkdir()
    try:
        parts = {name: folder / f"{name}.npy" for name in fields}
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
    finally:
        remove(folder)


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
