"""A Fourier neural operator: a field on a plane in, a field on the same plane out."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.models.layers.spectral_2d import SpectralConvolution2D
from keras_qd.models.layers.spectral_layer import fourier_block
from keras_qd.models.network import Network
from keras_qd.models.unet import Shape, output_channels


@keras.saving.register_keras_serializable(package="keras_qd")
class FNO(Network):
    """Blocks of a spectral and a pointwise convolution [1]_, each added to what came in.

    Parameters
    ----------
    input_shape : tuple of int
        (ny, nx, channels), without the sample axis.
    output_shape : tuple of int, optional
        The same grid with perhaps another number of channels; as the input if not given.
    width : int
        Features of a pixel.
    modes : int
        Fourier modes along a side that a block mixes; the others pass through the pointwise
        convolution alone.
    blocks : int
        How many blocks.
    padding : int
        Rows and columns of zeros beyond two sides, since the plane is not periodic.
    learning_rate : float
        Of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are not images of one grid, or the grid has not so many modes.

    References
    ----------
    .. [1] Li et al., 2020, arXiv:2010.08895

    Examples
    --------
    >>> FNO((16, 16, 1), width=4, modes=3, blocks=1).output_shape
    (None, 16, 16, 1)
    """

    def __init__(
        self,
        input_shape: Shape = (64, 64, 1),
        output_shape: Shape | None = None,
        width: int = 32,
        modes: int = 12,
        blocks: int = 4,
        padding: int = 8,
        learning_rate: float = 2e-3,
        name: str = "fno",
    ) -> None:
        channels = output_channels(input_shape, output_shape)
        inputs = keras.Input(tuple(input_shape))
        features = keras.layers.Dense(width)(_with_walls(inputs))
        features = keras.layers.ZeroPadding2D(((0, padding), (0, padding)))(features)
        for _ in range(blocks):
            features = fourier_block(features, SpectralConvolution2D(width, modes))
        features = keras.layers.Cropping2D(((0, padding), (0, padding)))(features)
        features = keras.layers.Dense(2 * width, activation="gelu")(features)
        outputs = keras.layers.Dense(channels)(features)
        settings = {
            "input_shape": tuple(input_shape),
            "output_shape": (*tuple(input_shape)[:2], channels),
            "width": width,
            "modes": modes,
            "blocks": blocks,
            "padding": padding,
            "learning_rate": learning_rate,
            "name": name,
        }
        super().__init__(inputs, outputs, settings, loss="mae")


def _with_walls(images: Any) -> Any:
    """Return images with the lowest state of the empty box as one more channel.

    It tells how far the walls are, alike from every side.
    """
    walls = np.multiply.outer(*(_lowest_state(points) for points in images.shape[1:3]))
    channel = ops.zeros_like(images[..., :1]) + walls[None, :, :, None].astype("float32")
    return ops.concatenate([images, channel], axis=-1)


def _lowest_state(points: int) -> Any:
    return np.sin(np.pi * (np.arange(points) + 0.5) / points)
