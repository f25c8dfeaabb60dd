"""Small grey images of two classes, and runs on them."""

import numpy as np
import pytest

import keras_qd
from keras_qd.data import ArrayDataset, Field
from tests.wells import copied

SIDE = 12
NAME = "bars-for-tests"
FIELDS = {
    "image": Field((SIDE, SIDE), "", "grey values", "uint8", limits=(0, 255)),
    "digit": Field((), "", "0: lying, 1: standing", "uint8", limits=(0, 1)),
}


def make_bars(n_samples, seed):
    """Return lying and standing bars."""
    generator = np.random.default_rng(seed)
    digit = (np.arange(n_samples) % 3 == 0).astype(np.uint8)
    image = generator.integers(0, 60, (n_samples, SIDE, SIDE)).astype(np.uint8)
    for one, standing, place in zip(image, digit, generator.integers(2, 9, n_samples), strict=True):
        (one.T if standing else one)[place : place + 2] = 230
    return {"image": image, "digit": digit}


@pytest.fixture(scope="session")
def bars():
    """A small data set, which tasks can load by name."""
    found = ArrayDataset(
        train=make_bars(60, 0),
        validation=make_bars(12, 1),
        test=make_bars(18, 2),
        fields=FIELDS,
        metadata={"notice": "only bars"},
    )
    keras_qd.register("datasets", NAME)(lambda: found)
    return found


def train_on_bars(task, path, dataset, **changes):
    """Train one of the tasks on digits on bars instead."""
    task = keras_qd.task(task, dataset=NAME, batch_size=10, **changes)
    return keras_qd.train(task, path, dataset=dataset, report=lambda *_: None)


@pytest.fixture(scope="session")
def classifier(bars, tmp_path_factory):
    """A finished run of a classifier."""
    folder = tmp_path_factory.mktemp("classifier") / "run"
    small = {"filters": (4,), "units": (8,)}
    return train_on_bars("mnist-classification", folder, bars, epochs=2, model_config=small)


@pytest.fixture(scope="session")
def autoencoder(bars, tmp_path_factory):
    """A finished run of an autoencoder."""
    folder = tmp_path_factory.mktemp("autoencoder") / "run"
    return train_on_bars("mnist-autoencoder", folder, bars, epochs=2, optimizer="adam")


@pytest.fixture(scope="session")
def classified(classifier, tmp_path_factory):
    """A copy of the classifier's run, and its evaluation; tests leave both as they are."""
    run = copied(classifier, tmp_path_factory.mktemp("classified"))
    return run, keras_qd.evaluate(run, n_draws=200)


@pytest.fixture(scope="session")
def reconstructed(autoencoder, tmp_path_factory):
    """A copy of the autoencoder's run, and its evaluation; tests leave both as they are."""
    run = copied(autoencoder, tmp_path_factory.mktemp("reconstructed"))
    return run, keras_qd.evaluate(run, n_draws=10)
