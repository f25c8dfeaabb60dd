"""Autoencoders of images: a small one of convolutions, and one of residual blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_qd.errors import UsageError
from keras_qd.models.base import Network
from keras_qd.models.layers.factory import normalized_convolution, residual_block

Image = tuple[int, int, int]

_WIDTHS = (16, 8)
#: Kernels that keep the size of a signal through ReLUs: smaller ones leave it to the bias alone.
_KERNELS = "he_uniform"
#: Mean grey value of a digit: the first prediction. Adadelta with a learning rate of 1 otherwise
#: overshoots from 0.5 into black images, where neither sigmoid nor ReLU has a gradient.
_GREY = 0.13


class Autoencoder(Network):
    """An encoder followed by a decoder.

    Parameters
    ----------
    encoder, decoder : keras.Model
        Image -> latent numbers, and latent numbers -> image.
    loss : str
        A Keras loss.

    Attributes
    ----------
    encoder, decoder : keras.Model
        The two halves, which share their weights with the whole.

    Examples
    --------
    >>> from keras_qd.models import ConvAutoencoder
    >>> model = ConvAutoencoder((28, 28, 1))
    >>> isinstance(model, Autoencoder), model.decoder.output_shape
    (True, (None, 28, 28, 1))
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        loss: str = "mse",
    ) -> None:
        inputs = keras.Input(encoder.input_shape[1:])
        super().__init__(inputs, decoder(encoder(inputs)), loss)
        self.encoder = encoder
        self.decoder = decoder


@keras.saving.register_keras_serializable(package="keras_qd")
class ConvAutoencoder(Autoencoder):
    """Three 3 x 3 convolutions with pooling, and as many with upsampling back.

    Parameters
    ----------
    input_shape : tuple of int
        (ny, nx, channels), without the sample axis; sides of 12, 20, 28, 36, ... pixels, which the
        decoder restores after three halvings, rounded up.
    output_shape : tuple of int, optional
        The same.
    latent_channels : int
        Channels of the latent image, which has an eighth of the sides: (4, 4, 2) for digits.
    learning_rate : float
        Initial learning rate of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes do not fit.

    Notes
    -----
    With the default settings there are 2,969 parameters.

    Kernels start as He's, and the output at the mean grey of a digit; with Keras' defaults some
    seeds of the course's settings end in black images.

    Examples
    --------
    >>> model = ConvAutoencoder()
    >>> model.count_params(), model.encoder.output_shape, model.decoder.output_shape
    (2969, (None, 4, 4, 2), (None, 28, 28, 1))
    """

    def __init__(
        self,
        input_shape: Image = (28, 28, 1),
        output_shape: Image | None = None,
        latent_channels: int = 2,
        learning_rate: float = 1e-3,
        name: str = "conv-autoencoder",
    ) -> None:
        check_same_image(input_shape, output_shape)
        if any(side % 8 != 4 or side < 12 for side in input_shape[:2]):
            raise UsageError(
                f"images of {input_shape[0]} x {input_shape[1]} cannot be restored after three "
                "halvings; sides can be 12, 20, 28, 36, ... pixels"
            )
        encoder = _encoder(input_shape, latent_channels)
        decoder = _decoder(encoder.output_shape[1:], input_shape[2])
        super().__init__(encoder, decoder)


def check_same_image(input_shape: Image, output_shape: Image | None) -> None:
    """Raise unless input and output have the same shape (ny, nx, channels)."""
    output_shape = input_shape if output_shape is None else output_shape
    if len(input_shape) != 3 or tuple(output_shape) != tuple(input_shape):
        raise UsageError(
            f"got the shapes {tuple(input_shape)} and {tuple(output_shape)}; an autoencoder takes "
            "and returns the same (ny, nx, channels)"
        )


def _encoder(shape: Image, latent_channels: int) -> keras.Model:
    features = inputs = keras.Input(tuple(shape))
    for filters in (*_WIDTHS, latent_channels):
        features = _convolution(filters)(features)
        features = keras.layers.MaxPooling2D(padding="same")(features)
    return keras.Model(inputs, features, name="encoder")


def _decoder(latent_shape: Image, channels: int) -> keras.Model:
    features = inputs = keras.Input(tuple(latent_shape))
    for filters in (latent_shape[2], _WIDTHS[1]):
        features = _convolution(filters)(features)
        features = keras.layers.UpSampling2D()(features)
    features = _convolution(_WIDTHS[0], padding="valid")(features)
    features = keras.layers.UpSampling2D()(features)
    bias = keras.initializers.Constant(math.log(_GREY / (1 - _GREY)))
    outputs = image_output(features, channels, kernel_initializer=_KERNELS, bias_initializer=bias)
    return keras.Model(inputs, outputs, name="decoder")


def image_output(features: Any, channels: int, **initializers: Any) -> Any:
    """Return an image between 0 and 1, in single precision whatever the policy."""
    return keras.layers.Conv2D(
        channels,
        3,
        padding="same",
        activation="sigmoid",
        dtype="float32",
        name="image",
        **initializers,
    )(features)


def _convolution(filters: int, padding: str = "same") -> keras.layers.Layer:
    return keras.layers.Conv2D(
        filters, 3, padding=padding, activation="relu", kernel_initializer=_KERNELS
    )


@keras.saving.register_keras_serializable(package="keras_qd")
class ResidualAutoencoder(Autoencoder):
    """Residual blocks around a dense bottleneck without an activation.

    Parameters
    ----------
    input_shape : tuple of int
        (ny, nx, channels), without the sample axis.
    output_shape : tuple of int, optional
        The same.
    latent_shape : tuple of int
        Shape of the latent numbers; only their number matters.
    filters : sequence of int
        Channels of the levels; each level halves the image.
    learning_rate : float
        Initial learning rate of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are not the same image.

    Examples
    --------
    >>> model = ResidualAutoencoder(filters=(4, 8), latent_shape=(16,))
    >>> model.encoder.output_shape, model.decoder.output_shape
    ((None, 16), (None, 28, 28, 1))
    """

    def __init__(
        self,
        input_shape: Image = (28, 28, 1),
        output_shape: Image | None = None,
        latent_shape: tuple[int, ...] = (4, 4, 2),
        filters: Sequence[int] = (16, 32),
        learning_rate: float = 2e-3,
        name: str = "residual-autoencoder",
    ) -> None:
        check_same_image(input_shape, output_shape)
        encoder = _residual_encoder(input_shape, latent_shape, filters)
        decoder = _residual_decoder(latent_shape, input_shape, filters)
        super().__init__(encoder, decoder)


def _residual_encoder(
    shape: Image, latent_shape: Sequence[int], filters: Sequence[int]
) -> keras.Model:
    inputs = keras.Input(tuple(shape))
    features = normalized_convolution(inputs, filters[0])
    for width in filters:
        features = keras.layers.MaxPooling2D(padding="same")(features)
        features = residual_block(features, width)
    features = keras.layers.Flatten()(features)
    features = keras.layers.Dense(math.prod(latent_shape), dtype="float32")(features)
    return keras.Model(inputs, keras.layers.Reshape(tuple(latent_shape))(features), name="encoder")


def _residual_decoder(
    latent_shape: Sequence[int], shape: Image, filters: Sequence[int]
) -> keras.Model:
    """Return the decoder, with the sides of the encoder in reverse."""
    sides = [tuple(shape[:2])]
    for _ in filters:
        sides.append(tuple(-(-side // 2) for side in sides[-1]))
    inputs = keras.Input(tuple(latent_shape))
    innermost = (*sides[-1], filters[-1])
    features = keras.layers.Flatten()(inputs)
    features = keras.layers.Dense(math.prod(innermost), activation="relu")(features)
    features = keras.layers.Reshape(innermost)(features)
    for width, wanted in zip(reversed(filters), reversed(sides[:-1]), strict=True):
        features = residual_block(features, width)
        features = keras.layers.UpSampling2D()(features)
        excess = tuple((0, features.shape[axis + 1] - wanted[axis]) for axis in (0, 1))
        if excess != ((0, 0), (0, 0)):
            features = keras.layers.Cropping2D(excess)(features)
    features = normalized_convolution(features, filters[0])
    return keras.Model(inputs, image_output(features, shape[2]), name="decoder")
