"""A wider autoencoder whose latent numbers see the whole image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras

from keras_qd.models.conv_autoencoder import Autoencoder, Image, check_same_image, image_output
from keras_qd.models.layers.residual import normalized_convolution, residual_block


@keras.saving.register_keras_serializable(package="keras_qd")
class ResidualAutoencoder(Autoencoder):
    """Residual blocks around a dense bottleneck, from which nothing is cut off by a ReLU.

    Parameters
    ----------
    input_shape : tuple of int
        (ny, nx, channels), without the sample axis.
    output_shape : tuple of int, optional
        The same.
    latent_shape : tuple of int
        Shape in which the latent numbers are given; their number is what counts.
    filters : sequence of int
        Channels of the levels; each level halves the image.
    learning_rate : float
        Of Adam.
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
        encoder = _encoder(input_shape, latent_shape, filters)
        decoder = _decoder(latent_shape, input_shape, filters)
        settings = {
            "input_shape": tuple(input_shape),
            "output_shape": tuple(input_shape),
            "latent_shape": tuple(latent_shape),
            "filters": tuple(filters),
            "learning_rate": learning_rate,
            "name": name,
        }
        super().__init__(encoder, decoder, settings)


def _encoder(shape: Image, latent_shape: Sequence[int], filters: Sequence[int]) -> keras.Model:
    inputs = keras.Input(tuple(shape))
    features = normalized_convolution(inputs, filters[0])
    for width in filters:
        features = keras.layers.MaxPooling2D(padding="same")(features)
        features = residual_block(features, width)
    features = keras.layers.Flatten()(features)
    features = keras.layers.Dense(math.prod(latent_shape), dtype="float32")(features)
    return keras.Model(inputs, keras.layers.Reshape(tuple(latent_shape))(features), name="encoder")


def _decoder(latent_shape: Sequence[int], shape: Image, filters: Sequence[int]) -> keras.Model:
    """Go up through the sides that the encoder went down through."""
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
