"""The strokes of letters and digits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UnknownNameError

Array = NDArray[np.float64]

#: Width and height of every character.
GLYPH_SIZE = (4.0, 6.0)

#: Strokes of each character: points "xy", with x from 0 to 4 and y upwards from 0 to 6. A stroke
#: that begins with ~ is a curve, with these points as its control points.
_STROKES: dict[str, tuple[str, ...]] = {
    "A": ("00 26 40", "13 33"),
    "B": ("00 06", "~06 46 43 03", "~03 43 40 00"),
    "C": ("~45 46 06 00 40 41",),
    "D": ("00 06", "~06 46 40 00"),
    "E": ("46 06 00 40", "03 33"),
    "F": ("46 06 00", "03 33"),
    "G": ("~45 46 06 00 40 43", "43 23"),
    "H": ("00 06", "40 46", "03 43"),
    "I": ("20 26",),
    "J": ("~46 40 00 02",),
    "K": ("00 06", "46 03 40"),
    "L": ("06 00 40",),
    "M": ("00 06 23 46 40",),
    "N": ("00 06 40 46",),
    "O": ("~26 46 40 00 06 26",),
    "P": ("00 06", "~06 46 43 03"),
    "Q": ("~26 46 40 00 06 26", "22 40"),
    "R": ("00 06", "~06 46 43 03", "23 40"),
    "S": ("~45 46 06 03 43 40 00 01",),
    "T": ("06 46", "26 20"),
    "U": ("~06 00 40 46",),
    "V": ("06 20 46",),
    "W": ("06 10 24 30 46",),
    "X": ("00 46", "06 40"),
    "Y": ("06 23 46", "23 20"),
    "Z": ("06 46 00 40",),
    "0": ("~26 46 40 00 06 26",),
    "1": ("15 26 20",),
    "2": ("~05 06 46 43 00", "00 40"),
    "3": ("~05 06 46 43 13", "~13 43 40 00 01"),
    "4": ("30 36 02 42",),
    "5": ("46 06 03", "~03 43 40 00 01"),
    "6": ("~46 06 00 40 43 03 02",),
    "7": ("06 46 10",),
    "8": ("~26 46 43 03 06 26", "~23 43 40 00 03 23"),
    "9": ("~00 40 46 06 03 43 44",),
}


def glyph_strokes(character: str) -> list[Array]:
    """Return the strokes of A to Z or 0 to 9, each (k, 2) with x from 0 to 4, y upwards to 6."""
    if character not in _STROKES:
        raise UnknownNameError("character", character, _STROKES)
    return [_stroke_glyphs(text) for text in _STROKES[character]]


def _stroke_glyphs(text: str) -> Array:
    points = np.array(
        [[float(point[0]), float(point[1])] for point in text.removeprefix("~").split()]
    )
    return _rounded(points) if text.startswith("~") else points


def _rounded(points: Array, n_steps: int = 4) -> Array:
    """Round corners, but not the ends, by Chaikin's scheme."""
    for _ in range(n_steps):
        first, last = points[:-1], points[1:]
        cut = np.stack([0.75 * first + 0.25 * last, 0.25 * first + 0.75 * last], axis=1)
        points = np.concatenate([points[:1], cut.reshape(-1, 2)[1:-1], points[-1:]])
    return points
