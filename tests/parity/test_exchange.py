"""What one backend saves, every backend loads, applies and trains further."""

import json
import zipfile

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.models.base import save_model
from tests.parity.exchange import BACKENDS, MODELS, build, path_of, predict, train

#: A model and the backend that saved it, another one than this.
SAVED = [
    (name, backend) for name in MODELS for backend in BACKENDS if backend != keras.config.backend()
]


@pytest.fixture(scope="module", params=SAVED, ids="-".join)
def exchanged(request):
    """Return what a model saved on some backend computes here, and what it did there."""
    name, backend = request.param
    model = keras_qd.load_model(path_of(name, backend))
    computed = {"steps": int(model.network.optimizer.iterations), "saved": predict(model)}
    train(model, 3)
    with np.load(path_of(name, backend).with_suffix(".npz"), allow_pickle=False) as stored:
        return {**computed, "trained": predict(model)}, dict(stored)


def test_predictions_are_those_of_the_writer(exchanged):
    computed, stored = (each["saved"] for each in exchanged)
    np.testing.assert_allclose(computed, stored, rtol=0, atol=1e-6 * np.abs(stored).max())


def test_training_goes_on_as_with_the_writer(exchanged):
    """Three more steps: with a fresh optimizer the first of them alone would be far larger."""
    computed, stored = exchanged
    assert computed["steps"] == 5
    scale = np.abs(stored["trained"]).max()
    assert np.abs(stored["trained"] - stored["saved"]).max() > 1e-2 * scale
    np.testing.assert_allclose(computed["trained"], stored["trained"], rtol=0, atol=1e-5 * scale)


def test_models_that_know_nothing_of_it_are_saved_for_every_backend(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    model.optimizer.iterations.assign(7)
    save_model(model, tmp_path / "model.keras")
    assert b"keras.src.backend" not in (tmp_path / "model.keras").read_bytes()
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for kept, weight in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, weight)
    assert float(loaded.optimizer.learning_rate) == pytest.approx(1e-2)
    assert int(loaded.optimizer.iterations) == 7


def test_how_to_compile_is_left_to_the_backend_that_loads(tmp_path):
    model = build("pix2pix")
    save_model(model, tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        config = json.loads(archive.read("config.json"))
    assert config["config"]["network"]["compile_config"]["jit_compile"] == "auto"
