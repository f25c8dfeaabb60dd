"""Fourier neural operators: from field to field on a plane, and from a profile to numbers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.models.base import LEARNING_RATE, Network, searches
from keras_qd.models.energies import Line, Number, answered, check_view_and_readout, seen
from keras_qd.models.layers.ends import (
    Shapes,
    close_outputs,
    make_plain,
    open_inputs,
    output_channels,
)
from keras_qd.models.layers.spectral import (
    SpectralConvolution,
    SpectralConvolution2D,
    fourier_block,
)


@searches({"learning_rate": LEARNING_RATE, "width": [16, 32, 64], "blocks": {"low": 2, "high": 5}})
@keras.saving.register_keras_serializable(package="keras_qd")
class FNO(Network):
    """Residual blocks of a spectral and a pointwise convolution [1]_.

    Parameters
    ----------
    input_shape : tuple of int, or mapping of str to tuple of int
        (ny, nx, channels), without the sample axis; or by field maps and numbers, (k,), which
        become channels with one value each.
    output_shape : tuple of int, or mapping of str to tuple of int, optional
        The same grid with perhaps another number of channels; as the input if not given. Or by
        field maps and numbers, (k,): dense layers on the mean of the last block give those.
    width : int
        Channels.
    modes : int
        Fourier modes along a side that a block mixes; the others pass through the pointwise
        convolution alone.
    blocks : int
        Number of blocks.
    padding : int
        Rows and columns of zeros added at two sides, since the plane is not periodic.
    learning_rate : float
        Initial learning rate of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are not images of one grid, or the grid has fewer modes.

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
        input_shape: Shapes = (64, 64, 1),
        output_shape: Shapes | None = None,
        width: int = 32,
        modes: int = 12,
        blocks: int = 4,
        padding: int = 8,
        learning_rate: float = 2e-3,
        name: str = "fno",
    ) -> None:
        channels = output_channels(input_shape, output_shape)
        inputs, image = open_inputs(input_shape)
        features = keras.layers.Dense(width)(_with_walls(image))
        features = keras.layers.ZeroPadding2D(((0, padding), (0, padding)))(features)
        for _ in range(blocks):
            features = fourier_block(features, SpectralConvolution2D(width, modes))
        blocks_out = keras.layers.Cropping2D(((0, padding), (0, padding)))(features)
        features = keras.layers.Dense(2 * width, activation="gelu")(blocks_out)
        maps = keras.layers.Dense(channels)(features)
        outputs = close_outputs(maps, blocks_out, inputs, output_shape, make_plain)
        super().__init__(inputs, outputs, loss="mae")


def _with_walls(images: Any) -> Any:
    """Return images with the ground state of the empty box as an additional channel."""
    # It encodes the distance from the walls, symmetrically.
    walls = np.multiply.outer(*(_lowest_state(points) for points in images.shape[1:3]))
    channel = ops.zeros_like(images[..., :1]) + walls[None, :, :, None].astype("float32")
    return ops.concatenate([images, channel], axis=-1)


def _lowest_state(points: int) -> Any:
    return np.sin(np.pi * (np.arange(points) + 0.5) / points)


@searches({"learning_rate": LEARNING_RATE, "width": [8, 16, 32], "blocks": {"low": 2, "high": 5}})
@keras.saving.register_keras_serializable(package="keras_qd")
class FNO1D(Network):
    """Residual blocks of a spectral and a pointwise convolution [1]_.

    Parameters
    ----------
    input_shape : tuple of int
        (points, channels), without the sample axis.
    output_shape : tuple of int
        (numbers,).
    width : int
        Channels.
    modes : int
        Fourier modes that a block mixes; the others pass through the pointwise convolution alone.
    blocks : int
        Number of blocks.
    padding : int
        Zeros added at the end of the line, since it is not periodic.
    view, readout : str
        How the input is preprocessed, and the output computed: see `Residual1D`.
    learning_rate : float
        Initial learning rate of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are not profiles and numbers, or the settings do not fit them.
    UnknownNameError
        If there is no such view or readout.

    References
    ----------
    .. [1] Li et al., 2020, arXiv:2010.08895

    Examples
    --------
    >>> FNO1D(width=4, modes=4, blocks=1).output_shape
    (None, 1)
    """

    def __init__(
        self,
        input_shape: Line = (64, 1),
        output_shape: Number = (1,),
        width: int = 16,
        modes: int = 16,
        blocks: int = 4,
        padding: int = 16,
        view: str = "plain",
        readout: str = "dense",
        learning_rate: float = 3e-3,
        name: str = "fno-1d",
    ) -> None:
        check_view_and_readout(view, readout, (input_shape, output_shape))
        inputs = keras.Input(tuple(input_shape))
        features = keras.layers.Dense(width)(_with_coordinates(seen(inputs, view)))
        features = keras.layers.ZeroPadding1D((0, padding))(features)
        for _ in range(blocks):
            features = fourier_block(features, SpectralConvolution(width, modes))
        features = keras.layers.Cropping1D((0, padding))(features)
        features = keras.layers.Dense(2 * width, activation="gelu")(features)
        outputs = answered(inputs, features, view, readout, output_shape[0])
        super().__init__(inputs, outputs)


def _with_coordinates(profiles: Any) -> Any:
    """Return profiles with the coordinate of each point, from -1 to 1, as an additional channel."""
    coordinates = np.linspace(-1.0, 1.0, profiles.shape[1], dtype="float32")[None, :, None]
    return ops.concatenate([profiles, ops.zeros_like(profiles[..., :1]) + coordinates], axis=-1)
