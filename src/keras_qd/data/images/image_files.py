"""Reading an image file exactly as it is, or not at all.

Grey or RGB; 8 or 16 bits or floats. What a reader would quietly turn into something else, such as
colours of 16 bits in a PNG file, is refused with a reason.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image, UnidentifiedImageError

from keras_qd.errors import DataError

TIFF = (".tif", ".tiff")
#: Suffixes of the files that count as images.
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".pgm", ".ppm", *TIFF)
_TYPES = ("uint8", "uint16", "float16", "float32", "float64")
_PLAIN = ("L", "RGB", "F", "I;16", "I;16L", "I;16B")


def read_image(path: Path) -> np.ndarray:
    """Read an image.

    Parameters
    ----------
    path : Path
        A file with one of :data:`SUFFIXES`.

    Returns
    -------
    ndarray, shape (ny, nx) or (ny, nx, 3)
        Of type uint8, uint16 or floats. Black and white are 0 and 255.

    Raises
    ------
    DataError
        If the file is broken, or would lose something.
    """
    try:
        image = _read_tiff(path) if path.suffix.lower() in TIFF else _read_other(path)
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError("it is broken, or no image") from None
    except Exception as error:  # decoders of damaged files raise anything
        raise DataError(f"it is broken, or cannot be decoded: {error}") from error
    image = _without_alpha(image)
    _check(image)
    return image


def _read_tiff(path: Path) -> np.ndarray:
    with tifffile.TiffFile(path) as file:
        if len(file.pages) != 1:
            raise DataError(f"it holds {len(file.pages)} images; expected one")
        page: Any = file.pages[0]
        photometric = tifffile.PHOTOMETRIC(page.photometric).name
        if photometric not in ("MINISBLACK", "RGB"):
            raise DataError(f"its colours are {photometric}; convert it to grey or RGB")
        values = np.asarray(page.asarray())
        separate = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    return np.moveaxis(values, 0, -1) if separate and values.ndim == 3 else values


def _read_other(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        n_images = getattr(image, "n_frames", 1)
        if n_images != 1:
            raise DataError(f"it holds {n_images} images; expected one")
        if any(";16" in str(tile[3]) for tile in image.tile) and image.mode in (
            "RGB",
            "RGBA",
            "LA",
        ):
            raise DataError(
                "its colours have 16 bits, of which a PNG reader keeps 8; convert it to TIFF"
            )
        return _pixels(image)


def _pixels(image: Image.Image) -> np.ndarray:
    """Return the pixels of an image of one of the modes that lose nothing as an array."""
    if image.mode in (*_PLAIN, "RGBA", "LA"):
        return np.asarray(image)
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if image.mode == "P":
        return np.asarray(image.convert("RGBA" if "transparency" in image.info else "RGB"))
    if image.mode == "I":
        values = np.asarray(image)
        if values.min() >= 0 and values.max() < 2**16:
            return values.astype(np.uint16)
    raise DataError(f"its mode is {image.mode}; convert it to grey or RGB")


def _without_alpha(image: np.ndarray) -> np.ndarray:
    """Leave out an alpha channel that says nothing."""
    if image.ndim != 3 or image.shape[2] not in (2, 4):
        return image
    opaque = 1 if image.dtype.kind == "f" else np.iinfo(image.dtype).max
    if (image[..., -1] != opaque).any():
        raise DataError("it has transparent parts; lay it on a background first")
    return image[..., 0] if image.shape[2] == 2 else image[..., :3]


def _check(image: np.ndarray) -> None:
    if image.ndim != 2 and (image.ndim != 3 or image.shape[2] != 3):
        raise DataError(f"its shape is {image.shape}; expected (ny, nx) or (ny, nx, 3)")
    if image.dtype.name not in _TYPES:
        raise DataError(f"its type is {image.dtype}; expected one of {', '.join(_TYPES)}")
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise DataError("it holds NaN or infinity")
