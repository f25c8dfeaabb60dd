"""Which format a file is in, by its content, and the arrays in it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from keras_qd.data.io.foreign_array import ForeignArray
from keras_qd.data.io.pickled_arrays import read_pickled_array
from keras_qd.errors import DataError

_NPY = b"\x93NUMPY"
_ZIP = b"PK\x03\x04"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZARR_FILES = ("zarr.json", ".zgroup", ".zarray")


def open_arrays(path: str | Path) -> list[ForeignArray]:
    """Find all arrays in a file.

    Parameters
    ----------
    path : str or Path
        A ``.npy``, ``.npz``, HDF5 or pickle file, whatever its suffix, or the directory of a Zarr
        array or group.

    Returns
    -------
    list of ForeignArray
        Those of ``.npy``, HDF5 and Zarr stay on disk until they are sliced.

    Raises
    ------
    DataError
        If there is no such file, it cannot be read, or holds no array.
    """
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
            raise DataError(f"{path} is a directory, but no Zarr array or group")
        from keras_qd.data.io.zarr_arrays import open_zarr

        return open_zarr(path)
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(_NPY):
        return [ForeignArray(path, "", np.lib.format.open_memmap(path, mode="r"))]
    if start.startswith(_ZIP):
        return _open_npz(path)
    if start == _HDF5:
        from keras_qd.data.io.hdf5_arrays import open_hdf5

        return open_hdf5(path)
    return [ForeignArray(path, "", read_pickled_array(path))]


def _open_npz(path: Path) -> list[ForeignArray]:
    # Opened here, because np.load leaves a broken file open.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        found = {key: archive[key] for key in archive.files}
    return [
        ForeignArray(path, key, values)
        for key, values in found.items()
        if isinstance(values, np.ndarray)  # other files in a ZIP come as bytes
    ]
