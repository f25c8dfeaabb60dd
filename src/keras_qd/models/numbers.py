"""Networks that return numbers: of a map, whose mean they may restore exactly, or of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import Activation, Conv2D, Dense

from keras_qd.errors import UsageError
from keras_qd.models.base import LEARNING_RATE, Network, searches
from keras_qd.models.optimizers import ConvolutionMuon
from keras_qd.models.residual_unet import gather, residual_blocks


@keras.saving.register_keras_serializable(package="keras_qd")
class RestoreMean(keras.layers.Layer):
    r"""Add to each number the mean of a potential, times how many electrons the number counts.

    Numbers :math:`f(V - \bar V)` become :math:`f(V - \bar V) + q \bar V`. By construction, a
    constant in the potential then adds :math:`q` times itself: for an energy of N electrons
    :math:`q = N`, for a chemical potential 1, and for differences of energies of one number of
    electrons, such as gap and exchange, 0.

    Parameters
    ----------
    charges : sequence of float
        :math:`q` of each number.
    **options
        Those of a Keras layer.

    Examples
    --------
    >>> import numpy as np
    >>> numbers, potential = np.array([[3.0, 1.0]]), np.full((1, 8, 8, 1), 0.5)
    >>> np.asarray(keras.ops.convert_to_numpy(RestoreMean((2, 0))(numbers, potential)))
    array([[4., 1.]], dtype=float32)
    """

    def __init__(self, charges: Sequence[float], **options: Any) -> None:
        super().__init__(**options)
        self.charges = tuple(float(each) for each in charges)

    def call(self, numbers: Any, potential: Any) -> Any:
        """Return numbers (n, k) of potentials (n, ny, nx, 1)."""
        mean = ops.mean(potential, axis=(1, 2))
        return numbers + mean * ops.convert_to_tensor([self.charges], dtype=mean.dtype)

    def compute_output_shape(self, numbers_shape: Any, potential_shape: Any) -> Any:
        """Return the shape of the numbers."""
        return numbers_shape

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same layer again."""
        return {**super().get_config(), "charges": self.charges}


@searches({"learning_rate": LEARNING_RATE, "width": [16, 32, 48], "blocks": {"low": 1, "high": 4}})
@keras.saving.register_keras_serializable(package="keras_qd")
class Residual2D(Network):
    """Residual blocks [1]_ on blocks of pixels, pooled over the map by attention.

    Parameters
    ----------
    input_shape : tuple of int
        (ny, nx, channels), without the sample axis.
    output_shape : tuple of int
        (numbers,).
    charges : sequence of float, optional
        For an input that is a potential: by how much each number rises with a constant in it. The
        network then sees the potential without its mean, which `RestoreMean` puts back exactly.
        Without charges it sees the map as it is.
    width : int
        Channels.
    blocks : int
        Residual blocks of two convolutions.
    block : int
        Pixels along the blocks that become one pixel with more channels; must divide the sides.
    heads : int
        Averages over the map, each with weights of its own: a ground state is in few wells.
    learning_rate : float
        Learning rate of :class:`~keras_qd.models.optimizers.ConvolutionMuon`.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are not a map and numbers, or the settings do not fit them.

    References
    ----------
    .. [1] He, Zhang, Ren, Sun, 2016, arXiv:1603.05027

    Examples
    --------
    >>> Residual2D((16, 16, 1), (2,), charges=(2, 0), width=8, blocks=1).output_shape
    (None, 2)
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int] = (64, 64, 1),
        output_shape: tuple[int] = (1,),
        charges: Sequence[float] | None = None,
        width: int = 32,
        blocks: int = 3,
        block: int = 4,
        heads: int = 4,
        learning_rate: float = 4e-3,
        name: str = "residual-2d",
    ) -> None:
        _check_map_and_numbers(input_shape, output_shape, block)
        if charges is not None:
            _check_charges(charges, input_shape, output_shape)
        inputs = keras.Input(tuple(input_shape))
        seen = inputs if charges is None else inputs - ops.mean(inputs, axis=(1, 2), keepdims=True)
        features = Conv2D(width, 3, padding="same")(gather(seen, block))
        features = Activation("silu")(residual_blocks(features, blocks))
        hidden = Dense(2 * width, activation="silu")(attention_pooled(features, heads))
        outputs = Dense(output_shape[0], dtype="float32", name="numbers")(hidden)
        if charges is not None:
            outputs = RestoreMean(charges, dtype="float32", name="restore_mean")(outputs, inputs)
        super().__init__(inputs, outputs, "mae", ConvolutionMuon(learning_rate))


def attention_pooled(features: Any, heads: int) -> Any:
    """Return weighted means over the map: (n, y, x, c) -> (n, heads * c)."""
    rows, columns, channels = features.shape[1:]
    scores = ops.reshape(Conv2D(heads, 1)(features), (-1, rows * columns, heads))
    weights = ops.softmax(scores, axis=1)
    pixels = ops.reshape(features, (-1, rows * columns, channels))
    return ops.reshape(
        ops.matmul(ops.transpose(weights, (0, 2, 1)), pixels), (-1, heads * channels)
    )


def _check_map_and_numbers(
    input_shape: tuple[int, ...], output_shape: tuple[int, ...], block: int
) -> None:
    """Raise unless a map of whole blocks goes in and numbers come out."""
    if len(input_shape) != 3 or len(output_shape) != 1:
        raise UsageError(
            f"got the shapes {tuple(input_shape)} and {tuple(output_shape)}; a network from maps "
            "to numbers takes (ny, nx, channels) and returns (numbers,)"
        )
    if block < 1 or any(side % block for side in input_shape[:2]):
        raise UsageError(
            f"block={block} must divide the sides of the grid, {input_shape[0]} x {input_shape[1]}"
        )


def _check_charges(
    charges: Sequence[float], input_shape: tuple[int, ...], output_shape: tuple[int, ...]
) -> None:
    """Raise unless there is one potential, and a charge for each number."""
    if input_shape[-1] != 1 or len(charges) != output_shape[0]:
        raise UsageError(
            f"charges={tuple(charges)} with {input_shape[-1]} maps and {output_shape[0]} numbers: "
            "give one potential, and the charge of each number, such as N for an energy of N "
            "electrons, 1 for a chemical potential and 0 for a gap"
        )


@searches({"learning_rate": LEARNING_RATE, "width": [64, 128, 256], "layers": [1, 2, 3]})
@keras.saving.register_keras_serializable(package="keras_qd")
class TableMLP(Network):
    """Dense layers from the numbers of a table to others.

    Parameters
    ----------
    input_shape, output_shape : tuple of int
        (numbers,), without the sample axis.
    width : int
        Width of the hidden layers.
    layers : int
        How many there are.
    learning_rate : float
        Initial learning rate of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are not numbers and numbers.

    Examples
    --------
    >>> TableMLP((3,), (2,), width=16).output_shape
    (None, 2)
    """

    def __init__(
        self,
        input_shape: tuple[int] = (3,),
        output_shape: tuple[int] = (3,),
        width: int = 128,
        layers: int = 2,
        learning_rate: float = 3e-3,
        name: str = "table-mlp",
    ) -> None:
        if len(input_shape) != 1 or len(output_shape) != 1:
            raise UsageError(
                f"got the shapes {tuple(input_shape)} and {tuple(output_shape)}; a network of "
                "tables takes (numbers,) and returns (numbers,)"
            )
        inputs = keras.Input(tuple(input_shape))
        features = inputs
        for _ in range(layers):
            # Smooth, like the energies to learn.
            features = Dense(width, activation="gelu")(features)
        super().__init__(inputs, Dense(output_shape[0], dtype="float32")(features))
