"""A convolution over a plane with kernels as large as the plane, in Fourier space."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.errors import UsageError
from keras_qd.models.layers.spectral_layer import SpectralLayer


@keras.saving.register_keras_serializable(package="keras_qd")
class SpectralConvolution2D(SpectralLayer):
    r"""Multiply the lowest Fourier modes of all channels by trained complex matrices [1]_.

    .. math:: y = \mathcal{F}^{-1}\left[R_{kl} \, \mathcal{F}[x]_{kl}\right], \qquad
              |k| < m, \quad 0 \le l < m

    Only few modes are kept, so the transforms are products with matrices of m and 2 m - 1 waves:
    the same numbers as a fast Fourier transform gives, in less time, without complex tensors, on
    any grid.

    Parameters
    ----------
    filters : int
        Channels of the result.
    modes : int
        m, how many waves are kept along a side.
    **options
        Options of :class:`keras.layers.Layer`.

    References
    ----------
    .. [1] Li et al., 2020, arXiv:2010.08895

    Examples
    --------
    >>> layer = SpectralConvolution2D(filters=3, modes=2)
    >>> tuple(layer(np.zeros((1, 8, 8, 1))).shape)
    (1, 8, 8, 3)
    """

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create the weights for images of shape (n, ny, nx, channels).

        Raises
        ------
        UsageError
            If the images have not so many modes.
        """
        _, ny, nx, channels = input_shape
        most = (min(ny, nx) + 1) // 2
        if not 1 <= self.modes <= most:
            raise UsageError(f"{ny} x {nx} pixels have 1 to {most} modes a side, not {self.modes}")
        self.add_matrices((2 * self.modes - 1, self.modes), channels)

    def call(self, inputs: Any) -> Any:
        """Return the convolved images, shape (n, ny, nx, filters)."""
        ny, nx = inputs.shape[1:3]
        along_y, along_x = self._waves(ny, nx)
        spectrum = _transform((inputs, None), along_x, "nyxc,xl->nylc", sign=-1)
        spectrum = _transform(spectrum, along_y, "nylc,yk->nklc", sign=-1)
        mixed = _product(spectrum, (self.real, self.imaginary), "nklc,klcf->nklf")
        mixed = _transform(mixed, along_y, "nklf,yk->nylf", sign=1)
        # Of a real image the modes with l < 0 are the conjugates of those kept: counted twice.
        weights = np.where(np.arange(self.modes) == 0, 1.0, 2.0) / (ny * nx)
        cosine, sine = (wave * ops.cast(weights, wave.dtype) for wave in along_x)
        real, imaginary = mixed
        return ops.einsum("nylf,xl->nyxf", real, cosine) - ops.einsum(
            "nylf,xl->nyxf", imaginary, sine
        )

    def _waves(self, ny: int, nx: int) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """Return cosine and sine of 2 pi k y / ny and of 2 pi l x / nx, as (place, mode)."""
        both = np.arange(1 - self.modes, self.modes)
        return self._wave(ny, both), self._wave(nx, np.arange(self.modes))

    def _wave(self, points: int, modes: Any) -> tuple[Any, Any]:
        phase = 2 * np.pi / points * np.outer(np.arange(points), modes)
        return ops.cast(np.cos(phase), self.compute_dtype), ops.cast(
            np.sin(phase), self.compute_dtype
        )


def _transform(image: tuple[Any, Any], wave: tuple[Any, Any], axes: str, sign: int) -> Any:
    """Return real and imaginary part of the sum of an image times exp(sign i phase)."""
    return _product(image, (wave[0], sign * wave[1]), axes)


def _product(left: tuple[Any, Any], right: tuple[Any, Any], axes: str) -> tuple[Any, Any]:
    """Return the product of two complex tensors; the left one may have no imaginary part."""
    real, imaginary = (ops.einsum(axes, left[0], part) for part in right)
    if left[1] is None:
        return real, imaginary
    return (
        real - ops.einsum(axes, left[1], right[1]),
        imaginary + ops.einsum(axes, left[1], right[0]),
    )
