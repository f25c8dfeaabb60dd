"""Residual blocks of 3 x 3 convolutions with batch normalisation."""

from __future__ import annotations

from typing import Any

import keras

_MOMENTUM = 0.9
_EPSILON = 1e-5


def normalized_convolution(features: Any, filters: int, *, activation: bool = True) -> Any:
    """Return a 3 x 3 convolution of the features, with batch normalisation and perhaps a ReLU."""
    features = keras.layers.Conv2D(
        filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(features)
    features = keras.layers.BatchNormalization(momentum=_MOMENTUM, epsilon=_EPSILON)(features)
    return keras.layers.ReLU()(features) if activation else features


def residual_block(features: Any, filters: int) -> Any:
    """Return the features, projected if their channels change, plus two convolutions of them."""
    shortcut = features
    if features.shape[-1] != filters:
        shortcut = keras.layers.Conv2D(filters, 1)(features)
    features = normalized_convolution(features, filters)
    features = normalized_convolution(features, filters, activation=False)
    return keras.layers.ReLU()(keras.layers.Add()([shortcut, features]))
