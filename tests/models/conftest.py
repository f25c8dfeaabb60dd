"""Small models and data."""

import keras
import numpy as np
import pytest

from keras_qd.models.pix2pix import pix2pix

#: For layers, sizes and settings, the same on every backend: JAX spends minutes on building them.
not_on_jax = pytest.mark.skipif(
    keras.config.backend() == "jax", reason="tested on the backends that compile less"
)


@pytest.fixture(autouse=True)
def _same_numbers_every_time():
    """Start every test from one seed: what learns, learns the same each time."""
    keras.utils.set_random_seed(0)


@pytest.fixture
def make_model():
    """Return a maker of small models, the same for the same settings."""

    def make(grid=(32, 32), channels=(1, 1), **settings):
        small = {"filters": 4, "depth": 2, "discriminator_levels": 1, "dropout": 0.0, "seed": 0}
        settings = {**small, **settings}
        return pix2pix((*grid, channels[0]), (*grid, channels[1]), **settings)

    return make


@pytest.fixture
def make_data():
    """Return a maker of smooth inputs, and targets that depend on them."""

    def make(n=4, grid=(32, 32), channels=(1, 1)):
        phases = np.random.default_rng(5).uniform(0, 6, size=(2, n, 1, 1, channels[0]))
        rows, columns = np.ogrid[: grid[0], : grid[1]]
        rows, columns = (axis[None, ..., None] / 3 for axis in (rows, columns))
        x = (np.sin(rows + phases[0]) + np.sin(columns + phases[1])).astype("float32")
        y = np.repeat(np.tanh(2 * x[..., :1]), channels[1], axis=-1)
        return x, y

    return make
