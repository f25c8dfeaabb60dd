"""A task is a frozen set of settings that can be varied, written down and read again."""

import json

import pytest

import keras_qd
from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.tasks import Task

PARTS = {"name": "mine", "dataset": "dots", "inputs": "v", "targets": "n", "model": "net"}


def test_one_name_stands_for_a_sequence_of_one():
    task = Task(**PARTS)
    assert task.inputs == ("v",)
    assert task.targets == ("n",)


def test_configuration_survives_json():
    task = Task(**PARTS, metrics=["l1"], model_config={"filters": 4}, scaling={"v": "standard"})
    again = Task.from_config(json.loads(json.dumps(task.to_config())))
    assert again.to_config() == task.to_config()


def test_replace_merges_settings_of_the_same_component():
    task = Task(**PARTS, model_config={"filters": 4, "depth": 2})
    assert task.replace(model_config={"depth": 3}).model_config == {"filters": 4, "depth": 3}
    assert task.model_config == {"filters": 4, "depth": 2}


def test_another_model_takes_none_of_the_old_ones_settings():
    task = Task(**PARTS, model_config={"filters": 4}, dataset_config={"samples": 9})
    other = task.replace(model="other", model_config={"units": 3})
    assert other.model_config == {"units": 3}
    assert other.dataset_config == {"samples": 9}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": ()}, "at least one input"),
        ({"epochs": 0}, "task 'mine': epochs=0: expected a whole number"),
        ({"batch_size": 2.5}, "task 'mine': batch_size=2.5"),
        ({"epochs": True}, "task 'mine': epochs=True"),
        ({"scaling": {"w": "standard"}}, "scales w, but uses only v, n"),
    ],
)
def test_settings_that_make_no_sense(changes, message):
    with pytest.raises(UsageError, match=message):
        Task(**{**PARTS, **changes})


def test_unknown_setting():
    with pytest.raises(UnknownNameError, match="did you mean 'epochs'"):
        Task(**PARTS).replace(epoch=2)


@pytest.mark.parametrize("name", keras_qd.names("tasks"))
def test_every_registered_task_is_named_as_registered(name):
    task = keras_qd.task(name)
    assert task.name == name
    assert task.description
    assert task.dataset in keras_qd.names("datasets")
    assert task.model in keras_qd.names("models")
    assert set(task.metrics) <= set(keras_qd.names("metrics"))


@pytest.mark.parametrize(
    "optimizer", ["sgd", {"class_name": "adadelta", "config": {"learning_rate": 0.5}}]
)
def test_the_optimizer_may_have_settings(optimizer):
    task = Task(**{**PARTS, "model": "unet"}, optimizer=optimizer)
    again = Task.from_config(json.loads(json.dumps(task.to_config())))
    small = again.replace(model_config={"filters": 2, "depth": 1})
    built = small.build_model((4, 4, 1), (4, 4, 1)).optimizer
    assert type(built).__name__ == ("SGD" if optimizer == "sgd" else "Adadelta")
    assert float(built.learning_rate) == pytest.approx(0.01 if optimizer == "sgd" else 0.5)


@pytest.mark.parametrize(
    "optimizer", ["adamm", {"name": "adam"}, {"class_name": "adam", "config": {"lr": 1}}]
)
def test_no_such_optimizer(optimizer):
    task = Task(**{**PARTS, "model": "unet", "model_config": {"filters": 2}}, optimizer=optimizer)
    with pytest.raises(UsageError, match="is not one of Keras'; give a name"):
        task.build_model((4, 4, 1), (4, 4, 1))


def test_another_model_brings_its_own_optimizer():
    task = Task(**PARTS, optimizer="sgd")
    assert task.replace(epochs=3).optimizer == "sgd"
    assert task.replace(model="other").optimizer is None
    assert task.replace(model="other", optimizer="adam").optimizer == "adam"
