"""Images in files as samples of one field, in its unit."""

from __future__ import annotations

import math
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image, ImageFile, UnidentifiedImageError

from keras_qd.data.io.sizes import check_block, check_packed
from keras_qd.errors import DataError, ErrorList, UsageError

TIFF = (".tif", ".tiff")
#: Suffixes of the files that count as images.
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".pgm", ".ppm", *TIFF)
#: Bytes by which the last part of a TIFF may exceed the image.
_MARGIN = 2**16
_TYPES = ("uint8", "uint16", "float16", "float32", "float64")
_PLAIN = ("L", "RGB", "F", "I;16", "I;16L", "I;16B")


def read_image(path: Path) -> np.ndarray:
    """Read an image, (ny, nx) or (ny, nx, 3), as uint8, uint16 or floats; black is 0."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError("it is not a regular file")
        image = _read_tiff(path) if path.suffix.lower() in TIFF else _read_other(path)
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError("it is broken, or not an image") from None
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
        _check_tiff(path, page)
        values = np.asarray(page.asarray())
        separate = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    return np.moveaxis(values, 0, -1) if separate and values.ndim == 3 else values


def _check_tiff(path: Path, page: Any) -> None:
    """Raise a DataError if an image, or a part of it, unfolds to more than it may have."""
    n_bytes = math.prod(page.shape) * page.dtype.itemsize
    check_block("it", n_bytes, path.stat().st_size)
    codec = {8: "zlib", 32946: "zlib", 34925: "lzma", 50000: "zstd"}.get(int(page.compression))
    if codec is None:
        return
    with path.open("rb") as file:
        for offset, length in zip(page.dataoffsets, page.databytecounts, strict=True):
            file.seek(offset)
            check_packed("it", codec, file.read(length), n_bytes + _MARGIN)


@contextmanager
def open_image(path: Path) -> Iterator[ImageFile.ImageFile]:
    """Open an image whose size is within our limit, which an option raises, not Pillow's."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with Image.open(path) as image:
            n_bytes = math.prod(image.size) * max(1, len(image.getbands()))
            check_block("it", n_bytes, path.stat().st_size)
            yield image
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _read_other(path: Path) -> np.ndarray:
    with open_image(path) as image:
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
    """Leave out an alpha channel that is opaque everywhere."""
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


#: Names of folders that divide a set by themselves, and the split that they mean.
_SPLIT_FOLDERS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class PairFiles:
    """The name of a pair, its path without suffix, and its files: one file if side by side."""

    name: str
    a: Path
    b: Path

    @property
    def split(self) -> str | None:
        """The split that its folder names, if any."""
        return _SPLIT_FOLDERS.get(self.name.partition("/")[0].lower()) if "/" in self.name else None


def find_pairs(
    folder: Path | None, a: Path | None, b: Path | None, errors: ErrorList
) -> list[PairFiles]:
    """Find pairs in one folder, side by side or in its folders A and B, or in two folders."""
    # By name; those for training come first where folders divide them, then those for validation.
    if folder is not None and a is None and b is None:
        a, b = _subfolder(folder, "a"), _subfolder(folder, "b")
        if a is None or b is None:
            return _ordered([PairFiles(*each) for each in _side_by_side(folder, errors)], errors)
    if a is None or b is None:
        errors.add("give one folder, or two with --a and --b")
        return []
    return _ordered(_matched(find_images(a, errors), find_images(b, errors), errors), errors)


def _side_by_side(folder: Path, errors: ErrorList) -> list[tuple[str, Path, Path]]:
    return [(name, path, path) for name, path in find_images(folder, errors).items()]


def _matched(
    first: Mapping[str, Path], second: Mapping[str, Path], errors: ErrorList
) -> list[PairFiles]:
    for found, other in ((first, second), (second, first)):
        errors.extend(f"{found[name]} has no partner" for name in sorted(set(found) - set(other)))
    return [PairFiles(name, first[name], second[name]) for name in first if name in second]


def _subfolder(folder: Path, name: str) -> Path | None:
    if not folder.is_dir():
        return None
    return next((each for each in folder.iterdir() if each.name.lower() == name), None)


def find_images(folder: Path, errors: ErrorList) -> dict[str, Path]:
    """Return all images below a folder by name, without those that are hidden."""
    if not folder.is_dir():
        errors.add(f"there is no folder {folder}")
        return {}
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            errors.add(f"{found[name]} and {path} have one name")
        found[name] = path
    if not found:
        errors.add(f"{folder} holds no image ({', '.join(SUFFIXES)})")
    return found


def _ordered(pairs: list[PairFiles], errors: ErrorList) -> list[PairFiles]:
    """Put the splits that folders make one after the other."""
    divided = [pair for pair in pairs if pair.split is not None]
    if divided and len(divided) < len(pairs):
        outside = next(pair for pair in pairs if pair.split is None)
        errors.add(
            f"{len(divided)} pairs are in folders for training, validation and test, but "
            f"{len(pairs) - len(divided)} are not, such as {outside.name}"
        )
    if not divided:
        return pairs
    return sorted(pairs, key=lambda pair: (SPLITS.index(pair.split or "test"), pair.name))


#: What black and white mean, in the unit of the field.
Grey = tuple[float, float]


@dataclass(frozen=True)
class ImageStack:
    """Images of one size, each read when it is asked for."""

    # Whole numbers become physical values linearly: 0 is the first value of `grey`, the largest of
    # the type (255 or 65535) the second. Floats are physical values already, as is everything where
    # `grey` is None. The first row of an image is the first row of the array.

    paths: Sequence[Path]
    shape_of_one: tuple[int, ...]
    grey: Grey | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole, samples along the first axis."""
        return (len(self.paths), *self.shape_of_one)

    @property
    def dtype(self) -> np.dtype[np.float64]:
        """Type of the values."""
        return np.dtype(np.float64)

    def __getitem__(self, samples: slice) -> np.ndarray:
        """Read some of the images; raise a DataError if one is broken or of another size."""
        return np.stack([self._read(path) for path in self.paths[samples]])

    def _read(self, path: Path) -> np.ndarray:
        image = _read(path)
        if image.shape != self.shape_of_one:
            raise DataError(
                f"{path} has shape {image.shape}, but {self.paths[0]} has {self.shape_of_one}; "
                "resize all of them to one size first"
            )
        if image.dtype.kind == "f" or self.grey is None:
            return image.astype(np.float64)
        black, white = self.grey
        return black + (white - black) * (image / np.iinfo(image.dtype).max)


def is_image(path: Path) -> bool:
    """Return whether a file is an image, or a folder holds any, by their suffixes."""
    if path.is_dir():
        return any(each.suffix.lower() in SUFFIXES for each in path.rglob("*"))
    return path.suffix.lower() in SUFFIXES


def open_images(path: Path, grey: Grey | None, unit: str, limits: Grey | None) -> ImageStack:
    """Open an image, or all images below a folder in the order of their names."""
    # `grey` is what black and white mean, in `unit`; `limits` is what they meant in training.
    errors = ErrorList(f"no image can be read from {path}")
    paths = list(find_images(path, errors).values()) if path.is_dir() else [path]
    errors.settle()
    first = _read(paths[0])
    if grey is None and first.dtype.kind != "f":
        _require_same_scale(paths[0], first.dtype, unit, limits)
    return ImageStack(paths, first.shape, grey)


def _require_same_scale(path: Path, dtype: np.dtype[Any], unit: str, limits: Grey | None) -> None:
    """Raise unless whole numbers in an image are the field's values."""
    if limits == (0.0, float(np.iinfo(dtype).max)):
        return
    if unit not in ("", "1") or limits is not None:
        known = f", which goes from {limits[0]:g} to {limits[1]:g}" if limits is not None else ""
        raise UsageError(
            f"{path} holds whole numbers ({dtype}), not values in {unit or 'units'} of the model's "
            f"field{known}; set what black and white mean with --grey BLACK WHITE"
        )


def _read(path: Path) -> np.ndarray:
    if not path.is_file():
        raise DataError(f"{path} does not exist")
    try:
        return read_image(path)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
