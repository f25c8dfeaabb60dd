"""The places that a density's values belong to, in a box of side 1 about the origin.

Two dimensions: centres of pixels that fill the box. One dimension: the interior nodes of a grid
whose end points are the walls.
"""

from __future__ import annotations

import numpy as np

from keras_qd.errors import DataError
from keras_qd.metrics.measure import Array


def unit_cell(shape: tuple[int, ...], name: str) -> tuple[float, int]:
    """Return the volume of a grid cell, and the number of dimensions.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array: (n, points) or (n, height, width), with or without a single channel.
    name : str
        Who asks, for the message.

    Returns
    -------
    float and int
        The volume, and 1 or 2.

    Raises
    ------
    DataError
        If that is no shape of densities.

    Examples
    --------
    >>> unit_cell((100, 10, 20), "charge-error")
    (0.005, 2)
    >>> unit_cell((100, 9, 1), "charge-error")
    (0.1, 1)
    """
    sizes = _sizes(shape, name)
    if len(sizes) == 1:
        return 1.0 / (sizes[0] + 1), 1
    return 1.0 / (sizes[0] * sizes[1]), 2


def unit_coordinates(shape: tuple[int, ...], name: str) -> Array:
    """Return the coordinates of a density's values, in the order of its flattened axes.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array: (n, points) or (n, height, width), with or without a single channel.
    name : str
        Who asks, for the message.

    Returns
    -------
    ndarray, shape (values per system, 1 or 2)
        The coordinates, x first.

    Raises
    ------
    DataError
        If that is no shape of densities.
    """
    sizes = _sizes(shape, name)
    if len(sizes) == 1:
        return (np.arange(1, sizes[0] + 1) / (sizes[0] + 1) - 0.5)[:, None]
    y, x = ((np.arange(size) + 0.5) / size - 0.5 for size in sizes)
    rows, columns = np.meshgrid(y, x, indexing="ij")
    return np.stack([columns.ravel(), rows.ravel()], axis=1)


def _sizes(shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    """Return the lengths of the space axes."""
    sizes = shape[1:-1] if len(shape) > 2 and shape[-1] == 1 else shape[1:]
    if len(sizes) not in (1, 2):
        raise DataError(
            f"{name} needs densities, shape (n, points) or (n, height, width) with at most one "
            f"channel, but got {shape}"
        )
    return sizes
