"""A word."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from keras_qd.errors import UsageError
from keras_qd.physics.targets.glyphs import GLYPH_SIZE, glyph_strokes
from keras_qd.physics.targets.target import Array, DensityTarget, line

#: Gap between two letters, in units of which a letter is 4 wide.
_GAP = 2.0
#: Letters are at most so much taller than they are drawn.
_TALLEST = 1.4
_MOST = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class Letters(DensityTarget):
    """Letters side by side, each with the same share of the electrons.

    Parameters
    ----------
    text : str
        One to six letters A to Z and digits; small letters stand for capital ones.
    margin : float
        Distance of the word from the walls, to the middle of its lines.
    width : float
        Full width at half maximum across a line.
    """

    name: ClassVar[str] = "letters"

    text: str = "QD"
    margin: float = 0.14
    width: float = 0.08

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("margin", 0.02, 0.4)
        # A number such as 42 comes as one from a command line.
        text = str(self.text).upper()
        if not 1 <= len(text) <= _MOST:
            raise UsageError(f"letters: text={self.text!r} must be one to {_MOST} characters")
        for character in text:
            glyph_strokes(character)
        object.__setattr__(self, "text", text)

    def parts(self) -> Sequence[tuple[float, Array]]:
        """Return the letters; see `DensityTarget.parts`."""
        width, height = GLYPH_SIZE
        total = len(self.text) * (width + _GAP) - _GAP
        room = 1 - 2 * self.margin
        scale = np.array([room / max(total, width + _GAP), 0.0])
        scale[1] = min(room / height, _TALLEST * scale[0])
        share, parts = 1 / len(self.text), []
        for place, character in enumerate(self.text):
            left_below = np.array([place * (width + _GAP) - total / 2, -height / 2])
            strokes = [
                line(0.5 + scale * (left_below + stroke), self.width)
                for stroke in glyph_strokes(character)
            ]
            parts.append((share, np.concatenate(strokes)))
        return parts
