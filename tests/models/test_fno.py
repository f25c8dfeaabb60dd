"""The Fourier neural operator on a plane, and its convolution by NumPy's Fourier transform."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_qd
from keras_qd.errors import UsageError
from keras_qd.models.fno import SpectralConvolution2D

from .conftest import not_on_jax

SMALL = {"width": 4, "modes": 3, "blocks": 2, "padding": 2}


@not_on_jax
def test_size():
    # lifting, 4 blocks of spectral and pointwise weights, projection
    block = 2 * 23 * 12 * 32**2 + 32 * 33
    expected = 3 * 32 + 4 * block + 33 * 64 + 65
    assert keras_qd.build("fno", input_shape=(64, 64, 1)).count_params() == expected


def test_it_learns_a_nonlocal_map_and_round_trips(tmp_path):
    potentials = np.random.default_rng(0).normal(size=(8, 12, 10, 1)).astype("float32")
    # Every pixel's answer is a mean over the whole plane.
    targets = np.broadcast_to(potentials.mean(axis=(1, 2), keepdims=True), potentials.shape)
    model = keras_qd.build("fno", input_shape=(12, 10, 1), **SMALL, learning_rate=1e-2)
    losses = model.fit(potentials, targets, epochs=150, verbose=0).history["loss"]
    assert losses[-1] < 0.2 * losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    predictions = (each.predict(potentials, verbose=0) for each in (model, loaded))
    np.testing.assert_array_equal(*predictions)


def test_two_fields_in_and_three_out():
    model = keras_qd.build("fno", input_shape=(8, 8, 2), output_shape=(8, 8, 3), **SMALL)
    assert model.output_shape == (None, 8, 8, 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"output_shape": (9, 8, 1)}, "different grids"),
        ({"modes": 6}, "10 x 10 pixels have 1 to 5 modes a side, not 6"),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(UsageError, match=message):
        keras_qd.build("fno", input_shape=(8, 8, 1), **{**SMALL, **settings})


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
