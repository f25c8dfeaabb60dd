"""Pixels gathered in square blocks, and spread again: nothing is lost, as no filter strides."""

from __future__ import annotations

from typing import Any

from keras import ops


def gather(image: Any, side: int) -> Any:
    """Return the pixels of every block as the channels of one.

    Parameters
    ----------
    image : tensor, shape (n, side y, side x, channels)
        Images whose sides are multiples of the block's.
    side : int
        Pixels along a block.

    Returns
    -------
    tensor, shape (n, y, x, side**2 channels)
        What :func:`spread` undoes.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> [float(each) for each in gather(image, 2)[0, 0, 0]]
    [0.0, 1.0, 4.0, 5.0]
    """
    ny, nx, channels = image.shape[1:]
    shape = (-1, ny // side, side, nx // side, side, channels)
    blocks = ops.transpose(ops.reshape(image, shape), (0, 1, 3, 2, 4, 5))
    return ops.reshape(blocks, (-1, ny // side, nx // side, side * side * channels))


def spread(image: Any, side: int) -> Any:
    """Return an image of larger sides, every pixel's channels laid out as a block of pixels.

    Parameters
    ----------
    image : tensor, shape (n, y, x, side**2 channels)
        Images.
    side : int
        Pixels along a block.

    Returns
    -------
    tensor, shape (n, side y, side x, channels)
        What :func:`gather` undoes.
    """
    ny, nx, channels = image.shape[1:]
    blocks = ops.reshape(image, (-1, ny, nx, side, side, channels // side**2))
    blocks = ops.transpose(blocks, (0, 1, 3, 2, 4, 5))
    return ops.reshape(blocks, (-1, ny * side, nx * side, channels // side**2))
