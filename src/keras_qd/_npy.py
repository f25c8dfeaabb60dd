"""Arrays in ``.npy`` files of other programs: their header is compared with their size."""

from __future__ import annotations

import math
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def regular_size(path: Path) -> int:
    """Return the size of a regular file; others may never end."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is not a regular file")
    return found.st_size


@dataclass(frozen=True)
class NpyHeader:
    """What the header of a ``.npy`` file says, and its own length."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: Any
    length: int

    @classmethod
    def read(cls, stream: Any, n_bytes: int) -> NpyHeader:
        """Read a header; raise a ValueError unless it describes exactly `n_bytes` with itself."""
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f"it is in version {version} of its format")
        try:
            shape, in_columns, dtype = _HEADERS[version](stream)
        except Exception as error:  # the parser of Python raises anything
            raise ValueError(f"its header is damaged: {error}") from error
        length = stream.tell()
        if dtype.hasobject or dtype.subdtype is not None:
            raise ValueError("it holds objects; expected numbers")
        claimed = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or claimed != n_bytes - length:
            raise ValueError(
                f"its header claims shape {_short(shape)} of {dtype}, but it holds "
                f"{n_bytes - length} bytes"
            )
        return cls(shape, dtype, "F" if in_columns else "C", length)

    def mapped(self, path: Path, start: int) -> np.ndarray:
        """Map the values of a file, whose header begins at `start`."""
        if 0 in self.shape:  # nothing to map
            return np.empty(self.shape, self.dtype)
        return np.memmap(path, self.dtype, "r", start + self.length, self.shape, self.order)


def _short(shape: tuple[int, ...]) -> str:
    text = str(shape)
    return text if len(text) < 80 else f"{text[:80]}..."


def open_npy(path: Path) -> np.ndarray:
    """Map the array of a ``.npy`` file; raise a ValueError if it is damaged."""
    size = regular_size(path)  # first: to open a pipe may never end
    with path.open("rb") as file:
        return NpyHeader.read(file, size).mapped(path, 0)
