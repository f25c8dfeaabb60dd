"""The residual U-Net on blocks of pixels."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_qd
from keras_qd.errors import UsageError
from keras_qd.models.residual_unet import gather, spread

from .conftest import not_on_jax

SMALL = {"filters": 4, "levels": 2, "blocks": 1}


@not_on_jax
def test_size():
    def residual(width):
        return 2 * 2 * (9 * width**2 + width)

    levels = (4 * 1 + 1) * 24 + (4 * 24 + 1) * 48 + (4 * 48 + 1) * 96
    levels += 2 * residual(24) + 2 * residual(48) + residual(96)
    up = (96 + 1) * 4 * 48 + (48 + 1) * 4 * 24
    end = (9 * 24 + 1) * 48 + 9 * 12 + 1
    assert keras_qd.build("residual-unet").count_params() == levels + up + end


@pytest.mark.parametrize("side", [2, 3])
def test_blocks_are_gathered_and_spread(side):
    image = np.random.default_rng(0).normal(size=(2, 6, 12, 3)).astype("float32")
    blocks = gather(image, side)
    assert tuple(blocks.shape) == (2, 6 // side, 12 // side, 3 * side**2)
    first = ops.convert_to_numpy(blocks)[:, 0, 0].reshape(2, side, side, 3)
    np.testing.assert_array_equal(first, image[:, :side, :side])
    np.testing.assert_array_equal(ops.convert_to_numpy(spread(blocks, side)), image)


def test_it_learns_and_round_trips(tmp_path):
    potentials = np.random.default_rng(0).normal(size=(8, 8, 12, 1)).astype("float32")
    targets = np.broadcast_to(potentials.mean(axis=(1, 2), keepdims=True), potentials.shape)
    shape = {"input_shape": (8, 12, 1)}
    model = keras_qd.build("residual-unet", **shape, **SMALL, learning_rate=1e-2)
    losses = model.fit(potentials, targets, epochs=60, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    predictions = (each.predict(potentials, verbose=0) for each in (model, loaded))
    np.testing.assert_array_equal(*predictions)


@pytest.mark.parametrize("levels", [0, 3])
def test_levels_that_do_not_fit(levels):
    with pytest.raises(UsageError, match="multiples of"):
        keras_qd.build("residual-unet", input_shape=(12, 16, 1), levels=levels)
