"""A small trained run on made-up wells, trained once for all tests of the evaluation."""

import shutil

import numpy as np
import pytest

import keras_qd
from keras_qd.data import ArrayDataset, Field
from keras_qd.tasks import Task
from keras_qd.training.run import Run
from tests.command import call

N_PIXELS = 16
LENGTH = 10.0
FIELDS = {
    "potential": Field((N_PIXELS, N_PIXELS), "Ha*", "confinement potential"),
    "density": Field((N_PIXELS, N_PIXELS), "1/a0*^2", "density of two electrons"),
    "energy": Field((), "Ha*", "depth of the well", dtype="float64"),
}


def make_wells(n_samples, seed):
    """Return Gaussian wells and, in place of a density, the Gaussians, with two electrons each."""
    generator = np.random.default_rng(seed)
    points = (np.arange(N_PIXELS) + 0.5) / N_PIXELS * LENGTH
    x, y = np.meshgrid(points, points)
    centre = generator.uniform(3, 7, (2, n_samples, 1, 1))
    width = generator.uniform(1, 2, (n_samples, 1, 1))
    bump = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * width**2))
    pixel = (LENGTH / N_PIXELS) ** 2
    return {
        "potential": -6 * bump,
        "density": 2 * bump / (bump.sum(axis=(1, 2), keepdims=True) * pixel),
        "energy": -6 / width[:, 0, 0],
    }


def make_dataset(seed=0, n_test=11):
    """Return a small data set; the metadata are those of generated data."""
    return ArrayDataset(
        train=make_wells(24, 3 * seed),
        validation=make_wells(8, 3 * seed + 1),
        test=make_wells(n_test, 3 * seed + 2),
        fields=FIELDS,
        metadata={"configuration": {"box_length": LENGTH, "seed": seed}},
    )


def make_task(**changes):
    """Return a task that trains in a second."""
    settings = {
        "name": "wells",
        "description": "wells to densities",
        "dataset": "wells-for-tests",
        "inputs": "potential",
        "targets": "density",
        "model": "unet",
        "model_config": {"filters": 4, "depth": 2},
        "metrics": ("l1", "r2", "ssim"),
        "followed": ("l1", "r2"),
        "scaling": {"potential": "standard", "density": "max"},
        "epochs": 2,
        "batch_size": 8,
    }
    return Task(**{**settings, **changes})


@pytest.fixture(scope="session")
def dataset():
    """The data set that the run is trained on, which its task can load by name."""
    found = make_dataset()
    keras_qd.register("datasets", "wells-for-tests")(lambda: found)
    return found


@pytest.fixture(scope="session")
def trained(tmp_path_factory, dataset):
    """A finished run; tests that write take a copy."""
    path = tmp_path_factory.mktemp("runs") / "wells"
    return keras_qd.train(make_task(), path, dataset=dataset, callbacks=["evolution"])


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the finished run."""
    return Run.open(shutil.copytree(trained.path, tmp_path / "wells"))


@pytest.fixture
def keras_qd_command():
    """Run the command line; return exit code, standard output and standard error."""
    return call
