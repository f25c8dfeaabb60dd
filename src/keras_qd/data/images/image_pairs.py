"""Pairs of images as samples: resized, cut out, and stored in the type they have."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from skimage.transform import resize as resized

from keras_qd.data.faults import Faults
from keras_qd.data.field import Field
from keras_qd.data.foreign.foreign_array import source_checksum
from keras_qd.data.generation import Progress
from keras_qd.data.images.checking import Size, check_pairs, read_pair
from keras_qd.data.images.pair_files import SPLITS, PairFiles, find_pairs
from keras_qd.data.recipe import Recipe
from keras_qd.data.store import Store
from keras_qd.data.writing import write_store
from keras_qd.errors import UsageError

DIRECTIONS = ("a-to-b", "b-to-a")


@dataclass(frozen=True, kw_only=True)
class ImagePairs(Recipe):
    """Pairs of images, read from files.

    Parameters
    ----------
    pairs : sequence of PairFiles
        The files.
    described : mapping of str to (tuple of int, str)
        Shape and type of ``a`` and ``b`` as they are stored.
    checksum : str
        Of all files.
    direction : str
        Which of the two is the input: ``"a-to-b"`` or ``"b-to-a"``.
    resize : pair of int, optional
        Size (ny, nx) that all are brought to first.
    crop : pair of int, optional
        Size of the part that is then cut out of each pair, at a place of its own, the same in both.
    seed : int
        Of these places.
    """

    kind: ClassVar[str] = "image-pairs"
    version: ClassVar[int] = 1
    identity: ClassVar[str] = "input"

    pairs: Sequence[PairFiles]
    described: Mapping[str, tuple[tuple[int, ...], str]]
    checksum: str
    direction: str = "a-to-b"
    resize: Size | None = None
    crop: Size | None = None
    seed: int = 0

    @property
    def sides(self) -> dict[str, str]:
        """Which image is the input and which the target."""
        return dict(zip(("input", "target"), self.direction.split("-to-"), strict=True))

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of a sample, by name."""
        return {name: self._field(side) for name, side in self.sides.items()}

    def settings(self) -> dict[str, Any]:
        """Return where the pairs come from and what was done to them, as plain JSON."""
        counts = Counter(pair.split for pair in self.pairs)
        return {
            "checksum": self.checksum,
            "direction": self.direction,
            "resize": None if self.resize is None else list(self.resize),
            "crop": None if self.crop is None else list(self.crop),
            "seed": self.seed,
            "splits": None if None in counts else {name: counts[name] for name in SPLITS},
        }

    def make(self, indices: range) -> dict[str, np.ndarray]:
        """Read and prepare samples; see :meth:`Recipe.make`."""
        samples = [self._prepare(index) for index in indices]
        return {
            name: np.stack([sample[side] for sample in samples])
            for name, side in self.sides.items()
        }

    def _field(self, side: str) -> Field:
        shape, dtype = self.described[side]
        limits = {"uint8": (0.0, 255.0), "uint16": (0.0, 65535.0)}.get(dtype)
        return Field(shape, "", f"image {side.upper()}", dtype, limits)

    def _prepare(self, index: int) -> dict[str, np.ndarray]:
        images = read_pair(self.pairs[index])
        if self.resize is not None:
            images = {side: resize_image(image, self.resize) for side, image in images.items()}
        if self.crop is None:
            return images
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(index,)))
        size = images["a"].shape
        top, left = (int(rng.integers(size[axis] - self.crop[axis] + 1)) for axis in (0, 1))
        part = slice(top, top + self.crop[0]), slice(left, left + self.crop[1])
        return {side: image[part] for side, image in images.items()}


def prepare_pairs(
    out: str | PathLike[str],
    folder: str | PathLike[str] | None = None,
    *,
    a: str | PathLike[str] | None = None,
    b: str | PathLike[str] | None = None,
    direction: str = "a-to-b",
    resize: Size | None = None,
    crop: Size | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Store:
    """Prepare pairs of images as a store with the fields ``input`` and ``target``.

    Stopped at any moment, the same call goes on where it was and ends bit-identical.

    Parameters
    ----------
    out : str or path
        The store to write.
    folder : str or path, optional
        A folder of images that show A on the left and B on the right, or that has folders A and B.
    a, b : str or path, optional
        Instead of it, the two folders. Files of one name, whatever their suffix, make a pair.
        Folders ``train``, ``val`` and ``test`` in the folders divide the pairs for good.
    direction : str
        ``"a-to-b"`` or ``"b-to-a"``: which of the two is the input.
    resize : pair of int, optional
        Size (ny, nx) that all are brought to, bilinearly, and smoothed where they shrink.
    crop : pair of int, optional
        Size of the part that is cut out of each pair at random, the same of both.
    seed : int
        Of the random cuts.
    progress : callable, optional
        Called with the number of samples done and of all.

    Returns
    -------
    Store
        Finished, and open for reading. Values are stored in the type that the files have.

    Raises
    ------
    DataError
        If something is wrong with the images: all that is wrong is told at once.
    UsageError
        If a setting makes no sense, or the store holds another data set.
    StoreError
        As for :func:`keras_qd.data.writing.write_store`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> for i in range(3):  # A on the left, B on the right
    ...     Image.new("L", (16, 8), color=50 * i).save(folder / f"pair{i}.png")
    >>> store = prepare_pairs(folder / "pairs.zarr", folder)
    >>> store.read("input").shape, store.read("target").shape
    ((3, 8, 8), (3, 8, 8))
    """
    if direction not in DIRECTIONS:
        raise UsageError(f"direction={direction!r} must be one of {', '.join(DIRECTIONS)}")
    for name, size in (("resize", resize), ("crop", crop)):
        if size is not None and min(size) < 1:
            raise UsageError(f"{name}={tuple(size)} must be positive")
    folder, a, b = (None if each is None else Path(each) for each in (folder, a, b))
    faults = Faults("the images cannot be prepared")
    pairs = find_pairs(folder, a, b, faults)
    described = check_pairs(pairs, resize, crop, faults)
    faults.settle()
    recipe = ImagePairs(
        pairs=pairs,
        described=described,
        checksum=_checksum(pairs),
        direction=direction,
        resize=resize,
        crop=crop,
        seed=seed,
    )
    return write_store(out, recipe, len(pairs), progress)


def resize_image(image: np.ndarray, size: Size) -> np.ndarray:
    """Bring an image to a size, and back to the type it has.

    Parameters
    ----------
    image : ndarray, shape (ny, nx) or (ny, nx, 3)
    size : pair of int
        (ny, nx).

    Returns
    -------
    ndarray
        As it was where it has the size already.
    """
    if image.shape[:2] == tuple(size):
        return image
    shrinks = any(new < old for new, old in zip(size, image.shape, strict=False))
    values = resized(
        image.astype(np.float64), tuple(size), order=1, anti_aliasing=shrinks, preserve_range=True
    )
    values = np.rint(values) if image.dtype.kind in "ui" else values
    return np.asarray(values.astype(image.dtype))


def _checksum(pairs: Sequence[PairFiles]) -> str:
    """Return one SHA-256 over the names and contents of all files."""
    digest = hashlib.sha256()
    for pair in pairs:
        files = [pair.a] if pair.a == pair.b else [pair.a, pair.b]
        digest.update(" ".join([pair.name, *map(source_checksum, files)]).encode() + b"\n")
    return digest.hexdigest()
