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


def moved(build, **settings):
    """Return the weights of a network before and after one step on noise."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 2, 32, 32, 1)).astype("float32")
    model = build((32, 32, 1), **SETTINGS, **settings)
    network = getattr(model, "generator", model)
    before = network.get_weights()
    others = model.discriminator.get_weights() if build is pix2pix else []
    model.fit(x, y, verbose=0)
    rest = model.discriminator.get_weights() if build is pix2pix else []
    return before, network.get_weights(), [*zip(others, rest, strict=True)]


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
@pytest.mark.parametrize("build", [unet, pix2pix])
def test_takes_a_share_of_the_weights_off_the_generator(build, optimizer):
    before, plain, discriminator = moved(build, optimizer=optimizer)
    _, decayed, same = moved(build, optimizer=optimizer, weight_decay=DECAY)

    for start, without, found in zip(before, plain, decayed, strict=True):
        kernel = start.ndim == 4 and start.shape[-1] > 1
        share = RATE * DECAY if kernel or optimizer == "adam" else 0.0
        np.testing.assert_allclose(found, without - share * start, atol=2e-6)
    for one, other in zip(discriminator, same, strict=True):
        np.testing.assert_allclose(one[1], other[1], atol=2e-6)


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
