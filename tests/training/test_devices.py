"""Two devices, or two processes on torch, train as one does."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import UsageError
from keras_qd.training import Run

from .conftest import make_dataset, make_task, quiet

#: Trains on two devices in a process of its own: a backend counts its devices once.
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[2])
from tests.training.test_devices import N_PIXELS, tiny_task
import keras_qd
from tests.training.conftest import make_dataset

keras_qd.train(tiny_task(), sys.argv[1], dataset=make_dataset(n_pixels=N_PIXELS), devices=2)
"""
N_PIXELS = 8


def tiny_task(**changes):
    """Return pix2pix with all that a step can do, normalised image by image."""
    model = {
        "filters": 2,
        "depth": 2,
        "discriminator_levels": 1,
        "dropout": 0.0,
        "normalization": "instance",
        "discriminator_every": 2,
        "clip_norm": 1.0,
        "average_decay": 0.9,
        "seed": 0,
    }
    sgd = {"class_name": "sgd", "config": {"learning_rate": 0.05, "momentum": 0.9}}
    return make_task(epochs=2, optimizer=sgd, model_config=model, monitor="l1", **changes)


def train_on_two(path):
    """Train the task on two devices, on torch led by this process."""
    if keras.config.backend() == "torch":
        dataset = make_dataset(n_pixels=N_PIXELS)
        return keras_qd.train(tiny_task(), path, dataset=dataset, report=quiet, devices=2)
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path), str(Path(__file__).parents[2])],
        env={**os.environ, "KERAS_BACKEND": keras.config.backend()},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert process.returncode == 0, process.stderr
    return Run.open(path)


def test_two_devices_do_what_one_does(tmp_path):
    """Weights and losses agree to round-off: 1e-5 of the largest one, with gradient descent."""
    two = train_on_two(tmp_path / "two")
    one = keras_qd.train(
        tiny_task(), tmp_path / "one", dataset=make_dataset(n_pixels=N_PIXELS), report=quiet
    )
    assert (one.config["devices"], two.config["devices"]) == (1, 2)
    for name, values in one.history().items():
        if "loss" in name or name in ("val_l1", "val_r2"):
            np.testing.assert_allclose(two.history()[name], values, rtol=1e-4, err_msg=name)
    start = tiny_task().build_model((N_PIXELS, N_PIXELS, 1), (N_PIXELS, N_PIXELS, 1))
    trained, together = (run.load_model().get_weights() for run in (one, two))
    moved = max(np.abs(a - b).max() for a, b in zip(trained, start.get_weights(), strict=True))
    assert moved > 1e-3
    for a, b in zip(trained, together, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)


def test_numbers_of_devices_that_make_no_sense_are_refused(tmp_path):
    for devices, message in ((0, "a positive whole number"), (3, "a multiple of 3")):
        with pytest.raises(UsageError, match=message):
            keras_qd.train(tiny_task(), tmp_path / "run", dataset=make_dataset(), devices=devices)
    assert not (tmp_path / "run").exists()
