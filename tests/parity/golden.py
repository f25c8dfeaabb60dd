"""What pix2pix computes from fixed weights, and how the stored values were made.

Each backend lives in an environment of its own, so backends are compared through the file
``golden.npz``: made once on one of them, checked on each. Weights and data come from NumPy's
seeded generator, not from an initializer of Keras. To make the file again, from the root:

    KERAS_BACKEND=tensorflow python -m tests.parity.golden

Stored values: TensorFlow 2.21, keras 3.15.1, NumPy 2.4, one x86-64 thread.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from keras_qd.models.pix2pix import pix2pix

PATH = Path(__file__).with_name("golden.npz")

#: Name -> settings: the paper's layers where nothing is cropped, the others where it is.
VARIANTS = {
    "paper": {"input_shape": (32, 32, 1)},
    "resize-instance": {
        "input_shape": (40, 36, 2),
        "output_shape": (40, 36, 1),
        "depth": 3,
        "upsampling": "resize",
        "normalization": "instance",
        "discriminator_levels": 1,
    },
    "group": {
        "input_shape": (33, 32, 1),
        "depth": 2,
        "normalization": "group",
        "discriminator_levels": 1,
    },
}
LOSSES = ("generator_loss", "adversarial_loss", "l1_loss", "discriminator_loss")
N_STEPS = 20
N_STEPS_COMPARED = 10


def build(name):
    """Return a model with fixed weights; without dropout, whose masks are each backend's own."""
    settings = {"filters": 8, "dropout": 0.0, **VARIANTS[name]}
    model = pix2pix(**settings)
    random = np.random.default_rng(2024)
    for variable in model.trainable_variables:
        shift = float(variable.name == "gamma")
        spread = np.sqrt(2 / np.prod(variable.shape[:3])) if variable.name == "kernel" else 0.1
        variable.assign(random.normal(shift, spread, variable.shape).astype("float32"))
    return model


def data(name):
    """Return smooth inputs and targets, shape (4, ny, nx, channels)."""
    ny, nx, channels = VARIANTS[name]["input_shape"]
    phases = np.random.default_rng(7).uniform(0, 6, size=(3, 4, 1, 1, channels))
    rows, columns = np.arange(ny)[:, None, None] / 4, np.arange(nx)[None, :, None] / 5
    x = np.sin(rows + phases[0]) + np.sin(columns + phases[1]) * np.cos(phases[2])
    return x.astype("float32"), np.exp(-(x[..., :1] ** 2)).astype("float32")


class InTraining(keras.Model):
    """A network as it computes in training, whose ``predict`` compiles it as a whole."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.built = True  # else JAX computes a batch operation by operation first

    def call(self, x):
        return self.network(x, training=True)


def compute(name):
    """Return the first prediction, that of training mode after 10 steps, and 20 losses."""
    model, (x, y) = build(name), data(name)
    results = {"prediction": model.predict(x, verbose=0)}
    rows = []
    for step in range(N_STEPS):
        if step == N_STEPS_COMPARED:
            results["trained"] = InTraining(model).predict(x, verbose=0)
        history = model.fit(x, y, batch_size=len(x), verbose=0).history
        rows.append([history[loss][0] for loss in LOSSES])
    return {**results, "losses": np.array(rows)}


if __name__ == "__main__":
    values = {f"{name}/{key}": value for name in VARIANTS for key, value in compute(name).items()}
    np.savez_compressed(PATH, **values)
