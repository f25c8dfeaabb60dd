"""Weight decay of the generator: a share of the weights, apart from the gradient."""

import keras
import numpy as np
import pytest

from keras_qd.errors import UsageError
from keras_qd.models.pix2pix import pix2pix
from keras_qd.models.unet import unet

RATE, DECAY = 1e-2, 0.5

SETTINGS = {
    "filters": 4,
    "depth": 3,
    "dropout": 0.0,
    "normalization": "instance",
    "learning_rate": RATE,
    "seed": 0,
}


def train_one_step(build, **settings):
    """Return a model, and the weights of its generator before."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 2, 32, 32, 1)).astype("float32")
    model = build((32, 32, 1), **SETTINGS, **settings)
    before = generator_of(model).get_weights()
    model.fit(x, y, verbose=0)
    return model, before


def generator_of(model):
    """Return the generator of pix2pix; of a U-Net itself."""
    return getattr(model, "generator", model)


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
@pytest.mark.parametrize("build", [unet, pix2pix])
def test_takes_a_share_of_the_weights_off_the_generator(build, optimizer):
    plain, before = train_one_step(build, optimizer=optimizer)
    decayed, _ = train_one_step(build, optimizer=optimizer, weight_decay=DECAY)

    weights = [generator_of(model).get_weights() for model in (plain, decayed)]
    for start, without, found in zip(before, *weights, strict=True):
        matrix = start.ndim == 4 and start.shape[-1] > 1
        share = RATE * DECAY if matrix or optimizer == "adam" else 0.0
        np.testing.assert_allclose(found, without - share * start, atol=2e-6)


def test_leaves_the_discriminator_alone():
    plain, _ = train_one_step(pix2pix)
    decayed, _ = train_one_step(pix2pix, weight_decay=DECAY)

    weights = [model.discriminator.get_weights() for model in (plain, decayed)]
    for without, found in zip(*weights, strict=True):
        np.testing.assert_allclose(found, without, atol=2e-6)


@pytest.mark.parametrize("build", [unet, pix2pix])
def test_is_kept_with_the_model(build, tmp_path):
    model = build((32, 32, 1), **SETTINGS, optimizer="muon", weight_decay=DECAY)
    model.save(tmp_path / "model.keras")
    optimizer = keras.saving.load_model(tmp_path / "model.keras").optimizer

    assert getattr(optimizer, "generator", optimizer).weight_decay == DECAY
    if build is pix2pix:
        assert optimizer.discriminator.weight_decay is None


def test_is_not_negative():
    with pytest.raises(UsageError, match=r"weight decay of -0\.1"):
        unet((32, 32, 1), **SETTINGS, weight_decay=-0.1)
