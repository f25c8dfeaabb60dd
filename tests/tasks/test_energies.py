"""The energy tasks, reduced: each beats the variance, but not what its input cannot know.

Their networks compute the same on every backend, see tests/parity/test_lines.py: one of them trains
on each.
"""

import numpy as np
import pytest
from tests.command import whole_chain

import keras_qd
from keras_qd.data import ArrayDataset, Wells

#: Variance of the data set's random constant, uniform over 0.88 Ha*.
CONSTANT = 0.44**2 / 3

#: What is changed so that a training takes seconds, and the share of the variance that must go.
REDUCED = {
    "potential-to-energy": ({"epochs": 2, "model_config": {"learning_rate": 2e-3}}, 0.5),
    "potential-to-energy-by-trial-states": ({"epochs": 2, "model_config": {"width": 16}}, 0.5),
    # Dropout would want many more epochs.
    "density-to-energy": (
        {"epochs": 8, "model_config": {"learning_rate": 2e-3, "dropout": 0.0}},
        0.1,
    ),
    "density-to-kinetic-energy": ({"epochs": 4, "model_config": {"width": 16}}, 0.5),
}
#: The same for a training of a minute.
FULL = {
    "potential-to-energy": ({"epochs": 12}, 0.9),
    "potential-to-energy-by-trial-states": ({"epochs": 12}, 0.97),
    "density-to-energy": (
        {"epochs": 12, "model_config": {"learning_rate": 1e-3, "dropout": 0.0}},
        0.15,
    ),
    "density-to-kinetic-energy": ({"epochs": 12}, 0.9),
}


def make_wells(n_train, n_validation, n_test):
    """Return wells so deep that most of the energy's variance is not that of the constant."""
    sizes = np.cumsum([n_train, n_validation, n_test])
    samples = Wells(family="random-fourier", family_settings={"amplitude": 1.0}).make(
        range(sizes[-1])
    )
    samples.pop("parameters")
    parts = {
        "train": slice(sizes[0]),
        "validation": slice(sizes[0], sizes[1]),
        "test": slice(sizes[1], None),
    }
    splits = {
        split: {name: values[rows] for name, values in samples.items()}
        for split, rows in parts.items()
    }
    fields = {name: Wells().fields[name] for name in samples}
    return ArrayDataset(**splits, fields=fields)


@pytest.fixture(scope="module")
def wells():
    return make_wells(500, 40, 460)


def check_that_it_beats_the_variance(task, share, wells, folder):
    """Train a task; fail unless this share of the variance goes, but not the constant's."""
    run = keras_qd.train(task, folder / "run", dataset=wells, seed=1, report=lambda *_: None)
    test = wells.split("test")
    exact = test[task.targets[0]]
    predicted = keras_qd.predict(run, test)[task.targets[0]]
    error = np.mean((predicted - exact) ** 2)
    assert error < (1 - share) * exact.var()
    if task.name == "density-to-energy":
        assert error > 0.8 * CONSTANT


@pytest.mark.parametrize(
    "name",
    [
        "potential-to-energy",
        pytest.param("density-to-energy", marks=whole_chain),
        # Of the network of the other two, one training is below.
        pytest.param("density-to-kinetic-energy", marks=pytest.mark.slow),
        pytest.param("potential-to-energy-by-trial-states", marks=pytest.mark.slow),
    ],
)
def test_it_beats_the_variance(name, wells, tmp_path):
    changes, share = REDUCED[name]
    task = keras_qd.task(name, batch_size=10, **changes)
    check_that_it_beats_the_variance(task, share, wells, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", FULL)
def test_a_longer_training_leaves_little_of_the_variance(name, tmp_path):
    changes, share = FULL[name]
    task = keras_qd.task(name, batch_size=40, **changes)
    check_that_it_beats_the_variance(task, share, make_wells(2000, 100, 900), tmp_path)


def test_defaults_are_those_of_the_course():
    for name in ("potential-to-energy", "density-to-energy"):
        task = keras_qd.task(name)
        assert (task.model, task.epochs, task.batch_size) == ("energy-cnn", 50, 250)
        assert (task.loss, task.schedule, task.augmentation) == (
            "mean_squared_error",
            "constant",
            None,
        )
        assert task.dataset == "wells-1d"


@whole_chain
def test_the_network_of_trial_states_knows_of_added_constants(wells, tmp_path):
    task = keras_qd.task("potential-to-energy-by-trial-states", epochs=1, batch_size=250)
    run = keras_qd.train(task, tmp_path / "run", dataset=wells, report=lambda *_: None)
    potentials = wells.split("test")["potential"][:50]
    energies = keras_qd.predict(run, potentials)["energy"]
    shifted = keras_qd.predict(run, potentials + 2.0)["energy"]
    np.testing.assert_allclose(shifted, energies + 2.0, atol=5e-6)
