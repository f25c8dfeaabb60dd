"""Images in files: NumPy arrays, or one picture with the images as tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from keras_qd._files import replacing
from keras_qd.data.io.reading import read_fields
from keras_qd.errors import DataError, UsageError

Array = NDArray[Any]

ARRAYS = (".npy", ".npz")
PICTURES = (".png", ".tif", ".tiff", ".bmp")
#: Tiles in a row of a picture that is written.
_N_COLUMNS = 20


def read_images(path: Path, field: str, shape: tuple[int, ...]) -> Array:
    """Read images.

    Parameters
    ----------
    path : Path
        A ``.npy`` file, a ``.npz`` file with the field by name, the directory of a stored data set,
        or a grey picture whose tiles, side by side and row by row, are the images.
    field : str
        Name of the field.
    shape : tuple of int
        Of one image.

    Returns
    -------
    ndarray, shape (n, *shape)

    Raises
    ------
    DataError
        If the file cannot be read, or does not hold such images.
    """
    if path.suffix.lower() in PICTURES:
        return _tiles(path, shape)
    values = read_fields(path, [field])[field]
    images = np.asarray(values[: values.shape[0]])
    if images.shape[1:] != shape or not len(images):
        raise DataError(
            f"{path} holds an array of shape {images.shape}; expected images "
            f"(n, {', '.join(map(str, shape))})"
        )
    return images


def check_writable(path: Path) -> None:
    """Check that images can be written to a file of this name.

    Raises
    ------
    UsageError
        If its suffix is not known.
    """
    if path.suffix.lower() not in (*ARRAYS, *PICTURES):
        raise UsageError(
            f"{path} must end in one of {', '.join((*ARRAYS, *PICTURES))} to hold images"
        )


def write_images(path: Path, field: str, images: Array) -> None:
    """Write images, whole or not at all: as arrays, or as the tiles of a grey picture.

    Parameters
    ----------
    path : Path
        Where to; its suffix says as what.
    field : str
        Name of the field.
    images : ndarray, shape (n, ny, nx)
        The images; a picture holds them as bytes, from 0 to 255.
    """
    check_writable(path)
    with replacing(path) as temporary:
        if path.suffix.lower() == ".npy":
            np.save(temporary, images)
        elif path.suffix.lower() == ".npz":
            np.savez(temporary, **{field: images})  # type: ignore[arg-type]
        else:
            Image.fromarray(_sheet(images)).save(temporary)


def _tiles(path: Path, shape: tuple[int, ...]) -> Array:
    """Return the tiles of a picture, row by row."""
    try:
        with Image.open(path) as picture:
            sheet = np.asarray(picture.convert("L"))
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as cause:
        raise DataError(f"{path} cannot be read as a picture: {cause}") from cause
    ny, nx = shape
    if sheet.shape[0] % ny or sheet.shape[1] % nx:
        raise DataError(
            f"{path} has {sheet.shape[0]} x {sheet.shape[1]} pixels; expected tiles of {ny} x {nx}"
        )
    tiles = sheet.reshape(sheet.shape[0] // ny, ny, sheet.shape[1] // nx, nx)
    return tiles.swapaxes(1, 2).reshape(-1, ny, nx)


def _sheet(images: Array) -> Array:
    """Return images as the tiles of one picture, black where there is none."""
    n_columns = min(_N_COLUMNS, len(images))
    n_rows = -(-len(images) // n_columns)
    ny, nx = images.shape[1:]
    tiles = np.zeros((n_rows * n_columns, ny, nx), dtype=np.uint8)
    tiles[: len(images)] = np.rint(images).clip(0, 255)
    return tiles.reshape(n_rows, n_columns, ny, nx).swapaxes(1, 2).reshape(n_rows * ny, -1)
