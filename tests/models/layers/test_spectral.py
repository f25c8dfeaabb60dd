"""The spectral convolution of images against its definition by NumPy's Fourier transform."""

import numpy as np
import pytest
from keras import ops

from keras_qd.errors import UsageError
from keras_qd.models.layers.spectral import SpectralConvolution2D


def definition(images, real, imaginary):
    """Return the convolution by whole Fourier transforms in double precision."""
    modes = real.shape[1]
    spectrum = np.fft.rfft2(images.astype("float64"), axes=(1, 2))
    kept = np.zeros((*spectrum.shape[:3], real.shape[-1]), dtype="complex128")
    for row in range(1 - modes, modes):
        for column in range(modes):
            matrix = (real + 1j * imaginary)[row + modes - 1, column]
            kept[:, row, column] = spectrum[:, row, column] @ matrix
    return np.fft.irfft2(kept, s=images.shape[1:3], axes=(1, 2))


@pytest.mark.parametrize("grid", [(8, 8), (9, 12)])
@pytest.mark.parametrize("modes", [1, 4])
def test_definition(grid, modes):
    images = np.random.default_rng(0).normal(size=(3, *grid, 2)).astype("float32")
    layer = SpectralConvolution2D(filters=5, modes=modes)
    found = ops.convert_to_numpy(layer(images))
    weights = [ops.convert_to_numpy(each).astype("float64") for each in layer.weights]
    expected = definition(images, *weights)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * np.abs(expected).max())


def test_a_finer_grid_gives_the_same_function():
    layer = SpectralConvolution2D(filters=1, modes=3)

    def wave(points):
        y, x = np.meshgrid(*2 * [2 * np.pi * np.arange(points) / points], indexing="ij")
        return (np.cos(2 * x - y) + 0.5)[None, ..., None].astype("float32")

    coarse, fine = (ops.convert_to_numpy(layer(wave(points))) for points in (8, 16))
    np.testing.assert_allclose(fine[:, ::2, ::2], coarse, atol=1e-6)


@pytest.mark.parametrize("modes", [0, 5])
def test_modes_that_the_grid_has_not(modes):
    with pytest.raises(UsageError, match="8 x 8 pixels have 1 to 4 modes a side"):
        SpectralConvolution2D(filters=1, modes=modes)(np.zeros((1, 8, 8, 1)))
