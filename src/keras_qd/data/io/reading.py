"""Read input fields from files: arrays, images and stored data sets."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from keras_qd.data.io.images import Grey, is_image, open_images
from keras_qd.data.io.npy_stream import open_npy
from keras_qd.data.store.store import Store, open_store
from keras_qd.errors import DataError, StoreError


@dataclass(frozen=True)
class StoredField:
    """One field of a store, of which slices are read when they are asked for.

    Parameters
    ----------
    store : Store
        An open store.
    name : str
        Name of the field.
    """

    store: Store
    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole, samples along the first axis."""
        return (self.store.n_samples, *self.store.fields[self.name].shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
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
    """Open the fields of a file or store; nothing is read before it is asked for.

    Parameters
    ----------
    path : str or Path
        A ``.npy`` file with the only field; a ``.npz`` file with arrays by the fields' names; an
        image, or a folder of images, of the only field; or the directory or URL of a stored data
        set.
    names : sequence of str
        The wanted fields, of which a ``.npy`` file and images can hold one.
    grey : pair of float, optional
        What black and white mean in images of whole numbers.
    unit : str
        The unit of the field that images hold.
    limits : pair of float, optional
        Limits of its values, where they are known.

    Returns
    -------
    mapping of str to array
        Anything that has ``shape``, ``dtype`` and slices.

    Raises
    ------
    DataError
        If there is no such file, it cannot be read, or lacks a field. Nothing is ever unpickled.
    StoreError
        If a store is unfinished or damaged.
    UsageError
        If images hold whole numbers, and what black and white mean has to be said.
    """
    if "://" in str(path):
        return _read_store(path, names)
    path = Path(path)
    if path.is_dir():
        return _read_folder(path, names, grey, unit, limits)
    if path.suffix in _READERS:
        return _read_arrays(path, names)
    if not is_image(path):
        raise DataError(
            f"{path} is neither a .npy nor a .npz file, an image, a folder of images, nor the "
            "directory of a stored data set"
        )
    return {_only(path, names): open_images(path, grey, unit, limits)}


def _read_folder(
    path: Path, names: Sequence[str], grey: Grey | None, unit: str, limits: Grey | None
) -> Mapping[str, Any]:
    try:
        return _read_store(path, names)
    except StoreError:
        if (path / "zarr.json").exists() or not is_image(path):
            raise
    return {_only(path, names): open_images(path, grey, unit, limits)}


def _read_arrays(path: Path, names: Sequence[str]) -> Mapping[str, Any]:
    try:
        return _READERS[path.suffix](path, names)
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except (ValueError, EOFError, zipfile.BadZipFile) as cause:
        if isinstance(cause, DataError):
            raise
        raise DataError(f"{path} cannot be read: {cause}") from cause


def _read_npy(path: Path, names: Sequence[str]) -> Mapping[str, Any]:
    return {_only(path, names): open_npy(lambda: path.open("rb"), str(path))}


def _read_npz(path: Path, names: Sequence[str]) -> Mapping[str, Any]:
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        found = [name.removesuffix(".npy") for name in archive.namelist()]
    _require(path, names, found)
    return {name: open_npy(partial(_open_member, path, name), f"{path}: {name}") for name in names}


def _open_member(path: Path, name: str) -> Any:
    with zipfile.ZipFile(path) as archive:  # the member keeps the file open by itself
        return archive.open(f"{name}.npy")


_READERS = {".npy": _read_npy, ".npz": _read_npz}


def _read_store(path: str | Path, names: Sequence[str]) -> Mapping[str, Any]:
    store = open_store(path)
    if store.unfinished():
        raise store.incomplete()
    _require(path, names, list(store.fields))
    return {name: StoredField(store, name) for name in names}


def _only(path: Path, names: Sequence[str]) -> str:
    """Return the only field that a file without names can hold."""
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
