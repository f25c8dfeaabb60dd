"""MNIST: 28 x 28 grey images of handwritten digits, for the tasks that are taught with them.

LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86, 2278 (1998), doi:10.1109/5.726791.

A file that is named comes first, then what Keras once downloaded, then the 5,000 images that this
package brings along. Nothing is downloaded unless that is asked for.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from keras_qd.data.field import Field
from keras_qd.datasets.dataset import ArrayDataset
from keras_qd.datasets.mnist_download import download_mnist, keras_cache
from keras_qd.datasets.mnist_files import Splits, read_mnist
from keras_qd.errors import UsageError

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
        Whether to let Keras download all of MNIST where its cache does not have it.

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
    with as_file(files("keras_qd.datasets") / SUBSET) as bundled:
        splits = read_mnist(bundled)
    counts = {name: len(split["digit"]) for name, split in splits.items()}
    return _dataset(splits, {"source": "5,000 images of MNIST", "notice": _NOTICE.format(**counts)})


def _dataset(splits: Splits, metadata: dict[str, Any]) -> ArrayDataset:
    return ArrayDataset(**splits, fields=FIELDS, metadata=metadata)
