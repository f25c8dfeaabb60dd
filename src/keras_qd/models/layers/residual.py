"""Residual blocks of 3 x 3 convolutions with batch normalisation."""

from __future__ import annotations

from typing import Any

import keras

_MOMENTUM = 0.9
_EPSILON = 1e-5


def normalized_convolution(features: Any, filters: int, *, activation: bool = True) -> Any:
    """Return a 3 x 3 convolution of the features, normalised over the batch, then a ReLU.

    Parameters
    ----------
    features : keras.KerasTensor, shape (n, ny, nx, channels)
        What goes in.
    filters : int
        Channels of the result.
    activation : bool
        Whether the ReLU follows.
    """
    features = keras.layers.Conv2D(
        filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(features)
    features = keras.layers.BatchNormalization(momentum=_MOMENTUM, epsilon=_EPSILON)(features)
    return keras.layers.ReLU()(features) if activation else features


def residual_block(features: Any, filters: int) -> Any:
    """Return two convolutions of the features, added to the features themselves.

    Parameters
    ----------
    features : keras.KerasTensor, shape (n, ny, nx, channels)
        What goes in.
    filters : int
        Channels of the result; where they are others than those of the features, a 1 x 1
        convolution makes the features fit.

    References
    ----------
    He, Zhang, Ren, Sun, 2015, arXiv:1512.03385
    """
    shortcut = features
    if features.shape[-1] != filters:
        shortcut = keras.layers.Conv2D(filters, 1)(features)
    features = normalized_convolution(features, filters)
    features = normalized_convolution(features, filters, activation=False)
    return keras.layers.ReLU()(keras.layers.Add()([shortcut, features]))
