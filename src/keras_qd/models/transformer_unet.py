"""A residual U-Net whose innermost grid every pixel of which attends to all others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.layers import Activation, Conv2D, Dense, LayerNormalization

from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.models.base import LEARNING_RATE, Network, searches
from keras_qd.models.layers.ends import Shapes, image_shape, output_channels
from keras_qd.models.numbers import attention_pooled
from keras_qd.models.optimizers import ConvolutionMuon
from keras_qd.models.residual_unet import BLOCK, gather, residual_blocks, spread

#: `filters` over the channels before the maps that come out; width of what numbers are embedded
#: in, and of the layer before the numbers that come out.
_HEAD, _EMBEDDING, _HIDDEN = 3, 64, 128

#: Sharpness of the soft minimum of a potential, in 1/Ha*.
_SHARPNESS = 2.0

#: Dtype policies: float16 would need a loss that is scaled.
_POLICIES = ("float32", "mixed_bfloat16")

#: Batches over which the learning rate rises to its first value.
_WARM_UP = 100


@keras.saving.register_keras_serializable(package="keras_qd")
class PositionMap(keras.layers.Layer):
    """Add a learnt map to each channel: a sum of cosines, so that it has a value on any grid."""

    def __init__(self, n_cosines: int = 6, **options: Any) -> None:
        super().__init__(**options)
        self.n_cosines = n_cosines

    def build(self, input_shape: Any) -> None:
        """Make the coefficients."""
        self.coefficients = self.add_weight(
            name="coefficients",
            shape=(self.n_cosines, self.n_cosines, input_shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )

    def call(self, features: Any) -> Any:
        """Return features (n, ny, nx, c) with the map added."""
        rows, columns = (
            ops.convert_to_tensor(_cosines(size, self.n_cosines), dtype=self.compute_dtype)
            for size in features.shape[1:3]
        )
        coefficients = ops.cast(self.coefficients, self.compute_dtype)
        return features + ops.einsum("yk,xl,klc->yxc", rows, columns, coefficients)

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same layer again."""
        return {**super().get_config(), "n_cosines": self.n_cosines}


@keras.saving.register_keras_serializable(package="keras_qd")
class CosineResampling(keras.layers.Layer):
    """Sample the cosine series of images at the centres of the pixels of another grid.

    As many cosines as the coarser grid has pixels: there, finer structure is cut off, and what a
    coarser grid resolves does not change.

    Parameters
    ----------
    grid : tuple of int
        (ny, nx) of the images that come out.
    **options : Any
        Passed to :class:`keras.layers.Layer`.

    Examples
    --------
    >>> tuple(CosineResampling((4, 6))(np.ones((1, 8, 8, 2), "float32")).shape[1:])
    (4, 6, 2)
    """

    def __init__(self, grid: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        self.grid = tuple(grid)

    def call(self, images: Any) -> Any:
        """Return images (n, ny, nx, c) on the other grid."""
        down, across = (
            ops.convert_to_tensor(_resampling(old, new), dtype=self.compute_dtype)
            for old, new in zip(images.shape[1:3], self.grid, strict=True)
        )
        return ops.einsum("bx,naxc->nabc", across, ops.einsum("ay,nyxc->naxc", down, images))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the images that come out."""
        return (input_shape[0], *self.grid, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same layer again."""
        return {**super().get_config(), "grid": self.grid}


def _resampling(n_points: int, n_new: int) -> np.ndarray:
    """Return the matrix from values at the centres of pixels to those of others, (new, old)."""
    n_cosines = min(n_points, n_new)
    old, new = _cosines(n_points, n_cosines), _cosines(n_new, n_cosines)
    matrix: np.ndarray = new / (old**2).sum(axis=0) @ old.T
    return matrix


def _cosines(n_points: int, n_cosines: int) -> np.ndarray:
    """Return cosines at the centres of pixels, (n_points, n_cosines)."""
    centres = (np.arange(n_points) + 0.5) / n_points
    return np.cos(np.pi * np.outer(centres, np.arange(n_cosines)))


@searches({"learning_rate": LEARNING_RATE, "filters": [16, 24, 32], "attention": [2, 4, 6]})
@keras.saving.register_keras_serializable(package="keras_qd")
class TransformerUNet(Network):
    """A U-Net [1]_ of residual blocks with transformer blocks [2]_ at the bottom, as in [3]_.

    It works on few points: a density of electrons in a box, and the part of a potential that they
    see, are sums of a few cosines along each side. Grids are halved as in ``residual-unet``, by
    making 2 x 2 pixels the channels of one. On the smallest grid each pixel attends to all others,
    so that a well knows of every other well. Numbers that go in scale and shift the channels of
    every level [4]_.

    Parameters
    ----------
    input_shape : tuple of int, or mapping of str to tuple of int
        (ny, nx, channels), without the sample axis; or by field maps and numbers, (k,).
    output_shape : tuple of int, or mapping of str to tuple of int, optional
        The same grid with perhaps another number of channels; as the input if not given. Or by
        field maps and numbers, (k,): dense layers on averages of the innermost map, and on the mean
        of each output map times each input map, give those.
    filters : int
        Channels of the first level; they double from level to level.
    levels : int
        Number of grids.
    points : int, optional
        Points along the longer side, within the network: fields with more are resampled by
        :class:`CosineResampling`, and those that come out are resampled back. With 24 of them in
        a box of 10 a0*, that misplaces 0.01 % of the charge of one to four electrons (0.06 % at
        most in 1,000 dots); longer boxes need more, in proportion. If None, every pixel is one.
        Sides are rounded up to multiples of ``2**(levels - 1)``.
    blocks : int
        Residual blocks of a level, in the encoder and in the decoder.
    attention : int
        Transformer blocks, each followed by a residual block.
    heads : int
        Heads of an attention; must divide the channels of the last level.
    charges : mapping of str to str or float, optional
        For an input map that is a potential: number that comes out -> by how much it rises with a
        constant in the potential, as a number or as the name of the number that goes in. The
        network then sees the potential above its soft minimum, -log(mean(exp(-2 V))) / 2, by its
        inverse hyperbolic sine: high walls matter little. Potential and these numbers must not be
        scaled, but be in Ha*.
    learning_rate : float
        Learning rate of :class:`~keras_qd.models.optimizers.ConvolutionMuon`.
    weight_decay : float, optional
        Share of a kernel that each batch takes away, over the learning rate.
    dtype : str, optional
        Name of a dtype policy, ``"float32"`` or ``"mixed_bfloat16"``; the global one if not given.
        Weights and outputs are float32.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are not images of one grid, or the settings do not fit them.

    References
    ----------
    .. [1] Ronneberger, Fischer, Brox, 2015, arXiv:1505.04597
    .. [2] Vaswani et al., 2017, arXiv:1706.03762
    .. [3] Chen et al., "TransUNet", 2021, arXiv:2102.04306
    .. [4] Perez et al., "FiLM", 2018, arXiv:1709.07871

    Examples
    --------
    >>> TransformerUNet((16, 16, 1), filters=4, levels=2, attention=1).output_shape
    (None, 16, 16, 1)
    """

    def __init__(
        self,
        input_shape: Shapes = (64, 64, 1),
        output_shape: Shapes | None = None,
        filters: int = 24,
        levels: int = 3,
        points: int | None = 24,
        blocks: int = 1,
        attention: int = 4,
        heads: int = 4,
        charges: Mapping[str, str | float] | None = None,
        learning_rate: float = 4e-3,
        weight_decay: float | None = 0.1,
        dtype: str | None = None,
        name: str = "transformer-unet",
    ) -> None:
        channels = output_channels(input_shape, output_shape)
        grid = image_shape(input_shape)[:2]
        inner = _inner_grid(grid, points, levels)
        widths = [filters * 2**level for level in range(levels)]
        _check_heads(widths[-1], heads)
        inputs, image, numbers = _open(input_shape)
        if charges is not None:
            _check_charges(charges, input_shape, output_shape)
            zero = _soft_minimum(image)
            image = image - zero
        seen = image if charges is None else ops.arcsinh(image)
        policy = _policy(dtype)
        self.settings.update(dtype=policy)  # under another global one, the network stays the same
        seen = seen if inner == grid else CosineResampling(inner, dtype="float32")(seen)
        with _layers_in(policy):
            condition = _embedded(numbers)
            features, skips = _encoded(seen, condition, widths, blocks)
            innermost = _attended(features, attention, heads)
            features = _decoded(innermost, skips, condition, blocks)
            features = Conv2D(filters // _HEAD, 3, padding="same")(Activation("silu")(features))
            features = Activation("silu")(features)
        maps = Conv2D(channels, 3, padding="same", dtype="float32")(features)
        maps = maps if inner == grid else CosineResampling(grid, dtype="float32")(maps)
        outputs = maps
        if isinstance(output_shape, Mapping):
            # Numbers are wanted to more digits than bfloat16 has.
            pooled = [attention_pooled(ops.cast(innermost, "float32"), heads), *numbers.values()]
            outputs = _by_field(output_shape, maps, pooled, _mean_products(maps, image))
        if charges is not None:
            for field, charge in charges.items():
                counted = numbers[charge] if isinstance(charge, str) else charge
                outputs[field] = outputs[field] + counted * zero[:, 0, 0, :]
        optimizer = ConvolutionMuon(learning_rate, weight_decay, warm_up=_WARM_UP)
        super().__init__(inputs, outputs, "mae", optimizer)


def _policy(dtype: str | None) -> str:
    """Return the name of the policy of the layers, or raise."""
    name = dtype or keras.config.dtype_policy().name
    if name not in _POLICIES:
        raise UnknownNameError("dtype policy", name, _POLICIES)
    return name


@contextmanager
def _layers_in(policy: str) -> Iterator[None]:
    """Make layers with a dtype policy."""
    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(usual)


def _soft_minimum(potential: Any) -> Any:
    """Return near which energy a potential (n, ny, nx, 1) has its wells, (n, 1, 1, 1)."""
    pixels = potential.shape[1] * potential.shape[2]
    total = ops.logsumexp(-_SHARPNESS * potential, axis=(1, 2), keepdims=True)
    return (math.log(pixels) - total) / _SHARPNESS


def _inner_grid(grid: tuple[int, int], points: int | None, levels: int) -> tuple[int, int]:
    """Return the grid of the first level, or raise unless there are that many levels."""
    block = BLOCK ** max(levels - 1, 0)
    longest = max(grid) if points is None else min(points, max(grid))
    if levels < 1 or longest < block:
        raise UsageError(
            f"{levels} levels need {block} points along a side at least, not {longest}; change "
            "points or levels"
        )
    ny, nx = (block * math.ceil(side * longest / max(grid) / block) for side in grid)
    return ny, nx


def _open(shapes: Shapes) -> tuple[Any, Any, dict[str, Any]]:
    """Return the inputs, the image that all maps make, and the numbers by field."""
    if not isinstance(shapes, Mapping):
        inputs = keras.Input(tuple(shapes))
        return inputs, inputs, {}
    inputs = {field: keras.Input(tuple(shape), name=field) for field, shape in shapes.items()}
    maps = [each for each in inputs.values() if len(each.shape) == 4]
    numbers = {field: each for field, each in inputs.items() if len(each.shape) == 2}
    return inputs, maps[0] if len(maps) == 1 else ops.concatenate(maps, axis=-1), numbers


def _embedded(numbers: Mapping[str, Any]) -> Any:
    """Return what numbers mean to the levels, (n, width); None without any."""
    if not numbers:
        return None
    given = list(numbers.values())
    features = given[0] if len(given) == 1 else ops.concatenate(given, axis=-1)
    for _ in range(2):
        features = Dense(_EMBEDDING, activation="silu")(features)
    return features


def _modulated(features: Any, condition: Any) -> Any:
    """Scale and shift each channel by what follows from the numbers; first, do nothing."""
    if condition is None:
        return features
    change = Dense(2 * features.shape[-1], kernel_initializer="zeros")(condition)
    scale, shift = ops.split(change[:, None, None, :], 2, axis=-1)
    return features * (1 + scale) + shift


def _encoded(
    image: Any, condition: Any, widths: Sequence[int], blocks: int
) -> tuple[Any, list[Any]]:
    """Return the features of the last level, and those of all levels before."""
    features = Conv2D(widths[0], 3, padding="same")(image)
    features, skips = residual_blocks(_modulated(features, condition), blocks), []
    for width in widths[1:]:
        skips.append(features)
        features = Conv2D(width, 1)(gather(features, BLOCK))
        features = residual_blocks(_modulated(features, condition), blocks)
    return features, skips


def _attended(features: Any, attention: int, heads: int) -> Any:
    """Return the features after transformer blocks, each followed by a residual block."""
    features = PositionMap()(features)
    for _ in range(attention):
        features = residual_blocks(_transformer_block(features, heads), 1)
    return features


def _decoded(features: Any, skips: Sequence[Any], condition: Any, blocks: int) -> Any:
    """Return the features of the first level."""
    for skip in reversed(skips):
        features = spread(Conv2D(BLOCK**2 * skip.shape[-1], 1)(features), BLOCK)
        features = residual_blocks(_modulated(features + skip, condition), blocks)
    return features


def _transformer_block(features: Any, heads: int) -> Any:
    """Attend to all pixels, then apply dense layers to each; both changes start as zero."""
    channels = features.shape[-1]
    change = _self_attention(LayerNormalization(epsilon=1e-5)(features), heads)
    features = features + Dense(channels, kernel_initializer="zeros")(change)
    change = Dense(2 * channels, activation="silu")(LayerNormalization(epsilon=1e-5)(features))
    return features + Dense(channels, kernel_initializer="zeros")(change)


def _self_attention(features: Any, heads: int) -> Any:
    """Return the sums over all pixels, weighted for each head: (n, ny, nx, c) to the same."""
    rows, columns, channels = features.shape[1:]
    joint = Dense(3 * channels, use_bias=False)(features)
    split = ops.reshape(joint, (-1, rows * columns, 3, heads, channels // heads))
    query, key, value = (ops.transpose(split[:, :, i], (0, 2, 1, 3)) for i in range(3))
    scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) * (channels // heads) ** -0.5
    found = ops.matmul(ops.softmax(scores, axis=-1), value)
    return ops.reshape(ops.transpose(found, (0, 2, 1, 3)), (-1, rows, columns, channels))


def _mean_products(maps: Any, image: Any) -> Any:
    """Return the means over pixels of output times input maps, and of input maps, (n, k)."""
    # Of a density and a potential, the energy of one in the other but for factors; hence also the
    # means of the input maps, for a density without its mean.
    products = ops.mean(maps[..., :, None] * image[..., None, :], axis=(1, 2))
    flat = ops.reshape(products, (-1, maps.shape[-1] * image.shape[-1]))
    return ops.cast(ops.concatenate([flat, ops.mean(image, axis=(1, 2))], axis=-1), "float32")


def _by_field(
    shapes: Mapping[str, tuple[int, ...]], maps: Any, seen: Sequence[Any], products: Any
) -> dict[str, Any]:
    """Return the output maps and numbers by field."""
    features = ops.concatenate([ops.cast(each, "float32") for each in seen], axis=-1)
    outputs, first = {}, 0
    for field, shape in shapes.items():
        if len(shape) == 3:
            outputs[field] = maps[..., first : first + shape[-1]]
            first += shape[-1]
            continue
        hidden = Dense(_HIDDEN, activation="silu", name=f"{field}_hidden")(features)
        joined = ops.concatenate([hidden, products], axis=-1)
        outputs[field] = Dense(shape[0], dtype="float32", name=f"{field}_numbers")(joined)
    return outputs


def _check_heads(channels: int, heads: int) -> None:
    """Raise unless the channels of the last level can be shared among the heads."""
    if heads < 1 or channels % heads:
        raise UsageError(
            f"heads={heads} must divide the {channels} channels of the last level; change heads, "
            "filters or levels"
        )


def _check_charges(
    charges: Mapping[str, str | float], input_shape: Shapes, output_shape: Shapes | None
) -> None:
    """Raise unless there is one potential, and charges are of numbers that come out."""
    named = isinstance(output_shape, Mapping)
    shapes_in = dict(input_shape) if isinstance(input_shape, Mapping) else {"": input_shape}
    given = [name for name, shape in shapes_in.items() if len(shape) == 1]
    maps = [shape for shape in shapes_in.values() if len(shape) == 3]
    unknown = [name for name in charges if not named or len(output_shape.get(name, ())) != 1]  # type: ignore[union-attr]
    missing = [each for each in charges.values() if isinstance(each, str) and each not in given]
    if unknown or missing or len(maps) != 1 or maps[0][-1] != 1:
        raise UsageError(
            f"charges={dict(charges)} with the inputs {shapes_in} and outputs {output_shape}: give "
            "one potential, and a charge for each output number, as a number or as the name of an "
            "input number"
        )
