"""Which files make a pair: halves of one image, or two of one name in two folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from keras_qd.data.faults import Faults
from keras_qd.data.images.image_files import SUFFIXES

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
    """The files of one pair.

    Parameters
    ----------
    name : str
        Path within the folder, without suffix.
    a, b : Path
        The files; one and the same where the images are side by side in it.
    """

    name: str
    a: Path
    b: Path

    @property
    def split(self) -> str | None:
        """The split that its folder says it belongs to, if any."""
        return _SPLIT_FOLDERS.get(self.name.partition("/")[0].lower()) if "/" in self.name else None


def find_pairs(
    folder: Path | None, a: Path | None, b: Path | None, faults: Faults
) -> list[PairFiles]:
    """Find the pairs in one folder, side by side or in its folders A and B, or in two folders.

    Parameters
    ----------
    folder : Path, optional
        The folder, where there is one.
    a, b : Path, optional
        The two folders, where there are two.
    faults : Faults
        Hears of files without a partner, and of two of one name.

    Returns
    -------
    list of PairFiles
        By name; those for training come first where folders divide them, then those for validation.
    """
    if folder is not None and a is None and b is None:
        a, b = _subfolder(folder, "a"), _subfolder(folder, "b")
        if a is None or b is None:
            return _ordered([PairFiles(*each) for each in _side_by_side(folder, faults)], faults)
    if a is None or b is None:
        faults.add("give one folder, or two with --a and --b")
        return []
    return _ordered(_matched(find_images(a, faults), find_images(b, faults), faults), faults)


def _side_by_side(folder: Path, faults: Faults) -> list[tuple[str, Path, Path]]:
    return [(name, path, path) for name, path in find_images(folder, faults).items()]


def _matched(
    first: Mapping[str, Path], second: Mapping[str, Path], faults: Faults
) -> list[PairFiles]:
    for found, other in ((first, second), (second, first)):
        faults.extend(f"{found[name]} has no partner" for name in sorted(set(found) - set(other)))
    return [PairFiles(name, first[name], second[name]) for name in first if name in second]


def _subfolder(folder: Path, name: str) -> Path | None:
    if not folder.is_dir():
        return None
    return next((each for each in folder.iterdir() if each.name.lower() == name), None)


def find_images(folder: Path, faults: Faults) -> dict[str, Path]:
    """Return all images below a folder by name, without those that are hidden.

    Parameters
    ----------
    folder : Path
        The folder.
    faults : Faults
        Hears of two of one name, and of a folder that is not there or holds none.
    """
    if not folder.is_dir():
        faults.add(f"there is no folder {folder}")
        return {}
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            faults.add(f"{found[name]} and {path} have one name")
        found[name] = path
    if not found:
        faults.add(f"{folder} holds no image ({', '.join(SUFFIXES)})")
    return found


def _ordered(pairs: list[PairFiles], faults: Faults) -> list[PairFiles]:
    """Put the splits that folders make one after the other."""
    divided = [pair for pair in pairs if pair.split is not None]
    if divided and len(divided) < len(pairs):
        outside = next(pair for pair in pairs if pair.split is None)
        faults.add(
            f"{len(divided)} pairs are in folders for training, validation and test, but "
            f"{len(pairs) - len(divided)} are not, such as {outside.name}"
        )
    if not divided:
        return pairs
    return sorted(pairs, key=lambda pair: (SPLITS.index(pair.split or "test"), pair.name))
