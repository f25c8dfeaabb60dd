"""What the networks on a line compute from fixed weights, and how the stored values were made.

As :mod:`tests.parity.golden`, for profiles and energies. First predictions are stored in double
precision, since each backend, and each processor, rounds single precision in its own way. To make
the file again, from the root:

    KERAS_BACKEND=tensorflow python -m tests.parity.lines

Stored values: TensorFlow 2.21, keras 3.15.1, NumPy 2.4, one x86-64 thread.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

import keras_qd

PATH = Path(__file__).with_name("lines.npz")

TRIAL_STATES = {"view": "without-mean", "readout": "trial-states"}
#: Name -> model and settings: each layer and each way to see and to answer at least once.
VARIANTS = {
    "energy-cnn": ("energy-cnn", {"dropout": 0.0}),
    "residual": ("residual-1d", {"width": 32, **TRIAL_STATES}),
    "pieces": (
        "residual-1d",
        {"pieces": 16, "width": 8, "kernel_size": 3, "view": "square-root", "readout": "mean"},
    ),
    "fno": ("fno-1d", {"width": 8, "modes": 12, "blocks": 2, **TRIAL_STATES}),
    "fno-dense": ("fno-1d", {"width": 8, "modes": 12, "blocks": 2, "padding": 7}),
}
N_STEPS = 10


def build(name):
    """Return a model with fixed weights."""
    model, settings = VARIANTS[name]
    network = keras_qd.build(
        model, input_shape=(64, 1), output_shape=(1,), learning_rate=1e-3, **settings
    )
    random = np.random.default_rng(2024)
    for variable in network.trainable_variables:
        if variable.name == "roughness":
            continue  # starts at a number, not at chance
        spread = np.sqrt(1 / np.prod(variable.shape[:-1])) if len(variable.shape) > 1 else 0.1
        variable.assign(random.normal(0.0, spread, variable.shape).astype("float32"))
    return network


def data():
    """Return smooth profiles from 0 on, shape (16, 64, 1), and numbers that depend on them."""
    phases = np.random.default_rng(7).uniform(0, 6, size=(2, 16, 1))
    places = np.linspace(0, 5, 64)
    x = 2 + np.sin(places + phases[0]) + np.cos(2 * places + phases[1])
    return x[..., None].astype("float32"), (x**2).mean(axis=1, keepdims=True).astype("float32")


def predict_exactly(name):
    """Return the first prediction in double precision."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        return build(name).predict(data()[0].astype("float64"), verbose=0)
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


def compute(name):
    """Return the first prediction, that after 10 steps, and the losses of the steps."""
    model, (x, y) = build(name), data()
    first = model.predict(x, verbose=0)
    losses = [
        model.fit(x, y, batch_size=len(x), verbose=0).history["loss"][0] for _ in range(N_STEPS)
    ]
    trained = keras.ops.convert_to_numpy(model(x, training=False)).copy()
    return {"prediction": first, "trained": trained, "losses": np.array(losses)}


if __name__ == "__main__":
    values = {f"{name}/{key}": value for name in VARIANTS for key, value in compute(name).items()}
    values |= {f"{name}/prediction": predict_exactly(name) for name in VARIANTS}
    np.savez_compressed(PATH, **values)
