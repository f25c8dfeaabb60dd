"""Muon moves kernels along orthogonal matrices, and everything else as Adam does."""

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import UnknownNameError
from keras_qd.models.optimizers import ConvolutionMuon

from .conftest import not_on_jax

RATE = 0.01
SHAPES = {"kernel": (3, 3, 4, 6), "matrix": (5, 8), "bias": (6,), "one filter": (3, 3, 4, 1)}


def moved(optimizer, shape, steps=1):
    """Return by how much steps along gradients of normal numbers move zeros."""
    random = np.random.default_rng(3)
    variable = keras.Variable(np.zeros(shape, "float32"))
    optimizer.build([variable])
    for _ in range(steps):
        gradient = random.normal(size=shape).astype("float32")
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return keras.ops.convert_to_numpy(variable)


@pytest.mark.parametrize("name", ["kernel", "matrix"])
def test_a_step_is_nearly_orthogonal_and_as_long_as_one_of_adam(name):
    shape = SHAPES[name]
    change = moved(ConvolutionMuon(RATE), shape).reshape(-1, shape[-1])
    sizes = np.linalg.svd(change, compute_uv=False) / (RATE * 0.2 * np.sqrt(max(change.shape)))

    assert sizes.min() > 0.6
    assert sizes.max() < 1.3
    gradient = np.random.default_rng(3).normal(size=shape).reshape(change.shape)
    assert np.sum(gradient * change) < -0.8 * np.linalg.norm(change) * np.linalg.norm(gradient)


@pytest.mark.parametrize("name", ["bias", "one filter"])
def test_what_is_no_matrix_moves_as_with_adam(name):
    found = moved(ConvolutionMuon(RATE), SHAPES[name], steps=3)
    expected = moved(keras.optimizers.Adam(RATE), SHAPES[name], steps=3)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_a_kernel_moves_as_the_matrix_that_it_is():
    ky, kx, channels, filters = SHAPES["kernel"]
    flat = moved(ConvolutionMuon(RATE), (ky * kx * channels, filters), steps=3)
    kernel = moved(ConvolutionMuon(RATE), SHAPES["kernel"], steps=3)
    np.testing.assert_allclose(kernel.reshape(flat.shape), flat, rtol=0, atol=1e-6)


def test_the_formula():
    """Two steps in double precision, with NumPy."""
    random = np.random.default_rng(3)
    gradients = [random.normal(size=SHAPES["matrix"]) for _ in range(2)]
    momentum, weights = 0.0, np.zeros(SHAPES["matrix"])
    for gradient in gradients:
        momentum = 0.95 * momentum + gradient
        x = gradient + 0.95 * momentum
        x = x / np.linalg.norm(x)
        for _ in range(5):
            square = x @ x.T
            x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
        weights -= RATE * 0.2 * np.sqrt(max(x.shape)) * x

    found = moved(ConvolutionMuon(RATE), SHAPES["matrix"], steps=2)
    np.testing.assert_allclose(found, weights, rtol=0, atol=1e-6 * RATE * 100)


@pytest.mark.parametrize("shape", [(48, 6), (6, 48), (20, 20)])
def test_the_factor_is_that_of_keras(shape):
    random = np.random.default_rng(4)
    left, _, right = np.linalg.svd(random.normal(size=shape), full_matrices=False)
    sizes = np.geomspace(1, 1e-2, min(shape))
    matrix = keras.ops.convert_to_tensor(((left * sizes) @ right).astype("float32"))
    found, expected = (
        keras.ops.convert_to_numpy(kind(0.1).zeropower_via_newtonschulz5(matrix, 5))
        for kind in (ConvolutionMuon, keras.optimizers.Muon)
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_nothing_decays_unless_told_to():
    variable = keras.Variable(np.ones((4, 4), "float32"))
    optimizer = ConvolutionMuon(RATE)
    optimizer.build([variable])
    optimizer.apply([keras.ops.zeros((4, 4))], [variable])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), 1.0)


def test_its_settings_round_trip():
    optimizer = ConvolutionMuon(2e-3, weight_decay=0.1, momentum=0.9)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, ConvolutionMuon)
    assert again.get_config() == optimizer.get_config()


def test_the_generator_moves_with_it_and_the_discriminator_with_adam(make_model):
    pair = make_model(optimizer="muon", learning_rate=RATE).optimizer
    assert isinstance(pair.generator, ConvolutionMuon)
    assert type(pair.discriminator).__name__ == "Adam"
    assert float(keras.ops.copy(pair.generator.learning_rate)) == pytest.approx(RATE)


@not_on_jax
@pytest.mark.parametrize("name", ["pix2pix", "unet"])
def test_an_unknown_optimizer_is_refused(name):
    with pytest.raises(UnknownNameError, match="muon"):
        keras_qd.build(name, input_shape=(32, 32, 1), filters=2, optimizer="moon")
