"""The arrays in an HDF5 file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from keras_qd.data.io.foreign_array import ForeignArray
from keras_qd.errors import DataError


@dataclass(frozen=True)
class Hdf5Array:
    """An array in an HDF5 file, of which slices are read when they are asked for.

    Parameters
    ----------
    path : Path
        The file, which is open only while something is read.
    key : str
        Name of the array in it.
    shape : tuple of int
    dtype : numpy.dtype
    """

    path: Path
    key: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __getitem__(self, samples: slice) -> np.ndarray:
        with h5py.File(self.path, "r") as file:
            return np.asarray(file[self.key][samples])


def open_hdf5(path: Path) -> list[ForeignArray]:
    """Find the arrays of an HDF5 file, in all of its groups.

    Links are not followed, so that a file leads to no other one.

    Raises
    ------
    DataError
        If an array keeps its values in other files.
    OSError
        If the file cannot be read.
    """
    found: list[ForeignArray] = []

    def visit(key: str, node: Any) -> None:
        if not isinstance(node, h5py.Dataset):
            return
        if node.is_virtual or node.external:
            raise DataError(
                f"{path}: {key} keeps its values in other files; copy them into this one (h5repack)"
            )
        values = Hdf5Array(path, key, tuple(node.shape or ()), node.dtype)
        found.append(ForeignArray(path, key, values))

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found
