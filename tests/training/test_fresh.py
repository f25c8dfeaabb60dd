"""Fresh systems in every epoch: new, reproducible, and the same after a resumed training."""

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.data.wells import Wells
from keras_qd.errors import UsageError
from keras_qd.tasks.pipeline import Pipeline
from keras_qd.training.fresh import Fresh, fresh_recipe

from .conftest import Interrupt, make_dataset, make_task

N_FRESH = 20


@pytest.fixture(scope="module")
def task():
    return keras_qd.task(
        "potential-to-energy",
        epochs=4,
        batch_size=5,
        dataset_config={"samples": 40, "n_points": 32, "workers": 1},
    )


@pytest.fixture(scope="module")
def wells(task, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_QD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield task.load_dataset()


@pytest.fixture(scope="module")
def whole(task, wells, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "whole"
    return trained(task, path, wells)


def trained(task, path, dataset, seed=3, **options):
    return keras_qd.train(
        task, path, dataset=dataset, seed=seed, fresh=N_FRESH, callbacks=[], **options
    )


def weights(run):
    return [keras.ops.convert_to_numpy(weight.value) for weight in run.load_model().weights]


def systems(wells, task, seed, epoch, n_workers=1):
    pipeline = Pipeline.fit(task, wells.split("train"), wells.fields)
    fresh = Fresh(fresh_recipe(wells, task.name), N_FRESH, seed, pipeline, epochs=4)
    with fresh.opened(n_workers):
        return fresh(epoch)


def test_each_epoch_has_new_systems_whatever_the_number_of_workers(wells, task):
    first, targets = systems(wells, task, 3, 0)
    assert len(first) == len(targets) == N_FRESH
    np.testing.assert_array_equal(first, systems(wells, task, 3, 0, n_workers=2)[0])
    others = systems(wells, task, 3, 1)[0], systems(wells, task, 4, 0)[0]
    assert not any(np.isclose(first[:, None], other).all(axis=(2, 3)).any() for other in others)


def test_they_are_those_of_the_recipe_with_another_seed(wells, task):
    fresh = Fresh(fresh_recipe(wells, task.name), 4, 3, None, 4)
    made = fresh._recipe_of(2)
    assert isinstance(made, Wells)
    assert made.settings() == {**fresh_recipe(wells, task.name).settings(), "seed": made.seed}


def test_same_seed_same_weights(whole, task, wells, tmp_path):
    assert whole.config["fresh"] == N_FRESH
    again = trained(task, tmp_path / "again", wells)
    for one, other in zip(weights(whole), weights(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_interrupted_and_resumed_equals_never_stopped(whole, task, wells, tmp_path):
    path = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        keras_qd.train(task, path, dataset=wells, seed=3, fresh=N_FRESH, callbacks=[Interrupt()])
    resumed = keras_qd.resume(path, dataset=wells)
    for one, other in zip(weights(whole), weights(resumed), strict=True):
        np.testing.assert_array_equal(one, other)


def test_only_generated_data_sets_have_fresh_systems(tmp_path):
    with pytest.raises(UsageError, match="was not generated"):
        trained(make_task(), tmp_path / "run", make_dataset())
    assert not (tmp_path / "run").exists()


def test_fresh_systems_are_for_one_device(task, wells, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_qd.training.fit.check_start", lambda *given, **named: None)
    with pytest.raises(UsageError, match="one device"):
        trained(task, tmp_path / "run", wells, devices=2)
