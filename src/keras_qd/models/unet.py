"""The U-Net: the generator of pix2pix, and a model of its own without the adversary."""

from __future__ import annotations

from typing import Any

import keras

from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.models.base import LEARNING_RATE, Configurable, searches
from keras_qd.models.layers.convolution import Downsample, Upsample
from keras_qd.models.layers.ends import (
    Shape,
    Shapes,
    close_outputs,
    image_shape,
    open_inputs,
    output_channels,
)
from keras_qd.models.layers.factory import NORMALIZATIONS, LayerFactory
from keras_qd.models.optimizers import build_optimizer, with_loss_scale

UPSAMPLINGS = ("transpose", "resize")

#: Levels grow no wider than this many times the first.
_WIDEST = 8

#: As in the paper, only the innermost levels of the decoder drop features.
_LEVELS_WITH_DROPOUT = 3

_SLOPE = 0.2


@keras.saving.register_keras_serializable(package="keras_qd")
class UNet(Configurable, keras.Model):
    """Encoder and decoder with skip connections [1]_: the generator of pix2pix [2]_.

    Parameters
    ----------
    input_shape : tuple of int, or mapping of str to tuple of int
        (ny, nx, channels), without the sample axis; or by field maps and numbers, (k,), which
        become channels with one value each.
    output_shape : tuple of int, or mapping of str to tuple of int, optional
        The same grid with perhaps another number of channels; as the input if not given. Or by
        field maps and numbers, (k,): dense layers on the mean of the innermost map give those.
    filters : int
        Channels of the first level; they double from level to level, up to eight times as many.
    depth : int, optional
        How often the image is halved; by default until the shorter side is about one pixel. Odd
        sides are rounded up in the encoder and cropped in the decoder, so any grid works.
    dropout : float
        Rate in the three innermost levels of the decoder.
    normalization : str
        ``"batch"``, ``"group"``, ``"instance"`` or ``"none"``.
    upsampling : str
        ``"transpose"`` (4 x 4 transposed convolution, as in the paper) or ``"resize"`` (nearest
        neighbour, then a 3 x 3 convolution: no checkerboard).
    output_activation : str
        Of the maps: ``"linear"``, or ``"tanh"`` where the targets are bounded.
    seed : int, optional
        For the initial weights and the dropout masks.
    dtype : str, optional
        Name of a dtype policy such as ``"mixed_bfloat16"``; the global one if not given.
    name : str
        Name of the network and prefix of its layers' names.

    Raises
    ------
    UsageError
        If the shapes are not images of one grid, or the depth does not fit them.

    References
    ----------
    .. [1] Ronneberger, Fischer, Brox, 2015, arXiv:1505.04597
    .. [2] Isola, Zhu, Zhou, Efros, 2017, arXiv:1611.07004

    Examples
    --------
    >>> UNet((32, 32, 1), filters=4, depth=3).output_shape
    (None, 32, 32, 1)
    """

    def __init__(
        self,
        input_shape: Shapes = (64, 64, 1),
        output_shape: Shapes | None = None,
        filters: int = 64,
        depth: int | None = None,
        dropout: float = 0.5,
        normalization: str = "batch",
        upsampling: str = "transpose",
        output_activation: str = "linear",
        seed: int | None = None,
        dtype: str | None = None,
        name: str = "unet",
    ) -> None:
        channels = output_channels(input_shape, output_shape)
        depth = fitting_depth(image_shape(input_shape), depth)
        if upsampling not in UPSAMPLINGS:
            raise UnknownNameError("upsampling", upsampling, UPSAMPLINGS)
        policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy()).name
        layers = LayerFactory(name, policy, seed, normalization)
        widths = [filters * min(2**level, _WIDEST) for level in range(depth)]
        inputs, image = open_inputs(input_shape, f"{name}_input")
        skips = _encode(layers, image, widths)
        features = _decode(layers, skips, widths, dropout, upsampling)
        features = _double(layers, features, channels, image, "up0", upsampling, use_bias=True)
        maps = layers.make(
            keras.layers.Activation, output_activation, name="output", dtype="float32"
        )(features)
        outputs = close_outputs(maps, skips[-1], inputs, output_shape, layers.weighted)
        # As resolved: on another grid, or under another policy, the network stays the same.
        self.settings.update(depth=depth, dtype=policy)
        super().__init__(inputs, outputs, name=name)

    def compile(self, optimizer: Any = "adam", loss: Any = "mae", **options: Any) -> None:
        """Configure the training as :meth:`keras.Model.compile` does.

        Parameters
        ----------
        optimizer : str or keras.optimizers.Optimizer
            Where the network computes in float16, its loss is scaled.
        loss : str or keras.losses.Loss
            The mean absolute error by default.
        **options
            Options of Keras, such as ``metrics``.
        """
        optimizer = with_loss_scale(keras.optimizers.get(optimizer), self)
        super().compile(optimizer, loss=loss, **{**options, "auto_scale_loss": False})
        # Saved before any training, the optimizer would otherwise lack what the loaded one expects.
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile the model from the result of :meth:`get_compile_config`."""
        self.compile(**keras.saving.deserialize_keras_object(config))


def search_space(input_shape: Shapes) -> dict[str, Any]:
    """Return the settings to tune; a deep network covers all of an image."""
    deepest = _deepest(image_shape(input_shape))
    return {
        "learning_rate": LEARNING_RATE,
        "filters": [8, 16, 32],
        "dropout": [0.0, 0.25, 0.5],
        "normalization": list(NORMALIZATIONS),
        "upsampling": list(UPSAMPLINGS),
        "depth": {"low": min(3, deepest), "high": deepest},
    }


@searches(search_space)
def unet(
    input_shape: Shapes = (64, 64, 1),
    output_shape: Shapes | None = None,
    *,
    filters: int = 64,
    depth: int | None = None,
    dropout: float = 0.5,
    normalization: str = "batch",
    upsampling: str = "transpose",
    output_activation: str = "linear",
    optimizer: str = "adam",
    learning_rate: float = 2e-4,
    beta_1: float = 0.5,
    weight_decay: float | None = None,
    seed: int | None = None,
    dtype: str | None = None,
    name: str = "unet",
) -> UNet:
    r"""Build the generator of pix2pix alone, compiled with the mean absolute error.

    Parameters
    ----------
    input_shape, output_shape : tuple of int, or mapping of str to tuple of int
        (ny, nx, channels), without the sample axis, or by field also numbers, (k,); the output is
        as the input if not given.
    filters, depth, dropout, normalization, upsampling, output_activation : optional
        Settings of :class:`UNet`.
    optimizer : str
        ``"adam"``, or ``"muon"``, see :class:`~keras_qd.models.optimizers.ConvolutionMuon`.
    learning_rate, beta_1 : float
        Settings of the optimizer; Muon has no `beta_1`.
    weight_decay : float, optional
        The factor c of :math:`w \leftarrow w - c \alpha w`, applied in every step with the learning
        rate :math:`\alpha`, apart from the gradient [1]_: to all weights with Adam, to kernels with
        more than one filter with Muon.
    seed, dtype, name : optional
        Settings of :class:`UNet`.

    Returns
    -------
    UNet
        Ready for ``fit``.

    Raises
    ------
    UsageError
        If :class:`UNet` raises it, or the weight decay is negative.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", Int. Conf. Learning
       Representations (2019), arXiv:1711.05101

    Examples
    --------
    >>> model = unet((32, 32, 1), filters=4)
    >>> model.output_shape
    (None, 32, 32, 1)
    """
    model = UNet(
        input_shape,
        output_shape,
        filters,
        depth,
        dropout,
        normalization,
        upsampling,
        output_activation,
        seed,
        dtype,
        name,
    )
    model.compile(build_optimizer(optimizer, learning_rate, beta_1, weight_decay))
    return model


def fitting_depth(input_shape: Shape, depth: int | None) -> int:
    """Return the depth, by default the greatest; raise if the image is too small for it."""
    deepest = _deepest(input_shape)
    if depth is None:
        depth = deepest
    if not 1 <= depth <= deepest:
        raise UsageError(
            f"a depth of {depth} does not fit a grid of {input_shape[0]} x {input_shape[1]}; "
            f"give 1 to {deepest}, or leave it out"
        )
    return depth


def _deepest(input_shape: Shape) -> int:
    return min(input_shape[:2]).bit_length() - 1


def _encode(layers: LayerFactory, features: Any, widths: list[int]) -> list[Any]:
    """Return the features of every level of the encoder, the outermost first."""
    skips = []
    for level, filters in enumerate(widths):
        normalized = layers.normalizes and 0 < level < len(widths) - 1
        name = f"down{level}"
        features = layers.weighted(Downsample, filters, name=name, use_bias=not normalized)(
            features
        )
        if normalized:
            features = layers.normalize(features, f"{name}_norm")
        features = layers.make(keras.layers.LeakyReLU, _SLOPE, name=f"{name}_leaky")(features)
        skips.append(features)
    return skips


def _decode(
    layers: LayerFactory, skips: list[Any], widths: list[int], dropout: float, upsampling: str
) -> Any:
    """Return features of half the sides, after all levels of the decoder but the last."""
    features = skips[-1]
    innermost = len(skips) - 1
    for level in range(innermost, 0, -1):
        name, skip, filters = f"up{level}", skips[level - 1], widths[level - 1]
        features = _double(
            layers, features, filters, skip, name, upsampling, use_bias=not layers.normalizes
        )
        features = layers.normalize(features, f"{name}_norm")
        if innermost - level < _LEVELS_WITH_DROPOUT:
            features = layers.dropout(features, dropout, f"{name}_dropout")
        features = layers.make(keras.layers.ReLU, name=f"{name}_relu")(features)
        features = layers.make(keras.layers.Concatenate, name=f"{name}_skip")([features, skip])
    return features


def _double(
    layers: LayerFactory,
    features: Any,
    filters: int,
    like: Any,
    name: str,
    upsampling: str,
    use_bias: bool,
) -> Any:
    """Double the sides, then crop to those of another image."""
    if upsampling == "transpose":
        features = layers.weighted(Upsample, filters, name=name, use_bias=use_bias)(features)
    else:
        features = layers.make(keras.layers.UpSampling2D, name=f"{name}_resize")(features)
        features = layers.weighted(
            keras.layers.Conv2D, filters, 3, padding="same", name=name, use_bias=use_bias
        )(features)
    excess = tuple((0, features.shape[axis] - like.shape[axis]) for axis in (1, 2))
    if excess == ((0, 0), (0, 0)):
        return features
    return layers.make(keras.layers.Cropping2D, excess, name=f"{name}_crop")(features)
