"""A small residual classifier of images."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from keras_qd.models.digit_cnn import Image, check_image_and_classes, class_probabilities
from keras_qd.models.layers.dropout import Dropout
from keras_qd.models.layers.residual import normalized_convolution, residual_block
from keras_qd.models.network import Network


@keras.saving.register_keras_serializable(package="keras_qd")
class DigitResNet(Network):
    """Residual blocks [1]_ with batch normalisation, a pool before each width, a global mean.

    Parameters
    ----------
    input_shape : tuple of int
        (ny, nx, channels), without the sample axis.
    output_shape : tuple of int
        (classes,).
    filters : sequence of int
        Channels of the levels; each level halves the image.
    blocks : int
        Residual blocks of two 3 x 3 convolutions in a level.
    dropout : float
        Rate before the last layer.
    learning_rate : float
        Of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are no image and classes.

    References
    ----------
    .. [1] He, Zhang, Ren, Sun, 2015, arXiv:1512.03385

    Examples
    --------
    >>> DigitResNet(filters=(4, 8)).output_shape
    (None, 10)
    """

    def __init__(
        self,
        input_shape: Image = (28, 28, 1),
        output_shape: tuple[int] = (10,),
        filters: Sequence[int] = (32, 64),
        blocks: int = 1,
        dropout: float = 0.3,
        learning_rate: float = 2e-3,
        name: str = "digit-resnet",
    ) -> None:
        check_image_and_classes(input_shape, output_shape)
        inputs = keras.Input(tuple(input_shape))
        features = normalized_convolution(inputs, filters[0])
        for width in filters:
            features = keras.layers.MaxPooling2D(padding="same")(features)
            for _ in range(blocks):
                features = residual_block(features, width)
        features = keras.layers.GlobalAveragePooling2D()(features)
        if dropout:
            features = Dropout(dropout)(features)
        outputs = class_probabilities(features, output_shape[0])
        settings = {
            "input_shape": tuple(input_shape),
            "output_shape": tuple(output_shape),
            "filters": tuple(filters),
            "blocks": blocks,
            "dropout": dropout,
            "learning_rate": learning_rate,
            "name": name,
        }
        super().__init__(inputs, outputs, settings, "categorical_crossentropy")
