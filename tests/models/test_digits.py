"""The networks for digits: sizes, halves, and that a saved one is the same again."""

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import UsageError
from keras_qd.models.base import portable_config

from .conftest import not_on_jax

IMAGES = np.random.default_rng(0).uniform(size=(3, 28, 28, 1)).astype("float32")
SMALL = {
    "digit-cnn": {"filters": (2, 3), "units": (5,)},
    "digit-resnet": {"filters": (4, 8)},
    "conv-autoencoder": {"latent_channels": 3},
    "residual-autoencoder": {"filters": (4, 8), "latent_shape": (12,)},
}


def build(name, **settings):
    shapes = {"output_shape": (10,)} if name.startswith("digit") else {}
    return keras_qd.build(name, input_shape=(28, 28, 1), **shapes, **settings)


@not_on_jax
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("digit-cnn", 50_374),
        ("conv-autoencoder", 2_969),
        ("digit-resnet", 77_674),
        ("residual-autoencoder", 150_289),
    ],
)
def test_parameter_counts(name, count):
    assert build(name).count_params() == count


@not_on_jax
def test_the_layers_of_the_reference():
    model = build("digit-cnn")
    shapes = [tuple(weight.shape) for weight in model.weights if len(weight.shape) > 1]
    assert shapes == [(3, 3, 1, 6), (3, 3, 6, 16), (400, 100), (100, 84), (84, 10)]
    model = build("conv-autoencoder")
    shapes = [tuple(weight.shape)[2:] for weight in model.weights if len(weight.shape) == 4]
    assert shapes == [(1, 16), (16, 8), (8, 2), (2, 2), (2, 8), (8, 16), (16, 1)]


@pytest.mark.parametrize("name", ["digit-cnn", "digit-resnet"])
def test_probabilities_come_out(name):
    probabilities = build(name, **SMALL[name]).predict(IMAGES, verbose=0)
    assert probabilities.shape == (3, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "latent"), [("conv-autoencoder", (4, 4, 3)), ("residual-autoencoder", (12,))]
)
def test_the_halves_make_the_whole(name, latent):
    model = build(name, **SMALL[name])
    latents = model.encoder.predict(IMAGES, verbose=0)
    assert latents.shape == (3, *latent)
    restored = model.decoder.predict(latents, verbose=0)
    np.testing.assert_allclose(restored, model.predict(IMAGES, verbose=0), atol=1e-6)
    assert restored.shape == IMAGES.shape
    assert restored.min() >= 0
    assert restored.max() <= 1


@not_on_jax
@pytest.mark.parametrize("side", [12, 20, 36])
def test_other_sides(side):
    model = keras_qd.build("conv-autoencoder", input_shape=(side, 28, 2))
    assert model.output_shape == (None, side, 28, 2)
    assert model.encoder.output_shape == (None, (side + 4) // 8, 4, 2)


@not_on_jax
def test_an_odd_side_of_the_residual_autoencoder():
    model = keras_qd.build("residual-autoencoder", input_shape=(13, 10, 1), filters=(4, 8))
    assert model.output_shape == (None, 13, 10, 1)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_saved_one_is_the_same(name, tmp_path):
    model = build(name, **SMALL[name])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again) is type(model)
    assert again.get_config() == model.get_config()
    expected = model.predict(IMAGES, verbose=0)
    np.testing.assert_array_equal(again.predict(IMAGES, verbose=0), expected)
    if hasattr(model, "encoder"):
        latents = model.encoder.predict(IMAGES, verbose=0)
        np.testing.assert_array_equal(again.encoder.predict(IMAGES, verbose=0), latents)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_how_it_was_compiled_names_no_backend(name):
    config = build(name, **SMALL[name]).get_compile_config()
    assert config["optimizer"]["module"] == "keras.optimizers"
    assert portable_config(config) == config


@pytest.mark.parametrize(
    ("name", "shapes", "message"),
    [
        ("digit-cnn", {"input_shape": (28, 28), "output_shape": (10,)}, "a classifier of images"),
        ("digit-cnn", {"input_shape": (6, 6, 1), "output_shape": (10,)}, "too small"),
        ("digit-resnet", {"input_shape": (28, 28, 1), "output_shape": (28, 28, 1)}, "classifier"),
        ("conv-autoencoder", {"input_shape": (32, 32, 1)}, "sides can be 12, 20, 28"),
        ("conv-autoencoder", {"output_shape": (28, 28, 2)}, "takes and returns the same"),
        ("residual-autoencoder", {"input_shape": (28, 28)}, "takes and returns the same"),
    ],
)
def test_shapes_that_do_not_fit(name, shapes, message):
    with pytest.raises(UsageError, match=message):
        keras_qd.build(name, **shapes)
