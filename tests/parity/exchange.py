"""Models saved on one backend, to be loaded, applied and trained further on the others.

Each backend lives in an environment of its own, so the models are stored beside this file, with
what their writer predicted then, and after going on for three steps. To make them again, from the
root, on each backend in turn:

    KERAS_BACKEND=torch python -m tests.parity.exchange

Stored models: keras 3.15.1 on TensorFlow 2.21, torch 2.13.0 and JAX 0.10.2, one x86-64 thread.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

import keras_qd
from keras_qd.data import LinearScaling
from keras_qd.models.base import save_model
from keras_qd.tasks import PhysicalModel, Pipeline

FOLDER = Path(__file__).with_name("saved")
BACKENDS = ("jax", "tensorflow", "torch")

#: No dropout: each backend draws its own masks.
_UNET = {"input_shape": (16, 16, 1), "filters": 4, "depth": 2, "dropout": 0.0, "seed": 1}
_PIX2PIX = {**_UNET, "discriminator_levels": 1}

#: Name -> the model and its settings.
MODELS = {
    "pix2pix": (
        "pix2pix",
        {**_PIX2PIX, "discriminator_every": 2, "clip_norm": 1.0, "average_decay": 0.9},
    ),
    "pix2pix-muon": (
        "pix2pix",
        {**_PIX2PIX, "normalization": "instance", "optimizer": "muon", "learning_rate": 3e-3},
    ),
    "unet": ("unet", _UNET),
}


PIPELINE = Pipeline(
    {"potential": (16, 16)},
    {"density": (16, 16)},
    {
        "potential": LinearScaling("centered-standard", 0.1, 2.0, centered=True),
        "density": LinearScaling("max", 0.0, 0.5),
    },
)


def build(name):
    """Return a model as a run saves it."""
    model, settings = MODELS[name]
    return PhysicalModel(keras_qd.build(model, **settings), PIPELINE, {"models": [model]})


def path_of(name, backend):
    return FOLDER / f"{name}-{backend}.keras"


def data():
    """Return fields in physical units, shape (4, 16, 16)."""
    potential = np.random.default_rng(5).standard_normal((4, 16, 16)).astype("float32")
    return {"potential": potential, "density": np.tanh(potential)}


def train(model, steps):
    x, y = PIPELINE.scale_inputs(data()), PIPELINE.scale_targets(data())
    model.network.fit(x, y, batch_size=len(x), epochs=steps, shuffle=False, verbose=0)


def predict(model):
    return model.predict(data()["potential"], verbose=0)


if __name__ == "__main__":
    backend = keras.config.backend()
    for name in MODELS:
        model = build(name)
        train(model, 5)
        save_model(model, path_of(name, backend))
        saved = predict(model)
        train(model, 3)
        np.savez(path_of(name, backend).with_suffix(".npz"), saved=saved, trained=predict(model))
