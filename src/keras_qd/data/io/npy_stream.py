"""Arrays in ``.npy`` files, alone or in a ``.npz`` archive, read block by block."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from keras_qd.errors import DataError

_HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def open_npy(open_stream: Callable[[], IO[bytes]], name: str) -> Any:
    """Open an array for reading by slices of samples.

    Parameters
    ----------
    open_stream : callable
        Returns the stream of bytes from its beginning, which can seek.
    name : str
        What the array is called in errors.

    Returns
    -------
    NpyStream or ndarray
        An array in Fortran's order is read whole, since its samples do not lie together.

    Raises
    ------
    ValueError
        If it is no array, or one of objects.
    """
    array = NpyStream(open_stream, name)
    if not array.fortran:
        return array
    with open_stream() as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


class NpyStream:
    """An array of which consecutive slices are read, so that it may be larger than memory.

    A memory map would do for a file of its own, but not for a compressed member of an archive.

    Parameters
    ----------
    open_stream : callable
        Returns the stream of bytes from its beginning, which can seek.
    name : str
        What the array is called in errors.

    Attributes
    ----------
    shape : tuple of int
        Samples along the first axis.
    dtype : numpy.dtype
    fortran : bool
        Whether the sample axis is the fastest, so that slices of samples do not lie together.

    Raises
    ------
    ValueError
        If it is no array, or one of objects.
    """

    def __init__(self, open_stream: Callable[[], IO[bytes]], name: str) -> None:
        self._name = name
        self._stream = open_stream()
        weakref.finalize(self, self._stream.close)
        version = np.lib.format.read_magic(self._stream)
        if version not in _HEADERS:
            raise ValueError(f"version {version} of the format is for structured arrays")
        self.shape, self.fortran, self.dtype = _HEADERS[version](self._stream)
        if self.dtype.hasobject or not self.shape:
            raise ValueError("it holds objects" if self.dtype.hasobject else "it is one number")
        self._first = self._stream.tell()

    def __len__(self) -> int:
        """Return the number of samples."""
        return int(self.shape[0])

    def __getitem__(self, samples: slice) -> np.ndarray:
        """Read consecutive samples.

        Raises
        ------
        DataError
            If the file is cut short or damaged.
        """
        start, stop, _ = samples.indices(self.shape[0])
        row = math.prod(self.shape[1:]) * self.dtype.itemsize
        try:
            self._stream.seek(self._first + start * row)
            content = self._stream.read((stop - start) * row)
        except Exception as error:  # decompressors of damaged archives raise anything
            raise DataError(f"{self._name} is damaged: {error}") from error
        if len(content) < (stop - start) * row:
            raise DataError(f"{self._name} is cut short: it ends before sample {stop - 1}")
        return np.frombuffer(content, self.dtype).reshape(stop - start, *self.shape[1:])
