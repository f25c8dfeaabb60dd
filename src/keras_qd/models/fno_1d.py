"""A small Fourier neural operator on a line, with a number as its answer."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.models.layers.spectral import SpectralConvolution
from keras_qd.models.layers.spectral_layer import fourier_block
from keras_qd.models.network import Network
from keras_qd.models.profiles import Line, Number, answered, check_view_and_readout, seen


@keras.saving.register_keras_serializable(package="keras_qd")
class FNO1D(Network):
    """Blocks of a spectral and a pointwise convolution [1]_, each added to what came in.

    Parameters
    ----------
    input_shape : tuple of int
        (points, channels), without the sample axis.
    output_shape : tuple of int
        (numbers,).
    width : int
        Features of a point.
    modes : int
        Fourier modes that a block mixes; the others pass through the pointwise convolution alone.
    blocks : int
        How many blocks.
    padding : int
        Zeros beyond the end of the line, since it is not periodic.
    view, readout : str
        What the network sees, and how it answers: see
        :func:`keras_qd.models.profiles.check_view_and_readout`.
    learning_rate : float
        Of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are no profiles and numbers, or the settings do not fit them.
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
        features = keras.layers.Dense(width)(_with_places(seen(inputs, view)))
        features = keras.layers.ZeroPadding1D((0, padding))(features)
        for _ in range(blocks):
            features = fourier_block(features, SpectralConvolution(width, modes))
        features = keras.layers.Cropping1D((0, padding))(features)
        features = keras.layers.Dense(2 * width, activation="gelu")(features)
        outputs = answered(inputs, features, view, readout, output_shape[0])
        settings = {
            "input_shape": tuple(input_shape),
            "output_shape": tuple(output_shape),
            "width": width,
            "modes": modes,
            "blocks": blocks,
            "padding": padding,
            "view": view,
            "readout": readout,
            "learning_rate": learning_rate,
            "name": name,
        }
        super().__init__(inputs, outputs, settings)


def _with_places(profiles: Any) -> Any:
    """Return profiles with the place of each point, from -1 to 1, as one more channel."""
    places = np.linspace(-1.0, 1.0, profiles.shape[1], dtype="float32")[None, :, None]
    return ops.concatenate([profiles, ops.zeros_like(profiles[..., :1]) + places], axis=-1)
