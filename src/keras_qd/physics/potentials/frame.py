"""Coordinates in a displaced and turned frame."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.box import Box


def rotated_frame(
    box: Box, n_pixels: int, centre_x: float, centre_y: float, angle: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of the cell centres in a frame of their own.

    Parameters
    ----------
    box : Box
        The box.
    n_pixels : int
        Pixels a side.
    centre_x, centre_y : float
        Origin of the frame in a0*.
    angle : float
        Angle from the x axis to the first axis of the frame, in radians.

    Returns
    -------
    u, v : ndarray, shape (n_pixels, n_pixels)
        Coordinates along the first and the second axis of the frame in a0*.
    """
    x, y = box.mesh(n_pixels)
    x, y = x - centre_x, y - centre_y
    return (
        x * math.cos(angle) + y * math.sin(angle),
        y * math.cos(angle) - x * math.sin(angle),
    )
