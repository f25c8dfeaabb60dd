"""Layers of one network: common prefix, dtype, seed and normalisation; dropout; residual blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import repeat
from typing import Any

import keras
import numpy as np

from keras_qd.errors import UnknownNameError


@keras.saving.register_keras_serializable(package="keras_qd")
class Dropout(keras.layers.Dropout):
    """Dropout that continues with the same masks after a model is saved and loaded."""

    # Keras does not save seed states, so a training resumed from a saved model would draw other
    # masks than one never interrupted. The rate must not be zero.

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Write the seed and the count of draws."""
        # A copy: a variable that is mirrored on several devices is not an array.
        state = keras.ops.copy(self.seed_generator.state)
        store["seed"] = keras.ops.convert_to_numpy(state).astype(np.int64)

    def load_own_variables(self, store: dict[str, Any]) -> None:
        """Read what :meth:`save_own_variables` wrote."""
        self.seed_generator.state.assign(np.asarray(store["seed"]))


@keras.saving.register_keras_serializable(package="keras_qd")
class RandomNormal(keras.initializers.RandomNormal):
    """Normally distributed weights, drawn by NumPy: the same ones on every backend."""

    # JAX compiles its own generator for every shape, a second and more each on a CPU.

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Return weights of a shape."""
        draws = np.random.default_rng(self.seed).normal(self.mean, self.stddev, shape)
        return keras.ops.convert_to_tensor(draws, dtype or keras.config.floatx())


NORMALIZATIONS = ("batch", "group", "instance", "none")

#: Momentum, epsilon and initial weights are those of the reference pix2pix; Keras' own defaults
#: differ.
_MOMENTUM = 0.9
_EPSILON = 1e-5
_INITIAL_SPREAD = 0.02

_GROUPS = 8


class LayerFactory:
    """Makes the layers of one network, whose names begin with `prefix`."""

    # The prefix keeps the names of the generator and the discriminator of one model apart; it and
    # the seed give every layer its own random numbers. Normalization is "batch" (over the batch),
    # "instance" (over each image), "group" (over each image and up to eight groups of channels) or
    # "none".

    def __init__(
        self,
        prefix: str,
        dtype: str | None = None,
        seed: int | None = None,
        normalization: str = "batch",
    ) -> None:
        if normalization not in NORMALIZATIONS:
            raise UnknownNameError("normalization", normalization, NORMALIZATIONS)
        self._prefix = prefix
        self._dtype = dtype
        self._seeds = repeat(None) if seed is None else _spawn(seed, prefix)
        self._normalization = normalization

    def make(self, layer: Any, *arguments: Any, name: str, **options: Any) -> Any:
        """Return a layer with the network's prefix and data type."""
        options = {"dtype": self._dtype, **options}
        return layer(*arguments, name=f"{self._prefix}_{name}", **options)

    def weighted(self, layer: Any, *arguments: Any, name: str, **options: Any) -> Any:
        """Return a layer whose first kernel is drawn as in the reference implementation."""
        draw = RandomNormal(0.0, _INITIAL_SPREAD, seed=next(self._seeds))
        return self.make(layer, *arguments, name=name, kernel_initializer=draw, **options)

    def dropout(self, features: Any, rate: float, name: str) -> Any:
        """Drop features in training."""
        if rate == 0.0:
            return features
        return self.make(Dropout, rate, seed=next(self._seeds), name=name)(features)

    def normalize(self, features: Any, name: str) -> Any:
        """Normalise every channel with the chosen method."""
        if self._normalization == "none":
            return features
        if self._normalization == "batch":
            layer = self.make(
                keras.layers.BatchNormalization, momentum=_MOMENTUM, epsilon=_EPSILON, name=name
            )
            return layer(features)
        whole = self._normalization == "instance"
        groups = -1 if whole else math.gcd(_GROUPS, features.shape[-1])
        layer = self.make(
            keras.layers.GroupNormalization, groups=groups, epsilon=_EPSILON, name=name
        )
        return layer(features)

    @property
    def normalizes(self) -> bool:
        """Whether :meth:`normalize` has an effect; a bias before it would then have none."""
        return self._normalization != "none"


def _spawn(seed: int, prefix: str) -> Iterator[int]:
    """Yield the seeds of one network."""
    generator = np.random.default_rng([seed, *prefix.encode()])
    while True:
        yield int(generator.integers(2**31))


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
