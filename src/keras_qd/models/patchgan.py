"""The discriminator of pix2pix, which judges an image patch by patch."""

from __future__ import annotations

from typing import Any

import keras

from keras_qd.errors import UsageError
from keras_qd.models.layers.convolution import Convolve, Downsample
from keras_qd.models.layers.factory import LayerFactory

Shape = tuple[int, int, int]

_WIDEST = 8
_SLOPE = 0.2


@keras.saving.register_keras_serializable(package="keras_qd")
class PatchGAN(keras.Model):
    """Tells real pairs of input and target from generated ones, patch by patch [1]_.

    Parameters
    ----------
    input_shape : tuple of int
        (ny, nx, channels) of the input image.
    target_shape : tuple of int
        (ny, nx, channels) of the target image.
    filters : int
        Channels of the first level; they double from level to level, up to eight times as many.
    levels : int
        How many times the pair is halved. Patches have sides of 16, 34, 70 and 142 pixels with 1 to
        4.
    normalization : str
        ``"batch"``, ``"group"``, ``"instance"`` or ``"none"``.
    seed : int, optional
        Of the first weights.
    dtype : str, optional
        Name of a dtype policy such as ``"mixed_bfloat16"``; the global one if not given.
    name : str
        Name of the network and prefix of its layers' names.

    Raises
    ------
    UsageError
        If the image is too small to be halved so often.

    References
    ----------
    .. [1] Isola, Zhu, Zhou, Efros, 2017, arXiv:1611.07004

    Examples
    --------
    >>> PatchGAN((16, 16, 1), (16, 16, 1), filters=4, levels=1).output_shape
    (None, 6, 6, 1)
    """

    def __init__(
        self,
        input_shape: Shape = (64, 64, 1),
        target_shape: Shape = (64, 64, 1),
        filters: int = 64,
        levels: int = 3,
        normalization: str = "batch",
        seed: int | None = None,
        dtype: str | None = None,
        name: str = "patchgan",
    ) -> None:
        _check_size(input_shape, levels)
        policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy()).name
        layers = LayerFactory(name, policy, seed, normalization)
        pair = [
            keras.Input(tuple(input_shape), name=f"{name}_input"),
            keras.Input(tuple(target_shape), name=f"{name}_target"),
        ]
        features = layers.make(keras.layers.Concatenate, name="pair")(pair)
        for level in range(levels):
            features = _block(layers, features, filters, level)
        features = _block(layers, features, filters, levels, halves=False)
        logits = _convolve(layers, features, 1, "logits", use_bias=True)
        super().__init__(pair, logits, name=name)
        self._settings = {
            "input_shape": tuple(input_shape),
            "target_shape": tuple(target_shape),
            "filters": filters,
            "levels": levels,
            "normalization": normalization,
            "seed": seed,
            "dtype": policy,
            "name": name,
        }

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make the same network again."""
        return dict(self._settings)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> PatchGAN:
        """Make a network from what :meth:`get_config` returned."""
        return cls(**config)


def _check_size(shape: Shape, levels: int) -> None:
    """Raise unless a patch is left: the last two convolutions take a pixel a side each."""
    smallest = 2 * 2**levels + 1
    if levels < 1 or min(shape[:2]) < smallest:
        raise UsageError(
            f"{levels} levels need images of at least {smallest} pixels a side, got "
            f"{shape[0]} x {shape[1]}; give one level at least, and fewer for smaller images"
        )


def _block(
    layers: LayerFactory, features: Any, filters: int, level: int, halves: bool = True
) -> Any:
    """Convolve, normalise but at the first level, and pass through a leaky rectifier."""
    name = f"level{level}"
    width = filters * min(2**level, _WIDEST)
    normalized = layers.normalizes and level > 0
    if halves:
        features = layers.weighted(Downsample, width, name=name, use_bias=not normalized)(features)
    else:
        features = _convolve(layers, features, width, name, use_bias=not normalized)
    if normalized:
        features = layers.normalize(features, f"{name}_norm")
    return layers.make(keras.layers.LeakyReLU, _SLOPE, name=f"{name}_leaky")(features)


def _convolve(layers: LayerFactory, features: Any, filters: int, name: str, use_bias: bool) -> Any:
    """Convolve with a 4 x 4 kernel at every pixel of an image framed by one row of zeros."""
    padded = layers.make(keras.layers.ZeroPadding2D, 1, name=f"{name}_pad")(features)
    return layers.weighted(Convolve, filters, name=name, use_bias=use_bias)(padded)
