"""What may be wrong with pairs of images, all of it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_qd.data.faults import Faults
from keras_qd.data.images.image_files import read_image
from keras_qd.data.images.pair_files import PairFiles
from keras_qd.errors import DataError

Size = tuple[int, int]
_NAMED = 5


def check_pairs(
    pairs: Sequence[PairFiles], resize: Size | None, crop: Size | None, faults: Faults
) -> dict[str, tuple[tuple[int, ...], str]]:
    """Read all images and see whether they go together.

    Parameters
    ----------
    pairs : sequence of PairFiles
        All pairs.
    resize, crop : pair of int, optional
        Size (ny, nx) that they will be brought to, and that will be cut out.
    faults : Faults
        Hears of broken files, different sizes and modes.

    Returns
    -------
    dict of str to (tuple of int, str)
        Shape and type of ``a`` and ``b`` as they will be stored.
    """
    survey = _Survey()
    for pair in pairs:
        images = _read(pair, faults)
        if images is None:
            continue
        a, b = images["a"].shape, images["b"].shape
        if a[:2] != b[:2] and resize is None:
            faults.add(f"{pair.a} is {_text(a)}, but {pair.b} {_text(b)}")
        survey.add(pair.name, images)
    if resize is None and len(survey.sizes) > 1:
        sizes = {_text(size): names for size, names in survey.sizes.items()}
        faults.add(f"sizes differ: {_listing(sizes)}; use --resize")
    for side, kinds in survey.kinds.items():
        if len(kinds) > 1:
            faults.add(f"the images {side.upper()} differ in mode: {_listing(kinds)}")
    size = resize or survey.smallest
    if crop is not None and (crop[0] > size[0] or crop[1] > size[1]):
        faults.add(f"{_text(crop)} cannot be cut out of {_text(size)}")
    return survey.stored(crop or size)


class _Survey:
    """Which sizes and modes there are."""

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
        """The size that all have, if they have one."""
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
    """Read both images of a pair.

    Raises
    ------
    DataError
        If a file is broken, or cannot be halved. The message names the file.
    """
    a = _named(pair.a)
    if pair.a != pair.b:
        return {"a": a, "b": _named(pair.b)}
    if a.shape[1] % 2:
        raise DataError(f"{pair.a}: it is {a.shape[1]} pixels wide, which makes no two halves")
    half = a.shape[1] // 2
    return {"a": a[:, :half], "b": a[:, half:]}


def _read(pair: PairFiles, faults: Faults) -> dict[str, np.ndarray] | None:
    """Read a pair; where that fails, the faults hear of both of its files."""
    try:
        return read_pair(pair)
    except DataError as error:
        faults.add(str(error))
        if pair.a != pair.b and str(error).startswith(f"{pair.a}:"):
            with faults.collecting():
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
