"""The plain loops that the benchmark of training compares with do what this package does."""

import sys
from importlib import import_module
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_qd.models.pix2pix import pix2pix

SIZE, FILTERS = 32, 4
BACKEND = keras.config.backend()


@pytest.fixture
def pair(monkeypatch):
    """Return this package's model, a native one with the same weights, and a batch."""
    if BACKEND == "jax":
        pytest.skip("there is no plain loop in JAX")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    native = import_module(f"native_{BACKEND}").Training(SIZE, FILTERS, dropout=0.0)
    model = pix2pix((SIZE, SIZE, 1), filters=FILTERS, dropout=0.0, seed=0)
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 4, SIZE, SIZE, 1)).astype("float32")
    native.set_weights(*weights(model))
    return model, native, x, y


def weights(model):
    return [
        [keras.ops.convert_to_numpy(v) for v in network.trainable_variables]
        for network in (model.generator, model.discriminator)
    ]


def test_outputs_in_training_are_the_same(pair):
    model, native, x, y = pair
    ours = model.generator(x, training=True), model.discriminator([x, y], training=True)

    for one, two in zip(native.outputs(x, y), ours, strict=True):
        two = keras.ops.convert_to_numpy(two)
        np.testing.assert_allclose(one, two, rtol=0, atol=3e-6 * np.abs(two).max())


def test_they_have_the_same_parameters(pair):
    model, native, _, _ = pair
    for own, theirs in zip(weights(model), native.get_weights(), strict=True):
        assert [array.shape for array in own] == [array.shape for array in theirs]


@pytest.mark.slow
def test_losses_stay_the_same(pair):
    """As the steps of both networks do, with Adam's settings."""
    model, native, x, y = pair
    for _ in range(4):
        losses = model.fit(x, y, batch_size=len(x), verbose=0).history
        expected = [losses[name][0] for name in ("generator_loss", "discriminator_loss")]
        found = [float(loss) for loss in native.step(x, y)]
        assert found == pytest.approx(expected, rel=1e-4)
