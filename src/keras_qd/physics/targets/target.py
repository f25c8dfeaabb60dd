"""What every density that is drawn from a shape is."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.targets.brush import normalised_amplitude, paint

Array = NDArray[np.float64]

#: Points on a line are at most this share of its width apart.
_SPACING = 0.25
_SHARING_STEPS = 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class DensityTarget(ABC):
    """Base of the drawn densities: a name, and numbers that say what is drawn.

    Lengths are fractions of the side of the box, so that a shape means the same in every box.

    Parameters
    ----------
    width : float
        Full width at half maximum of the density across a line.

    Attributes
    ----------
    name : str
        The name that finds it.

    Examples
    --------
    >>> from keras_qd.physics import Box
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Bar(DensityTarget):
    ...     name = "bar"
    ...
    ...     def parts(self):
    ...         return [(1.0, line(np.array([[0.3, 0.5], [0.7, 0.5]]), self.width))]
    >>> Bar(width=0.2).density(Box(10.0), 32, n_electrons=2).shape
    (32, 32)
    """

    name: ClassVar[str]

    width: float = 0.1

    def __post_init__(self) -> None:
        self._check("width", 0.02, 0.5)

    @abstractmethod
    def parts(self) -> Sequence[tuple[float, Array]]:
        """Return what is drawn.

        Returns
        -------
        sequence of (float, ndarray of shape (m, 2))
            Of each part its share of the electrons, and points within the box.
        """

    def density(self, box: Box, n_pixels: int, n_electrons: float) -> Array:
        """Draw the density.

        Parameters
        ----------
        box : Box
            The box.
        n_pixels : int
            Pixels a side.
        n_electrons : float
            What it integrates to.

        Returns
        -------
        ndarray, shape (n_pixels, n_pixels)
            In 1/a0*^2; positive, smooth, and vanishing at the walls.

        Raises
        ------
        UsageError
            If its lines are too thin for the grid.
        """
        shares, drawings = zip(*self.parts(), strict=True)
        parts = np.stack([paint(points, box, n_pixels, self.width) for points in drawings])
        amplitude = normalised_amplitude(np.tensordot(_weights(shares, parts), parts, 1), box)
        return np.asarray(n_electrons * amplitude**2)

    def _check(self, name: str, least: float, most: float) -> None:
        """Check a number, and store it as a plain one."""
        value = getattr(self, name)
        usable = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (usable and least <= value <= most):
            raise UsageError(
                f"{self.name}: {name}={value!r} is not usable; give a number between {least:g} "
                f"and {most:g}"
            )
        object.__setattr__(self, name, float(value))


def _weights(shares: Sequence[float], parts: Array) -> Array:
    """Weights of amplitudes with which each has its share of the density.

    Where two overlap, each counts for the product of it and the sum of all.
    """
    flat = parts.reshape(len(parts), -1)
    overlaps = flat @ flat.T / (flat**2).sum(axis=1).mean()
    weights = np.sqrt(shares)
    for _ in range(_SHARING_STEPS):
        weights = np.sqrt(weights * shares / (overlaps @ weights))
    return np.asarray(weights)


def line(corners: Array, width: float) -> Array:
    """Points along a line through corners, close enough for a brush of this width.

    Parameters
    ----------
    corners : ndarray, shape (k, 2)
        At least two.
    width : float
        Of the brush.

    Returns
    -------
    ndarray, shape (m, 2)

    Examples
    --------
    >>> line(np.array([[0.25, 0.5], [0.75, 0.5]]), 1.0)[:, 0]
    array([0.25, 0.5 , 0.75])
    """
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    n_points = 1 + math.ceil(lengths[-1] / (_SPACING * width))
    places = np.linspace(0, lengths[-1], n_points)
    return np.stack([np.interp(places, lengths, column) for column in corners.T], axis=1)


def turned(points: Array, angle: float) -> Array:
    """Turn points about the centre of the box, whose side is 1."""
    rotation = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return np.asarray(0.5 + (points - 0.5) @ rotation)
