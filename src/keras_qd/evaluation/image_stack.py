"""Images in files as samples of one field, in its unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_qd.data.faults import Faults
from keras_qd.data.images.image_files import SUFFIXES, read_image
from keras_qd.data.images.pair_files import find_images
from keras_qd.errors import DataError, UsageError

#: What black and white mean, in the unit of the field.
Grey = tuple[float, float]


@dataclass(frozen=True)
class ImageStack:
    """Images of one size, each read when it is asked for.

    Whole numbers become physical values linearly: 0 is the first value of `grey`, and the largest
    that the type can hold (255 or 65535) the second. Floats are physical values already. The first
    row of an image is the first row of the array.

    Parameters
    ----------
    paths : sequence of Path
        The files, in the order of the samples.
    shape_of_one : tuple of int
        Of each image.
    grey : pair of float, optional
        What black and white mean; without it, whole numbers are taken as they are.
    """

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
        """Read some of the images.

        Raises
        ------
        DataError
            If one is broken, or of another size than the first.
        """
        return np.stack([self._read(path) for path in self.paths[samples]])

    def _read(self, path: Path) -> np.ndarray:
        image = _read(path)
        if image.shape != self.shape_of_one:
            raise DataError(
                f"{path} has shape {image.shape}, but {self.paths[0]} has {self.shape_of_one}; "
                "bring all to one size first"
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
    """Open an image, or all images below a folder in the order of their names.

    Parameters
    ----------
    path : Path
        The image, or the folder.
    grey : pair of float, optional
        What black and white mean, in the field's unit.
    unit : str
        The field's unit; empty for a pure number.
    limits : pair of float, optional
        The limits of the field's values, where the model knows them: what black and white were
        in training.

    Raises
    ------
    DataError
        If there is no image, or the first cannot be read.
    UsageError
        If what black and white mean is not said, but has to be.
    """
    faults = Faults(f"no image can be read from {path}")
    paths = list(find_images(path, faults).values()) if path.is_dir() else [path]
    faults.settle()
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
            f"field{known}; say what black and white mean with --grey BLACK WHITE"
        )


def _read(path: Path) -> np.ndarray:
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    try:
        return read_image(path)
    except DataError as fault:
        raise DataError(f"{path}: {fault}") from fault
