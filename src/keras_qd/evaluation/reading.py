"""Read input fields from files: ``.npy``, ``.npz`` and stored data sets."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_qd.data import Store, open_store
from keras_qd.errors import DataError


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

    def __getitem__(self, samples: slice) -> np.ndarray:
        return self.store.read(self.name, np.arange(self.store.n_samples)[samples])


def read_fields(path: str | Path, names: Sequence[str]) -> Mapping[str, Any]:
    """Open the fields of a file or store.

    Parameters
    ----------
    path : str or Path
        A ``.npy`` file with the only field, a ``.npz`` file with arrays by the fields' names, or
        the directory of a stored data set.
    names : sequence of str
        The wanted fields, of which a ``.npy`` file can hold one.

    Returns
    -------
    mapping of str to array
        Anything that has ``shape`` and slices; those of a ``.npy`` file and of a store stay on disk
        until they are sliced.

    Raises
    ------
    DataError
        If there is no such file, it cannot be read, or lacks a field. Nothing is ever unpickled.
    StoreError
        If a store is unfinished or damaged.
    """
    path = Path(path)
    if path.is_dir():
        return _read_store(path, names)
    readers = {".npy": _read_npy, ".npz": _read_npz}
    if path.suffix not in readers:
        raise DataError(
            f"{path} is neither a .npy nor a .npz file, nor the directory of a stored data set"
        )
    try:
        return readers[path.suffix](path, names)
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except (ValueError, EOFError, zipfile.BadZipFile) as cause:
        raise DataError(f"{path} cannot be read: {cause}") from cause


def _read_npy(path: Path, names: Sequence[str]) -> Mapping[str, Any]:
    if len(names) > 1:
        raise DataError(
            f"{path} holds one array, but the model takes several fields ({', '.join(names)}); "
            "give a .npz file that has them by name"
        )
    return {names[0]: np.lib.format.open_memmap(path, mode="r")}


def _read_npz(path: Path, names: Sequence[str]) -> Mapping[str, Any]:
    # Opened here, because np.load leaves a broken file open.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        _require(path, names, archive.files)
        return {name: archive[name] for name in names}


def _read_store(path: Path, names: Sequence[str]) -> Mapping[str, Any]:
    store = open_store(path)
    if store.unfinished():
        raise store.incomplete()
    _require(path, names, list(store.fields))
    return {name: StoredField(store, name) for name in names}


def _require(path: Path, names: Sequence[str], found: Sequence[str]) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(
            f"{path} has no field {', '.join(missing)}, which the model needs; "
            f"it has {', '.join(found) or 'none'}"
        )
