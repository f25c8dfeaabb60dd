"""Batches, of fresh systems too: the same on every backend, and in a resumed training."""

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.data import SquareSymmetries
from keras_qd.data.wells import Wells
from keras_qd.errors import DataError, UnknownNameError, UsageError
from keras_qd.tasks.pipeline import Pipeline
from keras_qd.training import Batches, FollowEpochs, feed
from keras_qd.training.batches import Fresh, fresh_recipe

from .conftest import Interrupt, make_dataset, make_task

N_SAMPLES = 22
X = np.random.default_rng(0).normal(size=(N_SAMPLES, 4, 4, 1)).astype("float32")
Y = np.concatenate([X, X**2], axis=-1)


def in_epoch(epoch, **settings):
    batches = Batches(X, Y, 4, **{"shuffle": True, "first_epoch": epoch, **settings})
    return [batches[index] for index in range(len(batches))]


def numbers(batches):
    """Return which samples are in the batches, from the targets' sums, which symmetries keep."""
    sums = Y.sum(axis=(1, 2, 3))
    found = np.concatenate([y.sum(axis=(1, 2, 3)) for _, y in batches])
    return [int(np.argmin(np.abs(sums - value))) for value in found]


def test_without_shuffling_the_order_stays_and_nothing_is_dropped():
    batches = in_epoch(3, shuffle=False, drop_remainder=False)
    np.testing.assert_array_equal(np.concatenate([x for x, _ in batches]), X)
    np.testing.assert_array_equal(np.concatenate([y for _, y in batches]), Y)


def test_an_epoch_has_every_sample_once_in_an_order_of_its_own():
    orders = [numbers(in_epoch(epoch, drop_remainder=False)) for epoch in range(3)]
    for order in orders:
        assert sorted(order) == list(range(N_SAMPLES))
    assert orders[0] != orders[1] != orders[2]


def test_full_batches_only_and_others_left_out_each_time():
    left_out = [set(range(N_SAMPLES)) - set(numbers(in_epoch(epoch))) for epoch in range(4)]
    assert all(x.shape == (4, 4, 4, 1) for x, _ in in_epoch(0))
    assert [len(out) for out in left_out] == [2, 2, 2, 2]
    assert len(set(map(frozenset, left_out))) > 1


def test_fewer_samples_than_a_batch_make_one():
    batches = Batches(X[:3], Y[:3], 16, shuffle=True)
    assert (len(batches), batches[0][0].shape) == (1, (3, 4, 4, 1))


def test_augmentation_changes_inputs_and_targets_alike():
    shape_of = SquareSymmetries()
    seen = set()
    for epoch in range(6):
        batches = in_epoch(epoch, augmentation="square-symmetries")
        for (x, y), number in zip(
            [(x, y) for xs, ys in batches for x, y in zip(xs, ys, strict=True)],
            numbers(batches),
            strict=True,
        ):
            np.testing.assert_array_equal(y, np.concatenate([x, x**2], axis=-1))
            changed = [
                element
                for element in range(8)
                if np.array_equal(shape_of.apply(X[[number]], np.array([element]))[0], x)
            ]
            assert len(changed) == 1
            seen.update(changed)
    assert seen == set(range(8))


def test_seed_and_epoch_alone_decide():
    settings = {"augmentation": "square-symmetries", "seed": 5}
    batches = Batches(X, Y, 4, shuffle=True, **settings)
    batches[3]
    batches.epoch = 7
    for index, (x, y) in enumerate(in_epoch(7, **settings)):
        np.testing.assert_array_equal(batches[index][0], x)
        np.testing.assert_array_equal(batches[index][1], y)
    assert numbers(in_epoch(7, seed=6)) != numbers(in_epoch(7, seed=5))


@pytest.mark.parametrize("n_samples", [6, 22], ids=["one batch an epoch", "several"])
def test_training_goes_on_as_if_it_had_not_stopped(n_samples):
    def train(epochs, initial_epoch=0, weights=None):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.layers.Conv2D(2, 3, padding="same")])
        model.build((None, 4, 4, 1))
        model.compile(keras.optimizers.SGD(0.05), "mse")
        if weights is not None:
            model.set_weights(weights)
        batches = Batches(
            X[:n_samples],
            Y[:n_samples],
            5,
            shuffle=True,
            augmentation="square-symmetries",
            first_epoch=initial_epoch,
        )
        model.fit(
            batches,
            shuffle=False,
            callbacks=[FollowEpochs(batches)],
            initial_epoch=initial_epoch,
            epochs=epochs,
            verbose=0,
        )
        return model.get_weights()

    in_one_go = train(4)
    in_two = train(4, initial_epoch=2, weights=train(2))
    for one, two in zip(in_one_go, in_two, strict=True):
        np.testing.assert_allclose(two, one, rtol=0, atol=1e-6)
    other_order = train(6, initial_epoch=4, weights=train(2))
    assert np.abs(other_order[0] - in_one_go[0]).max() > 1e-5


def test_misuse_is_told():
    with pytest.raises(DataError, match="22 inputs and 21 targets"):
        Batches(X, Y[1:], 4, shuffle=False)
    with pytest.raises(DataError, match="0 inputs"):
        Batches(X[:0], Y[:0], 4, shuffle=False)
    with pytest.raises(UsageError, match="batch_size=0"):
        Batches(X, Y, 0, shuffle=False)
    with pytest.raises(UnknownNameError, match="augmentation"):
        Batches(X, Y, 4, shuffle=False, augmentation="shuffle")


def arrays(fed):
    """Return what is fed in an epoch, batch by batch, as arrays."""
    if isinstance(fed, Batches):
        return [fed[index] for index in range(len(fed))]
    return list(fed.as_numpy_iterator())


def trained_weights(prepare, **settings):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Conv2D(2, 3, padding="same")])
    model.build((None, 4, 4, 1))
    model.compile(keras.optimizers.SGD(0.05), "mse")
    batches = Batches(X, Y, 4, augmentation="square-symmetries", **settings)
    follow = FollowEpochs(batches)
    fed = prepare(batches)
    model.fit(fed, shuffle=False, callbacks=[follow], epochs=3, verbose=0, validation_data=fed)
    return model.get_weights()


@pytest.mark.parametrize("drop_remainder", [True, False])
def test_a_model_learns_the_same_from_what_it_is_fed(drop_remainder):
    settings = {"shuffle": True, "drop_remainder": drop_remainder}
    expected = trained_weights(lambda batches: batches, **settings)
    for found, wanted in zip(trained_weights(feed, **settings), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("epoch", [0, 1])
def test_it_gives_the_batches_of_the_epoch(epoch):
    batches = Batches(X, Y, 4, shuffle=True, drop_remainder=False)
    fed = feed(batches)
    batches.epoch = epoch
    expected = Batches(X, Y, 4, shuffle=True, drop_remainder=False, first_epoch=epoch)
    assert len(fed) == len(arrays(fed)) == 6
    for number, found in enumerate(arrays(fed)):
        for one, other in zip(found, expected[number], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="tf.data feeds TensorFlow alone")
def test_no_thread_tunes_it():
    assert feed(Batches(X, Y, 4, shuffle=True)).options().autotune.enabled is False


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
