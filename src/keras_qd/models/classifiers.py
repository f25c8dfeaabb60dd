"""Classifiers of small images: LeNet, and a residual network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_qd.errors import UsageError
from keras_qd.models.base import LEARNING_RATE, Network, searches
from keras_qd.models.layers.factory import Dropout, normalized_convolution, residual_block

Image = tuple[int, int, int]


@keras.saving.register_keras_serializable(package="keras_qd")
class DigitCNN(Network):
    """Convolutions without padding, each with a max pool, then dense layers and a softmax [1]_.

    Parameters
    ----------
    input_shape : tuple of int
        (ny, nx, channels), without the sample axis.
    output_shape : tuple of int
        (classes,).
    filters : sequence of int
        Channels of the 3 x 3 convolutions.
    units : sequence of int
        Widths of the dense layers before the last.
    learning_rate : float
        Initial learning rate of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are not an image and classes, or the image is too small.

    Notes
    -----
    With the default settings there are 50,374 parameters.

    References
    ----------
    .. [1] LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86, 2278 (1998), doi:10.1109/5.726791

    Examples
    --------
    >>> DigitCNN().count_params()
    50374
    """

    def __init__(
        self,
        input_shape: Image = (28, 28, 1),
        output_shape: tuple[int] = (10,),
        filters: Sequence[int] = (6, 16),
        units: Sequence[int] = (100, 84),
        learning_rate: float = 1e-3,
        name: str = "digit-cnn",
    ) -> None:
        check_image_and_classes(input_shape, output_shape)
        inputs = keras.Input(tuple(input_shape))
        features = inputs
        for count in filters:
            if min(features.shape[1:3]) < 4:
                raise UsageError(
                    f"images of {input_shape[0]} x {input_shape[1]} are too small for "
                    f"{len(filters)} convolutions with pooling"
                )
            features = keras.layers.Conv2D(count, 3, activation="relu")(features)
            features = keras.layers.MaxPooling2D()(features)
        features = keras.layers.Flatten()(features)
        for width in units:
            features = keras.layers.Dense(width, activation="relu")(features)
        outputs = class_probabilities(features, output_shape[0])
        super().__init__(inputs, outputs, "categorical_crossentropy")


def class_probabilities(features: Any, n_classes: int) -> Any:
    """Return probabilities of classes from features, in single precision whatever the policy."""
    return keras.layers.Dense(n_classes, activation="softmax", dtype="float32", name="classes")(
        features
    )


def check_image_and_classes(input_shape: Image, output_shape: tuple[int]) -> None:
    """Raise unless the shapes are (ny, nx, channels) and (classes,)."""
    if len(input_shape) != 3 or len(output_shape) != 1:
        raise UsageError(
            f"got the shapes {tuple(input_shape)} and {tuple(output_shape)}; a classifier of images"
            " takes (ny, nx, channels) and returns (classes,)"
        )


@searches(
    {
        "learning_rate": LEARNING_RATE,
        "dropout": {"low": 0.0, "high": 0.5},
        "blocks": {"low": 1, "high": 2},
    }
)
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
        Initial learning rate of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are not an image and classes.

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
        super().__init__(inputs, outputs, "categorical_crossentropy")
