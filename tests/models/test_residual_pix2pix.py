"""Pix2pix with the residual generator."""

import keras
import numpy as np

import keras_qd
from keras_qd.models.residual_unet import ResidualUNet

SMALL = {
    "filters": 4,
    "levels": 1,
    "blocks": 1,
    "discriminator_filters": 2,
    "discriminator_levels": 1,
    "seed": 0,
}


def test_it_learns_against_an_adversary_and_round_trips(make_data, tmp_path):
    x, y = make_data(grid=(16, 16))
    model = keras_qd.build("residual-pix2pix", input_shape=x.shape[1:], **SMALL, learning_rate=3e-2)
    history = model.fit(x, y, epochs=20, verbose=0).history
    assert history["l1_loss"][-1] < 0.5 * history["l1_loss"][0]
    assert history["discriminator_loss"][-1] != history["discriminator_loss"][0]
    assert isinstance(model.average, ResidualUNet)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    predictions = (each.predict(x, verbose=0) for each in (model, loaded))
    np.testing.assert_array_equal(*predictions)
