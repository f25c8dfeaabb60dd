"""A convolution along a line with kernels as long as the line, in Fourier space."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_qd.errors import UsageError
from keras_qd.models.layers.spectral_layer import SpectralLayer


@keras.saving.register_keras_serializable(package="keras_qd")
class SpectralConvolution(SpectralLayer):
    r"""Multiply the lowest Fourier modes of all channels by trained complex matrices [1]_.

    .. math:: y = \mathrm{irfft}(R_k \, \mathrm{rfft}(x)_k), \qquad k = 0, \dots, m - 1

    Parameters
    ----------
    filters : int
        Channels of the result.
    modes : int
        How many modes are kept.
    **options
        Options of :class:`keras.layers.Layer`.

    References
    ----------
    .. [1] Li et al., 2020, arXiv:2010.08895
    """

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the weights for profiles of shape (n, points, channels).

        Raises
        ------
        UsageError
            If the profiles have not so many modes.
        """
        _, points, channels = input_shape
        if self.modes > points // 2 + 1:
            raise UsageError(f"{points} points have {points // 2 + 1} modes, not {self.modes}")
        self.add_matrices((self.modes,), channels)

    def call(self, inputs: Any) -> Any:
        """Return the convolved profiles, shape (n, points, filters)."""
        points = inputs.shape[1]
        # (n, channels, modes) -> (modes, n, channels), as the matrices stand
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
