"""Convolutions in Fourier space, along a line and on a plane."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.errors import UsageError


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
    # fast Fourier transform, with the same result, on any grid. There are no complex tensors: real
    # parts precede imaginary ones along an axis, and a complex matrix is the real one that acts on
    # both.

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
