"""The tasks on digits learn: on few images in a few seconds, more than what knows no image.

The examples train the better networks as well.
"""

import logging

import numpy as np
import pytest
from tests.command import whole_chain

import keras_qd
from keras_qd.data import ArrayDataset

#: What each learns on 430 images, with fewer and smaller steps than in earnest.
REDUCED = {
    "mnist-classification": {"epochs": 2, "batch_size": 10},
    "mnist-classification-resnet": {
        "epochs": 5,
        "batch_size": 10,
        "model_config": {"filters": (8, 16), "dropout": 0.0},
    },
    "mnist-autoencoder": {"epochs": 3, "batch_size": 10},
    "mnist-autoencoder-residual": {
        "epochs": 2,
        "batch_size": 10,
        "model_config": {"filters": (8, 8), "learning_rate": 4e-3},
    },
}


@pytest.fixture(scope="session")
def digits():
    """Every tenth image of the subset trains; its notice comes along."""
    whole = keras_qd.load("mnist", subset=True)
    splits = {
        name: {field: values[::step] for field, values in whole.split(name).items()}
        for name, step in (("train", 10), ("validation", 20), ("test", 6))
    }
    return ArrayDataset(**splits, fields=whole.fields, metadata={"notice": "only a few"})


def learn(name, digits, folder, seed=0):
    """Train the reduced task; return its evaluation."""
    task = keras_qd.task(name, **REDUCED[name])
    path = folder / f"{name}-{seed}"
    run = keras_qd.train(task, path, dataset=digits, seed=seed, report=lambda *_: None)
    return keras_qd.evaluate(run, data=digits, n_draws=10, cost=False)


@pytest.mark.parametrize(
    "name",
    ["mnist-classification", pytest.param("mnist-classification-resnet", marks=pytest.mark.slow)],
)
def test_a_classifier_beats_the_most_frequent_class(name, digits, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="keras_qd"):
        evaluation = learn(name, digits, tmp_path)
    assert "only a few" in caplog.text
    assert evaluation.data["notice"] == "only a few"
    accuracy, entropy = (evaluation.score(each) for each in ("accuracy", "cross-entropy"))
    # The most frequent class is right once in ten times, of equally many of each digit.
    assert accuracy.baseline == pytest.approx(0.1)
    assert accuracy.value > 0.4
    assert entropy.baseline == pytest.approx(np.log(10), rel=1e-3)
    assert entropy.value < entropy.baseline


@pytest.mark.slow
def test_the_better_autoencoder_beats_the_mean_image(digits, tmp_path):
    error = learn("mnist-autoencoder-residual", digits, tmp_path).score("mse", space="scaled")
    # The mean image has the variance of the images.
    assert 0.06 < error.baseline < 0.07
    assert error.value < error.baseline


@whole_chain
def test_the_autoencoder_of_the_course_beats_the_mean_image(digits, tmp_path):
    # With some first weights all its ReLUs die at once and every image comes out black, on any
    # backend and with any optimizer; so one seed of a few has to do.
    errors = []
    for seed in range(5):
        found = learn("mnist-autoencoder", digits, tmp_path, seed)
        errors.append(found.score("mse", space="scaled"))
        if errors[-1].value < errors[-1].baseline:
            return
    pytest.fail(f"mean square errors of {[each.value for each in errors]}")


@pytest.mark.parametrize("name", ["mnist-classification", "mnist-autoencoder"])
def test_the_settings_of_the_course(name):
    task = keras_qd.task(name)
    model = task.build_model((28, 28, 1), (10,) if "class" in name else (28, 28, 1))
    found = (model.count_params(), type(model.optimizer).__name__, task.batch_size, task.epochs)
    assert (
        found
        == {
            "mnist-classification": (50_374, "Adam", 250, 5),
            "mnist-autoencoder": (2_969, "Adadelta", 16, 30),
        }[name]
    )
    rate = {"mnist-classification": 0.001, "mnist-autoencoder": 1.0}[name]
    assert float(model.optimizer.learning_rate) == pytest.approx(rate)
