"""The data set ``image-pairs``: pairs of images that were prepared."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from skimage.transform import resize as resized

from keras_qd.data.fields import Field
from keras_qd.data.io.arrays import source_checksum
from keras_qd.data.io.images import SPLITS, PairFiles, find_pairs, read_image
from keras_qd.data.store.store import Store, open_store
from keras_qd.data.store.writer import Progress, write_store
from keras_qd.data.stored import IMPORTED, MEMORY_BUDGET, StoredDataset
from keras_qd.errors import DataError, ErrorList, StoreError, UsageError

Size = tuple[int, int]
_NAMED = 5


def check_pairs(
    pairs: Sequence[PairFiles], resize: Size | None, crop: Size | None, errors: ErrorList
) -> dict[str, tuple[tuple[int, ...], str]]:
    """Read all images, and return shape and type of ``a`` and ``b`` as they will be stored."""
    survey = _Survey()
    for pair in pairs:
        images = _read(pair, errors)
        if images is None:
            continue
        a, b = images["a"].shape, images["b"].shape
        if a[:2] != b[:2] and resize is None:
            errors.add(f"{pair.a} is {_text(a)}, but {pair.b} {_text(b)}")
        survey.add(pair.name, images)
    if resize is None and len(survey.sizes) > 1:
        sizes = {_text(size): names for size, names in survey.sizes.items()}
        errors.add(f"sizes differ: {_listing(sizes)}; use --resize")
    for side, kinds in survey.kinds.items():
        if len(kinds) > 1:
            errors.add(f"the images {side.upper()} differ in mode: {_listing(kinds)}")
    size = resize or survey.smallest
    if crop is not None and (crop[0] > size[0] or crop[1] > size[1]):
        errors.add(f"{_text(crop)} cannot be cut out of {_text(size)}")
    return survey.stored(crop or size)


class _Survey:
    """Counts of the sizes and modes of pairs."""

    def __init__(self) -> None:
        self.kinds: dict[str, dict[str, list[str]]] = {"a": {}, "b": {}}
        self.sizes: dict[Size, list[str]] = {}

    def add(self, name: str, images: Mapping[str, np.ndarray]) -> None:
        """Count a pair."""
        for side, image in images.items():
            self.kinds[side].setdefault(_kind(image), []).append(name)
        ny, nx = images["a"].shape[:2]
        self.sizes.setdefault((ny, nx), []).append(name)

    @property
    def smallest(self) -> Size:
        """The common size, if there is one."""
        return min((ny for ny, _ in self.sizes), default=0), min(
            (nx for _, nx in self.sizes), default=0
        )

    def stored(self, size: Size) -> dict[str, tuple[tuple[int, ...], str]]:
        """Return shape and type of each side, for pairs of that size."""
        found: dict[str, tuple[tuple[int, ...], str]] = {}
        for side, kinds in self.kinds.items():
            for kind in list(kinds)[:1]:
                colours, _, dtype = kind.partition(" ")
                found[side] = (size if colours == "grey" else (*size, 3)), dtype
        return found


def read_pair(pair: PairFiles) -> dict[str, np.ndarray]:
    """Read both images of a pair; errors name the file."""
    a = _named(pair.a)
    if pair.a != pair.b:
        return {"a": a, "b": _named(pair.b)}
    if a.shape[1] % 2:
        raise DataError(f"{pair.a}: it is {a.shape[1]} pixels wide, which cannot be halved")
    half = a.shape[1] // 2
    return {"a": a[:, :half], "b": a[:, half:]}


def _read(pair: PairFiles, errors: ErrorList) -> dict[str, np.ndarray] | None:
    """Read a pair; where that fails, add the errors of both of its files."""
    try:
        return read_pair(pair)
    except DataError as error:
        errors.add(str(error))
        if pair.a != pair.b and str(error).startswith(f"{pair.a}:"):
            with errors.collecting():
                _named(pair.b)
    return None


def _named(path: Path) -> np.ndarray:
    try:
        return read_image(path)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _kind(image: np.ndarray) -> str:
    return f"{'grey' if image.ndim == 2 else 'RGB'} {image.dtype}"


def _text(size: Sequence[int]) -> str:
    return f"{size[0]} x {size[1]}"


def _listing(groups: dict[str, list[str]]) -> str:
    """List groups of files, the rarer ones by name."""
    parts: list[str] = []
    for what, names in sorted(groups.items(), key=lambda item: -len(item[1])):
        shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
        parts.append(f"{what} ({len(names)}{': ' + shown if parts else ''})")
    return ", ".join(parts)


DIRECTIONS = ("a-to-b", "b-to-a")


@dataclass(frozen=True, kw_only=True)
class _Preparation:
    """What is done to each pair: all are resized, then parts are cut out at random positions."""

    pairs: Sequence[PairFiles]
    sides: Mapping[str, str]
    resize: Size | None
    crop: Size | None
    seed: int

    def read(self, indices: range) -> dict[str, np.ndarray]:
        """Read and prepare pairs."""
        samples = [self._prepare(index) for index in indices]
        return {
            name: np.stack([sample[side] for sample in samples])
            for name, side in self.sides.items()
        }

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

    Stopped at any moment, the same call resumes and ends bit-identical.

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
        If something is wrong with the images; the message lists all errors.
    UsageError
        If a setting is out of range, or the store holds another data set.
    StoreError
        As for :func:`keras_qd.data.write_store`.

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
    errors = ErrorList("the images cannot be prepared")
    pairs = find_pairs(folder, a, b, errors)
    described = check_pairs(pairs, resize, crop, errors)
    errors.settle()
    sides = dict(zip(("input", "target"), direction.split("-to-"), strict=True))
    counts = Counter(pair.split for pair in pairs)
    description = {
        "kind": "image-pairs",
        "command": "keras-qd prepare",
        "checksum": _checksum(pairs),
        "direction": direction,
        "resize": None if resize is None else list(resize),
        "crop": None if crop is None else list(crop),
        "seed": seed,
        "splits": None if None in counts else {name: counts[name] for name in SPLITS},
    }
    preparation = _Preparation(pairs=pairs, sides=sides, resize=resize, crop=crop, seed=seed)
    return write_store(
        out,
        {name: _field(side, *described[side]) for name, side in sides.items()},
        preparation.read,
        description,
        n_samples=len(pairs),
        identity="input",
        progress=progress,
    )


def _field(side: str, shape: tuple[int, ...], dtype: str) -> Field:
    limits = {"uint8": (0.0, 255.0), "uint16": (0.0, 65535.0)}.get(dtype)
    return Field(shape, "", f"image {side.upper()}", dtype, limits)


def resize_image(image: np.ndarray, size: Size) -> np.ndarray:
    """Return an image (ny, nx) or (ny, nx, 3) of another size, of the type it has."""
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


def image_pairs(
    path: str | Path | None = None,
    *,
    samples: int | None = None,
    fractions: Sequence[float] | None = None,
    memory_budget: int = MEMORY_BUDGET,
) -> StoredDataset:
    """Load pairs of images that ``keras-qd prepare`` has made.

    Fields: ``input`` and ``target``, (n, ny, nx) where they are grey and (n, ny, nx, 3) where they
    are RGB, with the values that the files have.

    Parameters
    ----------
    path : str or Path
        The store.
    samples : int, optional
        How many of its samples, all by default.
    fractions : sequence of three float, optional
        Shares of the training, validation and test split; by default as the folders of the images
        divided them, or else 80, 10 and 10 %.
    memory_budget : int
        Bytes that the fields of a split may have to be held in memory; a larger split is read batch
        by batch, and shuffled within some shards at a time.

    Returns
    -------
    StoredDataset
        With ``input`` and ``target``.

    Raises
    ------
    UsageError
        If no path is given.
    StoreError
        If there is no such store, it holds something else, or it is not finished.

    Examples
    --------
    >>> import keras_qd
    >>> maps = keras_qd.load("image-pairs", path="maps.zarr")  # doctest: +SKIP
    """
    if path is None:
        raise UsageError(
            "image-pairs needs your own images: prepare them with 'keras-qd prepare FOLDER --out "
            "PATH', and name the result (--data PATH, or path=...)"
        )
    store = open_store(path)
    kind = store.configuration.get("kind")
    if kind not in ("image-pairs", IMPORTED):
        raise StoreError(f"{path} holds {kind!r}; expected 'image-pairs'")
    return StoredDataset(store, samples, fractions, memory_budget)
