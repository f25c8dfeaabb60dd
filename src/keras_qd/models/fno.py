"""Fourier neural operators: from field to field on a plane, and from a profile to numbers.

Their convolutions in Fourier space follow the networks.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.errors import UsageError
from keras_qd.models.base import LEARNING_RATE, Network, searches
from keras_qd.models.energies import Line, Number, answered, check_view_and_readout, seen
from keras_qd.models.layers.ends import (
    Shapes,
    close_outputs,
    make_plain,
    open_inputs,
    output_channels,
)


@searches({"learning_rate": LEARNING_RATE, "width": [16, 32, 64], "blocks": {"low": 2, "high": 5}})
@keras.saving.register_keras_serializable(package="keras_qd")
class FNO(Network):
    """Residual blocks of a spectral and a pointwise convolution [1]_.

    Parameters
    ----------
    input_shape : tuple of int, or mapping of str to tuple of int
        (ny, nx, channels), without the sample axis; or by field maps and numbers, (k,), which
        become channels with one value each.
    output_shape : tuple of int, or mapping of str to tuple of int, optional
        The same grid with perhaps another number of channels; as the input if not given. Or by
        field maps and numbers, (k,): dense layers on the mean of the last block give those.
    width : int
        Channels.
    modes : int
        Fourier modes along a side that a block mixes; the others pass through the pointwise
        convolution alone.
    blocks : int
        Number of blocks.
    padding : int
        Rows and columns of zeros added at two sides, since the plane is not periodic.
    learning_rate : float
        Initial learning rate of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are not images of one grid, or the grid has fewer modes.

    References
    ----------
    .. [1] Li et al., 2020, arXiv:2010.08895

    Examples
    --------
    >>> FNO((16, 16, 1), width=4, modes=3, blocks=1).output_shape
    (None, 16, 16, 1)
    """

    def __init__(
        self,
        input_shape: Shapes = (64, 64, 1),
        output_shape: Shapes | None = None,
        width: int = 32,
        modes: int = 12,
        blocks: int = 4,
        padding: int = 8,
        learning_rate: float = 2e-3,
        name: str = "fno",
    ) -> None:
        channels = output_channels(input_shape, output_shape)
        inputs, image = open_inputs(input_shape)
        features = keras.layers.Dense(width)(_with_walls(image))
        features = keras.layers.ZeroPadding2D(((0, padding), (0, padding)))(features)
        for _ in range(blocks):
            features = fourier_block(features, SpectralConvolution2D(width, modes))
        blocks_out = keras.layers.Cropping2D(((0, padding), (0, padding)))(features)
        features = keras.layers.Dense(2 * width, activation="gelu")(blocks_out)
        maps = keras.layers.Dense(channels)(features)
        outputs = close_outputs(maps, blocks_out, inputs, output_shape, make_plain)
        super().__init__(inputs, outputs, loss="mae")


def _with_walls(images: Any) -> Any:
    """Return images with the ground state of the empty box as an additional channel."""
    # It encodes the distance from the walls, symmetrically.
    walls = np.multiply.outer(*(_lowest_state(points) for points in images.shape[1:3]))
    channel = ops.zeros_like(images[..., :1]) + walls[None, :, :, None].astype("float32")
    return ops.concatenate([images, channel], axis=-1)


def _lowest_state(points: int) -> Any:
    return np.sin(np.pi * (np.arange(points) + 0.5) / points)


@searches({"learning_rate": LEARNING_RATE, "width": [8, 16, 32], "blocks": {"low": 2, "high": 5}})
@keras.saving.register_keras_serializable(package="keras_qd")
class FNO1D(Network):
    """Residual blocks of a spectral and a pointwise convolution [1]_.

    Parameters
    ----------
    input_shape : tuple of int
        (points, channels), without the sample axis.
    output_shape : tuple of int
        (numbers,).
    width : int
        Channels.
    modes : int
        Fourier modes that a block mixes; the others pass through the pointwise convolution alone.
    blocks : int
        Number of blocks.
    padding : int
        Zeros added at the end of the line, since it is not periodic.
    view, readout : str
        How the input is preprocessed, and the output computed: see `Residual1D`.
    learning_rate : float
        Initial learning rate of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are not profiles and numbers, or the settings do not fit them.
    UnknownNameError
        If there is no such view or readout.

    References
    ----------
    .. [1] Li et al., 2020, arXiv:2010.08895

    Examples
    --------
    >>> FNO1D(width=4, modes=4, blocks=1).output_shape
    (None, 1)
    """

    def __init__(
        self,
        input_shape: Line = (64, 1),
        output_shape: Number = (1,),
        width: int = 16,
        modes: int = 16,
        blocks: int = 4,
        padding: int = 16,
        view: str = "plain",
        readout: str = "dense",
        learning_rate: float = 3e-3,
        name: str = "fno-1d",
    ) -> None:
        check_view_and_readout(view, readout, (input_shape, output_shape))
        inputs = keras.Input(tuple(input_shape))
        features = keras.layers.Dense(width)(_with_coordinates(seen(inputs, view)))
        features = keras.layers.ZeroPadding1D((0, padding))(features)
        for _ in range(blocks):
            features = fourier_block(features, SpectralConvolution(width, modes))
        features = keras.layers.Cropping1D((0, padding))(features)
        features = keras.layers.Dense(2 * width, activation="gelu")(features)
        outputs = answered(inputs, features, view, readout, output_shape[0])
        super().__init__(inputs, outputs)


def _with_coordinates(profiles: Any) -> Any:
    """Return profiles with the coordinate of each point, from -1 to 1, as an additional channel."""
    coordinates = np.linspace(-1.0, 1.0, profiles.shape[1], dtype="float32")[None, :, None]
    return ops.concatenate([profiles, ops.zeros_like(profiles[..., :1]) + coordinates], axis=-1)


class SpectralLayer(keras.layers.Layer):
    """A layer that multiplies Fourier modes of all channels by trained complex matrices."""

    def __init__(self, filters: int, modes: int, **options: Any) -> None:
        super().__init__(**options)
        self.filters = filters
        self.modes = modes

    def add_matrices(self, kept: tuple[int, ...], channels: int) -> None:
        """Create the matrices of all kept modes, as ``real`` and ``imaginary``."""
        draw = keras.initializers.RandomUniform(-1 / channels, 1 / channels)
        shape = (*kept, channels, self.filters)
        # Two copies of the initializer: a single one would draw the same numbers twice.
        self.real, self.imaginary = (
            self.add_weight(name=name, shape=shape, initializer=draw.clone())
            for name in ("real", "imaginary")
        )

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Return the shape of the result."""
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make the same layer again."""
        return {**super().get_config(), "filters": self.filters, "modes": self.modes}


def fourier_block(features: Any, convolution: SpectralLayer) -> Any:
    """Return features (n, ..., filters) plus a spectral and a pointwise convolution of them."""
    pointwise = keras.layers.Dense(convolution.filters)
    change = keras.layers.Add()([convolution(features), pointwise(features)])
    change = keras.layers.Activation("gelu")(change)
    return keras.layers.Add()([features, change])


@keras.saving.register_keras_serializable(package="keras_qd")
class SpectralConvolution(SpectralLayer):
    """Multiply the lowest Fourier modes of all channels by trained complex matrices."""

    # y = irfft(R_k rfft(x)_k) for k = 0, ..., modes - 1: Li et al., 2020, arXiv:2010.08895

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the weights; raise a UsageError if the grid has fewer modes."""
        _, points, channels = input_shape
        if self.modes > points // 2 + 1:
            raise UsageError(f"{points} points have {points // 2 + 1} modes, not {self.modes}")
        self.add_matrices((self.modes,), channels)

    def call(self, inputs: Any) -> Any:
        """Return the convolved profiles, shape (n, points, filters)."""
        points = inputs.shape[1]
        # (n, channels, modes) -> (modes, n, channels), as the matrices are stored
        real, imaginary = (
            ops.transpose(part[..., : self.modes], (2, 0, 1))
            for part in ops.rfft(ops.transpose(inputs, (0, 2, 1)))
        )
        products = (
            ops.matmul(real, self.real) - ops.matmul(imaginary, self.imaginary),
            ops.matmul(real, self.imaginary) + ops.matmul(imaginary, self.real),
        )
        missing = points // 2 + 1 - self.modes
        spectrum = tuple(
            ops.pad(ops.transpose(part, (1, 2, 0)), ((0, 0), (0, 0), (0, missing)))
            for part in products
        )
        return ops.transpose(ops.irfft(spectrum, fft_length=points), (0, 2, 1))


@keras.saving.register_keras_serializable(package="keras_qd")
class SpectralConvolution2D(SpectralLayer):
    """Multiply the lowest modes of two-dimensional Fourier transforms by trained matrices."""

    # y = F^-1(R_kl F(x)_kl) for |k| < m, 0 <= l < m: Li et al., 2020, arXiv:2010.08895. Few modes
    # are kept, so the transforms are products with matrices of m and 2 m - 1 waves: faster than a
    # fast Fourier transform, with the same result, on any grid. All tensors are real: the imaginary
    # parts follow the real ones along an axis, and the matrices act on both.

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the weights; raise a UsageError if the grid has fewer modes."""
        _, ny, nx, channels = input_shape
        most = (min(ny, nx) + 1) // 2
        if not 1 <= self.modes <= most:
            raise UsageError(f"{ny} x {nx} pixels have 1 to {most} modes a side, not {self.modes}")
        self.add_matrices((2 * self.modes - 1, self.modes), channels)

    def call(self, inputs: Any) -> Any:
        """Return the convolved images, shape (n, ny, nx, filters)."""
        ny, nx, channels = inputs.shape[1:]
        along_x = _phases(nx, np.arange(self.modes))
        along_y = _phases(ny, np.arange(1 - self.modes, self.modes))
        # Of a real image the modes with l < 0 are the conjugates of those kept: counted twice.
        weights = np.where(np.arange(self.modes) == 0, 1.0, 2.0) / (ny * nx)

        by_x = ops.matmul(self._constant(_of_real(np.exp(-1j * along_x)).T), inputs)
        by_x = _swap_parts(by_x, (-1, ny, 2, self.modes * channels))
        by_both = ops.matmul(self._constant(_of_complex(np.exp(-1j * along_y)).T), by_x)
        mixed = self._mix(by_both, channels)
        rows = ops.matmul(self._constant(_of_complex(np.exp(1j * along_y.T)).T), mixed)
        rows = _swap_parts(rows, (-1, 2, ny, self.modes * self.filters))
        rows = ops.reshape(rows, (-1, ny, 2 * self.modes, self.filters))
        return ops.matmul(self._constant(_of_real(weights * np.exp(-1j * along_x))), rows)

    def _mix(self, spectrum: Any, channels: int) -> Any:
        """Return the spectrum of shape (n, 2 (2 m - 1), m channels) times the matrices."""
        kept = (2 * self.modes - 1) * self.modes
        spectrum = ops.reshape(spectrum, (-1, 2, kept, channels))
        spectrum = ops.reshape(ops.transpose(spectrum, (2, 0, 1, 3)), (kept, -1, 2 * channels))
        real, imaginary = (
            ops.reshape(part, (kept, channels, self.filters))
            for part in (self.real, self.imaginary)
        )
        matrices = ops.concatenate(
            [
                ops.concatenate([real, imaginary], axis=-1),
                ops.concatenate([-imaginary, real], axis=-1),
            ],
            axis=1,
        )
        mixed = ops.reshape(ops.matmul(spectrum, matrices), (kept, -1, 2, self.filters))
        mixed = ops.transpose(mixed, (1, 2, 0, 3))
        return ops.reshape(mixed, (-1, 2 * (2 * self.modes - 1), self.modes * self.filters))

    def _constant(self, matrix: Any) -> Any:
        return ops.cast(matrix, self.compute_dtype)


def _phases(points: int, modes: Any) -> Any:
    """Return 2 pi k y / points, shape (points, modes)."""
    return 2 * np.pi / points * np.outer(np.arange(points), modes)


def _of_real(matrix: Any) -> Any:
    """Return the matrix that makes real and imaginary parts, side by side, of a real vector."""
    return np.concatenate([matrix.real, matrix.imag], axis=1)


def _of_complex(matrix: Any) -> Any:
    """Return the matrix that acts on real and imaginary parts as the complex one from the right."""
    return np.block([[matrix.real, matrix.imag], [-matrix.imag, matrix.real]])


def _swap_parts(values: Any, shape: tuple[int, ...]) -> Any:
    """Return values of this shape with both axes in the middle swapped, then taken as one."""
    values = ops.transpose(ops.reshape(values, shape), (0, 2, 1, 3))
    return ops.reshape(values, (-1, shape[1] * shape[2], shape[3]))
