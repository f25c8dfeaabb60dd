"""Wanted densities drawn from simple shapes: two lobes, a ring, a cross, letters."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.inverse.brush import line, normalised_amplitude, paint, turned
from keras_qd.physics.box import Box

Array = NDArray[np.float64]

#: Fixed-point steps for the weights of the parts.
_SHARING_STEPS = 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class DensityTarget(ABC):
    """Base of the densities of simple shapes.

    A shape is a frozen dataclass whose fields are its parameters. Lengths are fractions of the side
    of the box, so that a shape means the same in every box.

    Parameters
    ----------
    width : float
        Full width at half maximum of the density across a line.

    Attributes
    ----------
    name : str
        Name of the shape.

    Examples
    --------
    >>> from keras_qd.physics import Box
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Bar(DensityTarget):
    ...     name = "bar"
    ...
    ...     def parts(self):
    ...         return [(1.0, np.stack([np.linspace(0.3, 0.7, 20), np.full(20, 0.5)], axis=1))]
    >>> Bar(width=0.2).density(Box(10.0), 32, n_electrons=2).shape
    (32, 32)
    """

    name: ClassVar[str]

    width: float = 0.1

    def __post_init__(self) -> None:
        self._check("width", 0.02, 0.5)

    @abstractmethod
    def parts(self) -> Sequence[tuple[float, Array]]:
        """Return the parts of the shape.

        Returns
        -------
        sequence of (float, ndarray of shape (m, 2))
            Of each part its share of the electrons, and points x, y within the box, dense enough
            for the width.
        """

    def density(self, box: Box, n_pixels: int, n_electrons: float) -> Array:
        """Return the density.

        Parameters
        ----------
        box : Box
            The box.
        n_pixels : int
            Pixels a side.
        n_electrons : float
            Integral of the density.

        Returns
        -------
        ndarray, shape (n_pixels, n_pixels)
            In 1/a0*^2; positive, smooth, and vanishing at the walls.

        Raises
        ------
        UsageError
            If the lines are too thin for the grid.
        """
        shares, points = zip(*self.parts(), strict=True)
        parts = np.stack([paint(each, box, n_pixels, self.width) for each in points])
        amplitude = normalised_amplitude(np.tensordot(_weights(shares, parts), parts, 1), box)
        return np.asarray(n_electrons * amplitude**2)

    def _check(self, name: str, least: float, most: float) -> None:
        """Check a number and store it as a float."""
        value = getattr(self, name)
        usable = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (usable and least <= value <= most):
            raise UsageError(
                f"{self.name}: {name}={value!r} is not usable; give a number between {least:g} "
                f"and {most:g}"
            )
        object.__setattr__(self, name, float(value))


@dataclasses.dataclass(frozen=True, kw_only=True)
class TwoLobes(DensityTarget):
    """Two round lobes.

    Parameters
    ----------
    share : float
        Share of the electrons in the lobe to the left.
    separation : float
        Distance of the lobes' centres.
    angle : float
        Angle of the pair about the centre of the box, in radians.
    width : float
        Full width at half maximum of each lobe.
    """

    name: ClassVar[str] = "two-lobes"

    share: float = 0.4
    separation: float = 0.4
    angle: float = 0.0
    width: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("share", 0.0, 1.0)
        self._check("separation", 0.0, 0.9)
        self._check("angle", -2 * math.pi, 2 * math.pi)

    def parts(self) -> Sequence[tuple[float, Array]]:
        """Return the two lobes; see `DensityTarget.parts`."""
        half = 0.5 * self.separation
        points = turned(np.array([[0.5 - half, 0.5], [0.5 + half, 0.5]]), self.angle)
        return [(self.share, points[:1]), (1 - self.share, points[1:])]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ring(DensityTarget):
    """A ring about the centre of the box.

    Parameters
    ----------
    radius : float
        Radius of the crest.
    width : float
        Full width at half maximum across it.
    """

    name: ClassVar[str] = "ring"

    radius: float = 0.25
    width: float = 0.18

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("radius", 0.05, 0.45)

    def parts(self) -> Sequence[tuple[float, Array]]:
        """Return the ring; see `DensityTarget.parts`."""
        angles = np.linspace(0, 2 * math.pi, 97)
        circle = 0.5 + self.radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return [(1.0, line(circle, self.width)[:-1])]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cross(DensityTarget):
    """Two bars that cross at the centre of the box.

    Parameters
    ----------
    arm : float
        Length of each of the four arms.
    angle : float
        Angle of the first bar to the x axis, in radians.
    width : float
        Full width at half maximum across an arm.
    """

    name: ClassVar[str] = "cross"

    arm: float = 0.27
    angle: float = 0.0
    width: float = 0.18

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("arm", 0.05, 0.45)
        self._check("angle", -2 * math.pi, 2 * math.pi)

    def parts(self) -> Sequence[tuple[float, Array]]:
        """Return the cross; see `DensityTarget.parts`."""
        ends = np.array([0.5 - self.arm, 0.5 + self.arm])
        level = line(np.stack([ends, np.full(2, 0.5)], axis=1), self.width)
        return [(1.0, turned(np.concatenate([level, level[:, ::-1]]), self.angle))]


#: Gap between two letters, in units of which a letter is 4 wide.
_GAP = 2.0
#: Largest ratio of the vertical to the horizontal scale of letters.
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
        # The command line passes 42 as a number.
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
        for position, character in enumerate(self.text):
            left_below = np.array([position * (width + _GAP) - total / 2, -height / 2])
            strokes = [
                line(0.5 + scale * (left_below + stroke), self.width)
                for stroke in glyph_strokes(character)
            ]
            parts.append((share, np.concatenate(strokes)))
        return parts


TARGETS: dict[str, type[DensityTarget]] = {
    target.name: target for target in (TwoLobes, Ring, Cross, Letters)
}


def density_targets() -> tuple[str, ...]:
    """Return the names of the shapes that `density_target` can build.

    Returns
    -------
    tuple of str
        Sorted.

    Examples
    --------
    >>> density_targets()
    ('cross', 'letters', 'ring', 'two-lobes')
    """
    return tuple(sorted(TARGETS))


def density_target(name: str, **parameters: object) -> DensityTarget:
    """Build the density of a simple shape.

    Parameters
    ----------
    name : str
        One of `density_targets`.
    **parameters
        Parameters of the shape: its width, and ``share``, ``separation`` and ``angle`` of
        two-lobes, ``radius`` of a ring, ``arm`` and ``angle`` of a cross, ``text`` and ``margin``
        of letters. Lengths are fractions of the side.

    Returns
    -------
    DensityTarget
        The shape; its ``density(box, n_pixels, n_electrons)`` returns the density.

    Raises
    ------
    UnknownNameError
        There is no such shape, or no such letter.
    UsageError
        The shape has no such parameter, or the value is out of range.

    Examples
    --------
    >>> from keras_qd import physics
    >>> box = physics.Box(10.0)
    >>> density = density_target("two-lobes", share=0.4, width=0.1).density(box, 64, n_electrons=2)
    >>> left = density[:, :32].sum() * box.pixel_area(64)
    >>> round(float(left), 2), round(float(density.sum() * box.pixel_area(64)), 9)
    (0.8, 2.0)
    """
    if name not in TARGETS:
        raise UnknownNameError("density", name, TARGETS)
    known = [field.name for field in dataclasses.fields(TARGETS[name])]
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise UsageError(
            f"{name} has no parameter {', '.join(map(repr, unknown))}; it has {', '.join(known)}"
        )
    return TARGETS[name](**parameters)  # type: ignore[arg-type]  # each checks its own


def _weights(shares: Sequence[float], parts: Array) -> Array:
    """Weights of the amplitudes with which each part has its share of the density."""
    # Where parts overlap, each has the product of its amplitude and the sum of all.
    flat = parts.reshape(len(parts), -1)
    overlaps = flat @ flat.T / (flat**2).sum(axis=1).mean()
    weights = np.sqrt(shares)
    for _ in range(_SHARING_STEPS):
        weights = np.sqrt(weights * shares / (overlaps @ weights))
    return np.asarray(weights)


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
