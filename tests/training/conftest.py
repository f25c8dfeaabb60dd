"""A task so small that it trains in seconds."""

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.data import ArrayDataset, Field


def make_dataset(n_train=24, n_other=8, n_pixels=16):
    """Return random potentials and densities that follow from them."""
    generator = np.random.default_rng(0)

    def make(n_samples):
        potential = generator.normal(size=(n_samples, n_pixels, n_pixels))
        return {"potential": potential, "density": np.exp(-potential)}

    return ArrayDataset(
        train=make(n_train),
        validation=make(n_other),
        test=make(n_other),
        fields={
            "potential": Field((n_pixels, n_pixels), unit="Ha*", meaning="potential"),
            "density": Field((n_pixels, n_pixels), unit="1/a0*^2", meaning="density"),
        },
    )


class Interrupt(keras.callbacks.Callback):
    """Stops the training when its third epoch begins."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


@pytest.fixture(scope="session")
def dataset():
    """The small data set."""
    return make_dataset()


@pytest.fixture(scope="session")
def task():
    """Pix2pix with all that a resumed training has to remember, on 16 x 16 pixels."""
    return make_task()


@pytest.fixture(scope="session")
def whole(tmp_path_factory, task, dataset):
    """A run of that task that was never interrupted, with snapshots of its predictions."""
    path = tmp_path_factory.mktemp("runs") / "whole"
    return keras_qd.train(task, path, dataset=dataset, seed=5, callbacks=["evolution"])


def small_task(**changes):
    """Return a task with a small U-Net, for what does not depend on the model."""
    small = {"model": "unet", "model_config": {"filters": 2, "depth": 1, "dropout": 0.0}}
    return make_task(**{"monitor": None, **small, **changes})


def quiet(*progress):
    """Print nothing."""


def make_task(**changes):
    """Return the small task with some settings changed."""
    settings = {
        "epochs": 3,
        "batch_size": 8,
        "schedule": "linear",
        "monitor": "l1",
        "model": "pix2pix",
        "model_config": {
            "filters": 4,
            "depth": 2,
            "dropout": 0.5,
            "discriminator_levels": 1,
            "dtype": "mixed_bfloat16",
            "discriminator_every": 2,
            "clip_norm": 1.0,
            "average_decay": 0.9,
        },
    }
    return keras_qd.task("potential-to-density", **{**settings, **changes})
