"""Weight decay of the generator: a share of the weights, apart from the gradient."""

import keras
import numpy as np
import pytest

from keras_qd.errors import UsageError
from keras_qd.models.optimizers import build_optimizer
from keras_qd.models.pix2pix import pix2pix
from keras_qd.models.unet import unet
from tests.command import whole_chain

from .conftest import not_on_jax

RATE, DECAY = 1e-2, 0.5
SETTINGS = {"filters": 4, "depth": 3, "dropout": 0.0, "learning_rate": RATE, "seed": 0}
SHAPES = {"kernel": (4, 4, 2, 3), "one filter": (4, 4, 2, 1), "bias": (3,)}


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_takes_a_share_of_the_weights(optimizer):
    random = np.random.default_rng(0)
    start, gradient = (
        {name: random.normal(size=shape).astype("float32") for name, shape in SHAPES.items()}
        for _ in range(2)
    )
    moved = []
    for decay in (None, DECAY):
        variables = [keras.Variable(values) for values in start.values()]
        adam_or_muon = build_optimizer(optimizer, RATE, 0.5, decay)
        adam_or_muon.build(variables)
        adam_or_muon.apply([keras.ops.convert_to_tensor(g) for g in gradient.values()], variables)
        moved.append([keras.ops.convert_to_numpy(v.value) for v in variables])
    for name, plain, decayed in zip(SHAPES, *moved, strict=True):
        share = RATE * DECAY if optimizer == "adam" or name == "kernel" else 0.0
        np.testing.assert_allclose(decayed, plain - share * start[name], atol=2e-6)


@whole_chain
def test_a_step_of_pix2pix_takes_it_off_the_generator_alone():
    x, y = np.random.default_rng(0).normal(size=(2, 2, 32, 32, 1)).astype("float32")
    settings, changed = {**SETTINGS, "normalization": "instance", "optimizer": "muon"}, []
    for decay in (None, DECAY):
        model = pix2pix((32, 32, 1), **settings, weight_decay=decay)
        before = model.generator.get_weights()
        model.fit(x, y, verbose=0)
        changed.append((model.generator.get_weights(), model.discriminator.get_weights()))
    (plain, fixed), (decayed, same) = changed
    for start, without, found in zip(before, plain, decayed, strict=True):
        share = RATE * DECAY if start.ndim == 4 and start.shape[-1] > 1 else 0.0
        np.testing.assert_allclose(found, without - share * start, atol=2e-6)
    for without, found in zip(fixed, same, strict=True):
        np.testing.assert_allclose(found, without, atol=2e-6)


@not_on_jax
@pytest.mark.parametrize("build", [unet, pix2pix])
@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_is_kept_with_the_model(build, optimizer, tmp_path):
    model = build((32, 32, 1), **SETTINGS, optimizer=optimizer, weight_decay=DECAY)
    model.save(tmp_path / "model.keras")
    found = keras.saving.load_model(tmp_path / "model.keras").optimizer

    assert getattr(found, "generator", found).weight_decay == DECAY
    if build is pix2pix:
        assert found.discriminator.weight_decay is None


def test_is_not_negative():
    with pytest.raises(UsageError, match=r"weight decay of -0\.1"):
        unet((32, 32, 1), **SETTINGS, weight_decay=-0.1)
