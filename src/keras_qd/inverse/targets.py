"""Wanted densities: simple shapes drawn with a brush, pictures, and both on another grid."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import DataError, UnknownNameError, UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.sine_basis import cosine_matrix

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


#: Full width at half maximum of sech^4(x / w), in units of w.
_FULL_WIDTH = 2 * math.acosh(2**0.25)
#: Smallest width of a stroke in pixels.
_FEWEST_PIXELS = 2.5
#: Mirror images on either side, two per box: further ones are below rounding.
_IMAGES = range(-2, 3)
_EVENING_STEPS = 8

#: Largest spacing of the points on a line, as a share of the width of the brush.
_SPACING = 0.25


def density_of_picture(
    grey: ArrayLike, box: Box, n_pixels: int, n_electrons: float, width: float = 0.08
) -> Array:
    """Return the density of a picture: the brighter, the denser.

    Parameters
    ----------
    grey : array_like, shape (ny, nx)
        Levels of grey from the top row downwards, as in image files; not negative. A picture that
        is not square gets dark margins.
    box : Box
        The box.
    n_pixels : int
        Pixels a side of the density.
    n_electrons : float
        Integral of the density.
    width : float, default 0.08
        Full width at half maximum of the spot that a single bright pixel becomes, as a fraction of
        the side. Finer details are blurred: they would need an extreme potential.

    Returns
    -------
    ndarray, shape (n_pixels, n_pixels)
        In 1/a0*^2; positive, smooth, and vanishing at the walls.

    Raises
    ------
    DataError
        If it is not a picture, or dark all over.
    UsageError
        If the width is less than 2.5 pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from keras_qd.physics import Box
    >>> box = Box(10.0)
    >>> density = density_of_picture(np.eye(8), box, 32, n_electrons=2)
    >>> round(float(density.sum() * box.pixel_area(32)), 9)
    2.0
    """
    grey = np.asarray(grey, dtype=np.float64)
    if grey.ndim != 2 or not np.isfinite(grey).all() or (grey < 0).any():
        raise DataError(
            f"a picture must be levels of grey (ny, nx), finite and not negative; got shape "
            f"{grey.shape}"
        )
    if not grey.any():
        raise DataError("the picture is dark all over; give one with bright pixels")
    pixels = _squared(grey[::-1])
    average = _averaging(len(pixels), n_pixels)
    amplitude = paint_grey(average @ pixels @ average.T, box, width)
    return np.asarray(n_electrons * amplitude**2)


def resampled(field: Array, n_pixels: int) -> Array:
    """Bring a smooth field that meets the walls with zero slope to another grid; keep its mean."""
    n_before = len(field)
    if n_before == n_pixels:
        return field
    n_max = min(n_before, n_pixels) - 1
    series = cosine_matrix(n_max, n_before) * (2 / n_before)
    series[:, 0] /= 2
    change = cosine_matrix(n_max, n_pixels) @ series.T
    return np.asarray(change @ field @ change.T)


def paint(points: Array, box: Box, n_pixels: int, width: float) -> Array:
    """Amplitude of an evenly bright line of points (m, 2), whose square integrates to 1."""
    check_width(width, n_pixels)
    centres = (np.arange(n_pixels) + 0.5) / n_pixels
    along_x, along_y = (brush(points[:, axis], centres, width) for axis in (0, 1))
    amplitude = (along_y * _evening_weights(points, width)[:, None]).T @ along_x
    return normalised_amplitude(amplitude, box)


def paint_grey(grey: Array, box: Box, width: float) -> Array:
    """Amplitude of levels of grey on the grid, y first, whose square integrates to 1."""
    n_pixels = len(grey)
    check_width(width, n_pixels)
    centres = (np.arange(n_pixels) + 0.5) / n_pixels
    strokes = brush(centres, centres, width)
    return normalised_amplitude(strokes.T @ np.sqrt(grey) @ strokes, box)


def brush(positions: Array, points: Array, width: float) -> Array:
    """Strokes at positions (m,) along one direction, with mirror images, on points (n,): (m, n)."""
    scale = _FULL_WIDTH / width
    positions, points = scale * positions[:, None], scale * points
    strokes = np.zeros((len(positions), points.size))
    for shift in (2 * scale * image for image in _IMAGES):
        strokes += _stroke(points - positions - shift) - _stroke(points + positions - shift)
    return strokes


def _stroke(distance: Array) -> Array:
    return np.asarray(np.cosh(distance) ** -2.0)


def check_width(width: float, n_pixels: int) -> None:
    """Raise `UsageError` where strokes are too thin for the grid."""
    if width * n_pixels < _FEWEST_PIXELS:
        raise UsageError(
            f"lines of width {width:g} of the side cover {width * n_pixels:.2g} of {n_pixels} "
            f"pixels; use a width of at least {_FEWEST_PIXELS / n_pixels:.2g}, or more pixels"
        )


def normalised_amplitude(amplitude: Array, box: Box) -> Array:
    """Return an amplitude whose square integrates to 1."""
    return amplitude / math.sqrt(np.sum(amplitude**2) * box.pixel_area(len(amplitude)))


def _evening_weights(points: Array, width: float) -> Array:
    """Weights that make corners, crossings and ends about as bright as the rest of a line."""
    x, y = points.T
    strokes = brush(x, x, width) * brush(y, y, width)
    weights = np.ones(len(points))
    for _ in range(_EVENING_STEPS):
        brightness = weights @ strokes
        weights *= np.sqrt(brightness.mean() / brightness)
    return weights


def line(corners: Array, width: float) -> Array:
    """Points along a line through corners (k, 2), dense enough for a brush of this width."""
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    n_points = 1 + math.ceil(lengths[-1] / (_SPACING * width))
    positions = np.linspace(0, lengths[-1], n_points)
    return np.stack([np.interp(positions, lengths, column) for column in corners.T], axis=1)


def turned(points: Array, angle: float) -> Array:
    """Rotate points about the centre of the box, whose side is 1."""
    rotation = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return np.asarray(0.5 + (points - 0.5) @ rotation)


def _squared(grey: Array) -> Array:
    """Add dark margins until both sides are equal."""
    margins = [(max(grey.shape) - side) / 2 for side in grey.shape]
    return np.pad(grey, [(int(margin), int(margin + 0.5)) for margin in margins])


def _averaging(n_before: int, n_after: int) -> Array:
    """Means over the overlap of each new pixel with the old ones, shape (n_after, n_before)."""
    old, new = (np.arange(n + 1) / n for n in (n_before, n_after))
    overlap = np.minimum(new[1:, None], old[1:]) - np.maximum(new[:-1, None], old[:-1])
    return np.asarray(np.maximum(overlap, 0.0) * n_after)
