"""MNIST: 28 x 28 grey images of handwritten digits, for the teaching tasks.

LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86, 2278 (1998), doi:10.1109/5.726791.

A named file is preferred to the download in the cache of Keras, and that to the 5,000 images that
are part of this package. Nothing is downloaded unless requested.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Callable
from http.client import HTTPException
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
from numpy.typing import NDArray

from keras_qd._files import write_bytes
from keras_qd.data.dataset import ArrayDataset
from keras_qd.data.fields import Field
from keras_qd.data.io.arrays import open_archive
from keras_qd.data.io.sizes import read_unfolded
from keras_qd.errors import DataError, UsageError

#: Where Keras downloads MNIST from, and the SHA-256 of the file.
_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
_CHECKSUM = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


def keras_cache() -> Path:
    """Return where Keras keeps MNIST once it is downloaded, whether or not it is."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "datasets" / "mnist.npz"


def download_mnist() -> Path:
    """Download MNIST into the cache of Keras, unless it is there already, and return its path."""
    path = keras_cache()
    if path.is_file():
        return path
    try:
        with urlopen(_ORIGIN, timeout=60) as answer:
            content = answer.read()
        if hashlib.sha256(content).hexdigest() != _CHECKSUM:
            raise OSError(f"the checksum of {_ORIGIN} is wrong")
    except (OSError, HTTPException) as cause:
        raise DataError(
            f"MNIST could not be downloaded ({cause}); get mnist.npz by other means and name it "
            "(--data, path=), or leave the download out: the bundled 5,000 images are then used"
        ) from cause
    write_bytes(path, content)
    return path


Array = NDArray[Any]
Splits = dict[str, dict[str, Array]]

SHAPE = (28, 28)

#: Validation and test split have an image each of so many: a fourteenth, as 5,000 of 70,000.
_SHARE = 14
#: Beginnings of the original files' names: images and digits of the training and the test set.
_IDX = (("train-images", "train-labels"), ("t10k-images", "t10k-labels"))


def read_mnist(path: Path) -> Splits:
    """Read MNIST from a file or directory as split -> ``image`` (n, 28, 28), ``digit`` (n,)."""
    read = _reader(path)
    try:
        return read(path)
    except FileNotFoundError as cause:
        raise DataError(f"{cause.filename or path} does not exist") from None
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
        f"{path} is not MNIST in a known format; give Keras' mnist.npz, a directory with the four "
        "original files, or a .csv or .csv.gz file"
    )


def _read_npz(path: Path) -> Splits:
    archive = {name: np.asarray(values) for name, values in open_archive(path).items()}
    return _halved(
        _checked(archive["x_train"], archive["y_train"]),
        _checked(archive["x_test"], archive["y_test"]),
    )


def _read_idx(path: Path) -> Splits:
    return _halved(*(_checked(*(_idx_array(path, name) for name in pair)) for pair in _IDX))


def _read_csv(path: Path) -> Splits:
    lines = io.BytesIO(read_unfolded(path))
    rows = np.loadtxt(lines, delimiter=",", dtype=np.uint8, ndmin=2)
    if rows.shape[1] != np.prod(SHAPE) + 1:
        raise DataError(f"{path} has {rows.shape[1]} numbers in a line; expected 784 and the digit")
    return _shared_out(_checked(rows[:, :-1].reshape(-1, *SHAPE), rows[:, -1]))


def _idx_array(folder: Path, name: str) -> Array:
    """Read one original file: two zeros, a type, the number of axes, their lengths, the values."""
    found = [path for path in sorted(folder.glob(f"{name}*")) if "ubyte" in path.name]
    if not found:
        raise DataError(f"{folder} holds no file {name}-idx...-ubyte or {name}-idx...-ubyte.gz")
    content = read_unfolded(found[0])
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise DataError(f"{found[0]} is not an IDX file of bytes")
    n_axes = content[3]
    shape = np.frombuffer(content, ">u4", n_axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes).reshape(shape)


def _checked(images: Array, digits: Array) -> dict[str, Array]:
    """Return images and digits as one split, or raise a DataError with the reason."""
    if images.shape[1:] != SHAPE or digits.shape != images.shape[:1] or not len(digits):
        raise DataError(
            f"images of shape {images.shape} and digits of shape {digits.shape} are not MNIST; "
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
    position = np.empty(len(digits), dtype=np.int64)
    for digit in np.unique(digits):
        rows = np.flatnonzero(digits == digit)
        position[rows] = np.arange(len(rows)) % _SHARE
    chosen = {
        "train": ~np.isin(position, (_SHARE // 2 - 1, _SHARE - 1)),
        "validation": position == _SHARE - 1,
        "test": position == _SHARE // 2 - 1,
    }
    return {
        split: {name: values[rows] for name, values in images.items()}
        for split, rows in chosen.items()
    }


FIELDS = {
    "image": Field((28, 28), "", "grey values from 0 to 255", "uint8", limits=(0, 255)),
    "digit": Field((), "", "which digit it shows", "uint8", limits=(0, 9)),
}
SUBSET = "mnist_5k.csv.gz"
_NOTICE = (
    "only the subset of 5,000 MNIST images that comes with keras-qd was used "
    "({train:,} to train, {validation} to validate, {test} to test), not the 70,000 of all MNIST: "
    "no figure of this run compares with one for all MNIST"
)


def mnist(
    path: str | Path | None = None, *, subset: bool = False, download: bool = False
) -> ArrayDataset:
    """Load MNIST.

    Parameters
    ----------
    path : str or Path, optional
        A file to read: ``mnist.npz`` as Keras has it, a directory with the four original files
        (``train-images-idx3-ubyte`` and so on, ``.gz`` or not), or a ``.csv`` or ``.csv.gz`` file
        with 784 grey values and the digit in each line. Without it, what Keras has in its cache is
        read, and where there is nothing, the 5,000 images that come with this package.
    subset : bool
        Whether to take those 5,000 images in any case.
    download : bool
        Whether to download all of MNIST into the cache of Keras where it is not there yet.

    Returns
    -------
    ArrayDataset
        With the fields ``image`` and ``digit``. Of all MNIST, the 60,000 training images train;
        the first 5,000 test images validate and the other 5,000 test. Where a file has no such
        parts, every 14th image of each digit validates and every 14th tests: the same shares.
        The metadata say which ``source`` it is and, for the 5,000 images, have a ``notice`` that
        training and report pass on.

    Raises
    ------
    DataError
        If a file is not there, cannot be read, or is not MNIST, or the download fails.
    UsageError
        If more than one source is asked for.

    Examples
    --------
    >>> digits = mnist(subset=True)
    >>> {name: len(digits.split(name)["digit"]) for name in ("train", "validation", "test")}
    {'train': 4290, 'validation': 350, 'test': 360}
    """
    if sum((path is not None, subset, download)) > 1:
        raise UsageError("give one of path, subset and download for MNIST, not several")
    if path is not None:
        return _dataset(read_mnist(Path(path)), {"source": "a file", "path": str(path)})
    if download:
        return _dataset(read_mnist(download_mnist()), {"source": "all MNIST"})
    if not subset and keras_cache().is_file():
        return _dataset(read_mnist(keras_cache()), {"source": "all MNIST"})
    with as_file(files("keras_qd.data") / SUBSET) as bundled:
        splits = read_mnist(bundled)
    counts = {name: len(split["digit"]) for name, split in splits.items()}
    return _dataset(splits, {"source": "5,000 images of MNIST", "notice": _NOTICE.format(**counts)})


def _dataset(splits: Splits, metadata: dict[str, Any]) -> ArrayDataset:
    return ArrayDataset(**splits, fields=FIELDS, metadata=metadata)
