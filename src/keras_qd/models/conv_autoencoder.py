"""A small convolutional autoencoder, as it is taught, whose two halves can be used apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from keras_qd.errors import UsageError
from keras_qd.models.network import Network

Image = tuple[int, int, int]

_WIDTHS = (16, 8)


class Autoencoder(Network):
    """An encoder and a decoder, one after the other.

    Parameters
    ----------
    encoder, decoder : keras.Model
        Image -> latent numbers, and latent numbers -> image.
    settings : mapping
        The arguments that make the same network again.
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
        settings: Mapping[str, Any],
        loss: str = "mse",
    ) -> None:
        inputs = keras.Input(encoder.input_shape[1:])
        super().__init__(inputs, decoder(encoder(inputs)), settings, loss)
        self.encoder = encoder
        self.decoder = decoder


@keras.saving.register_keras_serializable(package="keras_qd")
class ConvAutoencoder(Autoencoder):
    """Three 3 x 3 convolutions with pooling, and as many with upsampling back.

    Parameters
    ----------
    input_shape : tuple of int
        (ny, nx, channels), without the sample axis; sides of 12, 20, 28, 36, ... pixels, which
        three halvings, rounded up, and the way back lead to again.
    output_shape : tuple of int, optional
        The same.
    latent_channels : int
        Channels of the latent image, which has an eighth of the sides: (4, 4, 2) for digits.
    learning_rate : float
        Of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes do not allow it.

    Notes
    -----
    With the default settings there are 2,969 parameters.

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
                f"images of {input_shape[0]} x {input_shape[1]} do not come back from three "
                "halvings; sides can be 12, 20, 28, 36, ... pixels"
            )
        encoder = _encoder(input_shape, latent_channels)
        decoder = _decoder(encoder.output_shape[1:], input_shape[2])
        settings = {
            "input_shape": tuple(input_shape),
            "output_shape": tuple(input_shape),
            "latent_channels": latent_channels,
            "learning_rate": learning_rate,
            "name": name,
        }
        super().__init__(encoder, decoder, settings)


def check_same_image(input_shape: Image, output_shape: Image | None) -> None:
    """Check the shapes of an autoencoder.

    Raises
    ------
    UsageError
        If they are not one and the same (ny, nx, channels).
    """
    output_shape = input_shape if output_shape is None else output_shape
    if len(input_shape) != 3 or tuple(output_shape) != tuple(input_shape):
        raise UsageError(
            f"got the shapes {tuple(input_shape)} and {tuple(output_shape)}; an autoencoder takes "
            "and gives the same (ny, nx, channels)"
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
    outputs = image_output(features, channels)
    return keras.Model(inputs, outputs, name="decoder")


def image_output(features: Any, channels: int) -> Any:
    """Return an image between 0 and 1, in single precision whatever the policy."""
    return keras.layers.Conv2D(
        channels, 3, padding="same", activation="sigmoid", dtype="float32", name="image"
    )(features)


def _convolution(filters: int, padding: str = "same") -> keras.layers.Layer:
    return keras.layers.Conv2D(filters, 3, padding=padding, activation="relu")
