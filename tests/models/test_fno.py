"""The Fourier neural operator on a plane."""

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import UsageError

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
