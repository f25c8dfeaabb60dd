"""The three formats that MNIST is found in: Keras' archive, the original files, lines of text."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import DataError

Array = NDArray[Any]
Splits = dict[str, dict[str, Array]]

SHAPE = (28, 28)

#: Validation and test split have an image each of so many: a fourteenth, as 5,000 of 70,000.
_SHARE = 14
#: Beginnings of the original files' names: images and digits of the training and the test set.
_IDX = (("train-images", "train-labels"), ("t10k-images", "t10k-labels"))


def read_mnist(path: Path) -> Splits:
    """Read MNIST from a file or directory.

    Parameters
    ----------
    path : Path
        ``.npz`` as Keras has it, a directory with the four original files, or ``.csv`` or
        ``.csv.gz`` with 784 grey values and the digit in each line.

    Returns
    -------
    dict of str to dict of str to ndarray
        Split -> field -> values: ``image`` (n, 28, 28) and ``digit`` (n,), uint8.

    Raises
    ------
    DataError
        If there is no such file, it cannot be read, or it is something else.
    """
    read = _reader(path)
    try:
        return read(path)
    except FileNotFoundError as cause:
        raise DataError(f"there is no file {cause.filename or path}") from None
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as cause:
        if isinstance(cause, DataError):
            raise
        raise DataError(f"{path} cannot be read as MNIST: {cause}") from cause


def _reader(path: Path) -> Callable[[Path], Splits]:
    if path.is_dir():
        return _read_idx
    if path.suffix == ".npz":
        return _read_npz
    if path.name.endswith((".csv", ".csv.gz")):
        return _read_csv
    raise DataError(
        f"{path} is no MNIST that can be read; give Keras' mnist.npz, a directory with the four "
        "original files, or a .csv or .csv.gz file"
    )


def _read_npz(path: Path) -> Splits:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return _halved(
            _checked(archive["x_train"], archive["y_train"]),
            _checked(archive["x_test"], archive["y_test"]),
        )


def _read_idx(path: Path) -> Splits:
    return _halved(*(_checked(*(_idx_array(path, name) for name in pair)) for pair in _IDX))


def _read_csv(path: Path) -> Splits:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.uint8, ndmin=2)
    if rows.shape[1] != np.prod(SHAPE) + 1:
        raise DataError(f"{path} has {rows.shape[1]} numbers in a line; expected 784 and the digit")
    return _shared_out(_checked(rows[:, :-1].reshape(-1, *SHAPE), rows[:, -1]))


def _idx_array(folder: Path, name: str) -> Array:
    """Read one original file: two zeros, a type, the number of axes, their lengths, the values."""
    found = [path for path in sorted(folder.glob(f"{name}*")) if "ubyte" in path.name]
    if not found:
        raise DataError(f"{folder} holds no file {name}-idx...-ubyte or {name}-idx...-ubyte.gz")
    content = found[0].read_bytes()
    if found[0].suffix == ".gz":
        content = gzip.decompress(content)
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise DataError(f"{found[0]} is no file of bytes in the IDX format")
    n_axes = content[3]
    shape = np.frombuffer(content, ">u4", n_axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes).reshape(shape)


def _checked(images: Array, digits: Array) -> dict[str, Array]:
    """Return images and digits as one split, or raise a DataError that says what is wrong."""
    if images.shape[1:] != SHAPE or digits.shape != images.shape[:1] or not len(digits):
        raise DataError(
            f"images of shape {images.shape} and digits of shape {digits.shape} are no MNIST; "
            "expected (n, 28, 28) and (n,)"
        )
    if images.dtype != np.uint8 or digits.max() > 9:
        raise DataError("MNIST has grey values from 0 to 255 as bytes, and digits from 0 to 9")
    return {"image": images, "digit": digits.astype(np.uint8)}


def _halved(train: dict[str, Array], test: dict[str, Array]) -> Splits:
    """Return the splits of all MNIST: the test set validates with its first half."""
    half = len(test["digit"]) // 2
    return {
        "train": train,
        "validation": {name: values[:half] for name, values in test.items()},
        "test": {name: values[half:] for name, values in test.items()},
    }


def _shared_out(images: dict[str, Array]) -> Splits:
    """Return splits with the same share of every digit, by its images' order in the file."""
    digits = images["digit"]
    place = np.empty(len(digits), dtype=np.int64)
    for digit in np.unique(digits):
        rows = np.flatnonzero(digits == digit)
        place[rows] = np.arange(len(rows)) % _SHARE
    chosen = {
        "train": ~np.isin(place, (_SHARE // 2 - 1, _SHARE - 1)),
        "validation": place == _SHARE - 1,
        "test": place == _SHARE // 2 - 1,
    }
    return {
        split: {name: values[rows] for name, values in images.items()}
        for split, rows in chosen.items()
    }
