"""A residual U-Net on blocks of pixels: accurate for its size, without an adversary."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops
from keras.layers import Activation, Add, Conv2D

from keras_qd.errors import UsageError
from keras_qd.models.base import LEARNING_RATE, Network, searches
from keras_qd.models.layers.ends import (
    Shape,
    Shapes,
    close_outputs,
    image_shape,
    make_plain,
    open_inputs,
    output_channels,
)
from keras_qd.models.optimizers import ConvolutionMuon


def gather(image: Any, side: int) -> Any:
    """Make blocks of pixels the channels of one: (n, side y, side x, c) to (n, y, x, side**2 c)."""
    # The inverse is `spread`.
    ny, nx, channels = image.shape[1:]
    shape = (-1, ny // side, side, nx // side, side, channels)
    blocks = ops.transpose(ops.reshape(image, shape), (0, 1, 3, 2, 4, 5))
    return ops.reshape(blocks, (-1, ny // side, nx // side, side * side * channels))


def spread(image: Any, side: int) -> Any:
    """Return images in which the channels of a pixel have become a block: undo :func:`gather`."""
    ny, nx, channels = image.shape[1:]
    blocks = ops.reshape(image, (-1, ny, nx, side, side, channels // side**2))
    blocks = ops.transpose(blocks, (0, 1, 3, 2, 4, 5))
    return ops.reshape(blocks, (-1, ny * side, nx * side, channels // side**2))


#: Pixels along a block: potentials and densities are smooth on this scale.
BLOCK = 2


@searches(
    {"learning_rate": LEARNING_RATE, "filters": [16, 24, 32], "blocks": {"low": 1, "high": 3}}
)
@keras.saving.register_keras_serializable(package="keras_qd")
class ResidualUNet(Network):
    """Residual blocks [1]_ in an encoder and a decoder with skip connections [2]_.

    The grid is halved without loss, by turning 2 x 2 pixels into one with four times the channels,
    already before the first level: a smooth field needs no convolutions on its full grid. Every
    residual block starts as the identity. There is no normalization, so the magnitude of a field
    matters.

    Parameters
    ----------
    input_shape : tuple of int, or mapping of str to tuple of int
        (ny, nx, channels), without the sample axis; or by field maps and numbers, (k,), which
        become channels with one value each.
    output_shape : tuple of int, or mapping of str to tuple of int, optional
        The same grid with perhaps another number of channels; as the input if not given. Or by
        field maps and numbers, (k,): dense layers on the mean of the innermost map give those.
    filters : int
        Channels of the first level; they double from level to level.
    levels : int
        Number of grids; the sides must be multiples of ``2**levels``.
    blocks : int
        Residual blocks of a level, in the encoder and in the decoder.
    learning_rate : float
        Learning rate of :class:`~keras_qd.models.optimizers.ConvolutionMuon`.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are not images of one grid, or the grid does not fit the levels.

    References
    ----------
    .. [1] He, Zhang, Ren, Sun, 2016, arXiv:1603.05027
    .. [2] Ronneberger, Fischer, Brox, 2015, arXiv:1505.04597

    Examples
    --------
    >>> ResidualUNet((16, 16, 1), filters=4, levels=2, blocks=1).output_shape
    (None, 16, 16, 1)
    """

    def __init__(
        self,
        input_shape: Shapes = (64, 64, 1),
        output_shape: Shapes | None = None,
        filters: int = 24,
        levels: int = 3,
        blocks: int = 2,
        learning_rate: float = 3e-3,
        name: str = "residual-unet",
    ) -> None:
        channels = output_channels(input_shape, output_shape)
        require_halves(image_shape(input_shape), levels)
        inputs, image = open_inputs(input_shape)
        features, innermost = residual_levels(image, filters, levels, blocks)
        maps = Conv2D(channels, 3, padding="same")(features)
        outputs = close_outputs(maps, innermost, inputs, output_shape, make_plain)
        super().__init__(inputs, outputs, "mae", ConvolutionMuon(learning_rate))


def residual_levels(features: Any, filters: int, levels: int, blocks: int) -> tuple[Any, Any]:
    """Return features on the same grid, half as many as filters, and those of the last level."""
    widths = [filters * 2**level for level in range(levels)]
    skips = []
    for width in widths:
        features = Conv2D(width, 1)(gather(features, BLOCK))
        features = residual_blocks(features, blocks)
        skips.append(features)
    for width, skip in zip(reversed(widths[:-1]), reversed(skips[:-1]), strict=True):
        features = spread(Conv2D(BLOCK**2 * width, 1)(features), BLOCK)
        features = residual_blocks(Add()([features, skip]), blocks)
    features = Conv2D(BLOCK**2 * filters // 2, 3, padding="same")(Activation("silu")(features))
    return Activation("silu")(spread(features, BLOCK)), skips[-1]


def residual_blocks(features: Any, blocks: int) -> Any:
    """Return the features after residual blocks of two convolutions each."""
    width = features.shape[-1]
    for _ in range(blocks):
        change = Conv2D(width, 3, padding="same")(Activation("silu")(features))
        change = Activation("silu")(change)
        change = Conv2D(width, 3, padding="same", kernel_initializer="zeros")(change)
        features = Add()([features, change])
    return features


def require_halves(shape: Shape, levels: int) -> None:
    """Raise unless a grid fits so many levels."""
    ny, nx = shape[:2]
    if levels < 1 or ny % BLOCK**levels or nx % BLOCK**levels:
        raise UsageError(
            f"{levels} levels need sides that are multiples of {BLOCK ** max(levels, 1)}, "
            f"but the grid is {ny} x {nx}; change the levels"
        )
