"""Where Keras keeps MNIST, and how it gets there: only when that is asked for."""

from __future__ import annotations

import os
from pathlib import Path

from keras_qd.backend import ensure_backend
from keras_qd.errors import DataError


def keras_cache() -> Path:
    """Return where Keras keeps MNIST once it is downloaded, whether or not it is."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "datasets" / "mnist.npz"


def download_mnist() -> Path:
    """Let Keras download MNIST, unless it has it already.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DataError
        If it cannot be downloaded.
    """
    path = keras_cache()
    if path.is_file():
        return path
    ensure_backend()
    import keras

    try:
        keras.datasets.mnist.load_data()
    except Exception as cause:  # Keras raises bare Exceptions here
        raise DataError(
            f"MNIST could not be downloaded ({cause}); bring mnist.npz by other means and name it "
            "(--data, path=), or do without: the 5,000 images that are here are then used"
        ) from cause
    return path
