"""Sources of wanted densities: shapes, images, array files and stored data sets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.data.io.arrays import open_arrays
from keras_qd.data.io.images import SUFFIXES, read_image
from keras_qd.data.store.store import open_store
from keras_qd.errors import DataError, UsageError
from keras_qd.inverse.brush import density_of_picture, resampled
from keras_qd.inverse.problem import Conditions
from keras_qd.inverse.targets import DensityTarget, density_target, density_targets
from keras_qd.physics.box import Box

Array = NDArray[Any]

#: Default number of pixels a side.
N_PIXELS = 64
#: Weights of red, green and blue in grey: the luma of ITU-R BT.601.
_LUMA = (0.299, 0.587, 0.114)


class TargetSource(ABC):
    """A source of targets."""

    #: What is known of the systems.
    conditions = Conditions()
    #: Whether the targets are painted, and so finer than what the solver of a data set resolves.
    painted: bool = True

    @property
    @abstractmethod
    def title(self) -> str:
        """Title of the targets."""

    @abstractmethod
    def densities(self, box: Box, n_electrons: int, n_pixels: int | None) -> Array:
        """Return the targets, shape (n, n_pixels, n_pixels), in 1/a0*^2; None: their own grid."""


@dataclass(frozen=True)
class Drawn(TargetSource):
    """A shape by name."""

    target: DensityTarget

    def densities(self, box: Box, n_electrons: int, n_pixels: int | None) -> Array:
        """Draw the target."""
        return self.target.density(box, n_pixels or N_PIXELS, n_electrons)[None]

    @property
    def title(self) -> str:
        """Name, and the text if there is one."""
        text = getattr(self.target, "text", "")
        return f"{self.target.name} {text}".strip()


@dataclass(frozen=True)
class Picture(TargetSource):
    """An image file, painted."""

    path: Path
    settings: Mapping[str, Any]

    def densities(self, box: Box, n_electrons: int, n_pixels: int | None) -> Array:
        """Paint the image."""
        try:
            values = read_image(self.path).astype(np.float64)
            grey = values @ _LUMA if values.ndim == 3 else values
            size = n_pixels or N_PIXELS
            return density_of_picture(grey, box, size, n_electrons, **self.settings)[None]
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from error

    @property
    def title(self) -> str:
        """Name of the file."""
        return self.path.name


@dataclass(frozen=True)
class Arrays(TargetSource):
    """Densities from a file or a store."""

    values: Array
    name: str
    conditions: Conditions
    painted: bool = False

    def densities(self, box: Box, n_electrons: int, n_pixels: int | None) -> Array:
        """Return the densities, resampled if n_pixels is given."""
        return np.stack([resampled(each, n_pixels or len(each)) for each in self.values])

    @property
    def title(self) -> str:
        """Name of the file or store."""
        return self.name


def find_source(
    name: str,
    settings: Mapping[str, Any],
    *,
    field: str = "density",
    split: str = "test",
    samples: slice = slice(None),
) -> TargetSource:
    """Return the source of a shape's name, or of the path of an array file, image or store."""
    path = Path(name)
    is_file = path.exists() or "://" in name or path.suffix
    if name in density_targets() or not is_file:
        return Drawn(density_target(name, **settings))
    if path.suffix.lower() in SUFFIXES:
        _refuse(settings, {"width"}, name)
        return Picture(path, settings)
    _refuse(settings, set(), name)
    if path.suffix in (".npy", ".npz"):
        values, conditions = _read_file(path, field), Conditions()
    else:
        values, conditions = _read_store(name, field, split)
    chosen = _checked_sources(values, name)[samples]
    if not len(chosen):
        raise DataError(f"{name} has {len(values)} densities, none of them in --samples")
    return Arrays(chosen, path.name, conditions)


def _refuse(settings: Mapping[str, Any], known: set[str], name: str) -> None:
    unknown = sorted(set(settings) - known)
    if unknown:
        takes = f"it has {', '.join(known)}" if known else "only shapes and images have settings"
        raise UsageError(f"{name} has no setting {', '.join(map(repr, unknown))}; {takes}")


def _read_file(path: Path, field: str) -> Array:
    if not path.exists():
        raise DataError(f"{path} does not exist")
    found = {each.key: each.values for each in open_arrays(path)}
    return np.asarray(found[""] if "" in found else found[_only(list(found), field, path)])


def _only(names: list[str], field: str, path: Path) -> str:
    if field in names:
        return field
    if len(names) == 1:
        return names[0]
    raise DataError(
        f"{path} has no array {field!r}; it has {', '.join(names)}; choose one with --field"
    )


def _read_store(name: str, field: str, split: str) -> tuple[Array, Conditions]:
    from keras_qd.data.stored import StoredDataset

    store = open_store(name)
    conditions = Conditions.of_metadata({"configuration": store.configuration}, field)
    if split == "all":
        return store.read(field), conditions
    found = StoredDataset(store).split(split)
    if field not in found:
        raise DataError(f"{name} has no field {field!r}; it has {', '.join(found)}")
    return np.asarray(found[field]), conditions


def _checked_sources(values: Array, name: str) -> Array:
    """Return densities with a leading axis, or raise `DataError` for their shape."""
    if values.ndim == 2:
        values = values[None]
    if values.ndim != 3 or values.shape[1] != values.shape[2] or values.dtype.kind not in "fiu":
        raise DataError(
            f"{name} holds {values.dtype} of shape {values.shape}; expected densities "
            "(n_pixels, n_pixels), or (n, n_pixels, n_pixels)"
        )
    return values.astype(np.float64)
