"""Splits larger than memory: read shard by shard, in an order that seed and epoch alone decide."""

from functools import cache

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_qd
from keras_qd.data import Store, Wells, generate
from keras_qd.data.stored import Shards, StoredArray
from keras_qd.errors import UsageError
from keras_qd.tasks import Pipeline, Task
from keras_qd.training import Batches
from keras_qd.training.batches import n_samples, training_batches, validation_batches

N_SAMPLES = 20_000
TASK = Task(
    name="wells",
    dataset="wells-1d",
    inputs="potential",
    targets=("density",),
    model="unet",
    scaling={"potential": "centered-standard", "density": "standard"},
    batch_size=64,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Five shards of 4,096 samples."""
    path = tmp_path_factory.mktemp("stored") / "wells.zarr"
    generate(path, Wells(), N_SAMPLES, workers=1)
    return path


def load(path, memory_budget):
    return keras_qd.load("wells-1d", path=path, memory_budget=memory_budget)


@settings(deadline=None)
@given(
    samples=st.sets(st.integers(0, 200), min_size=1),
    shard_samples=st.integers(1, 30),
    window=st.integers(1, 5),
    seed=st.integers(0, 10),
)
def test_the_order_is_a_permutation_that_reads_each_shard_once(
    samples, shard_samples, window, seed
):
    samples = np.array(sorted(samples))
    shards = Shards.of_samples(samples, shard_samples, window)
    order = shards.shuffled(np.random.default_rng(seed))
    assert sorted(order) == list(range(len(samples)))
    np.testing.assert_array_equal(order, shards.shuffled(np.random.default_rng(seed)))
    found = samples[order] // shard_samples
    for number in np.unique(found):
        places = np.flatnonzero(found == number)
        between = found[places[0] : places[-1] + 1]
        assert len(np.unique(between)) <= window
    for edge, number in zip(shards.edges[:-1], shards.numbers, strict=True):
        assert samples[edge] // shard_samples == number


def test_small_splits_are_arrays_and_large_ones_stay_on_disk(path):
    small, large = load(path, 2**30).split("train"), load(path, 2**20).split("train")
    for name in small:
        assert isinstance(small[name], np.ndarray)
        assert isinstance(large[name], StoredArray)
        assert large[name].shape == small[name].shape
        assert large[name].dtype == small[name].dtype
        assert (len(large[name]), large[name].ndim) == (len(small[name]), small[name].ndim)
        np.testing.assert_array_equal(np.asarray(large[name]), small[name])
        rows = np.random.default_rng(0).permutation(len(small[name]))[:500]
        for wanted in (rows, rows[:1], slice(10, 3000), slice(None, None, 999), [-1, 0], 7, -2):
            np.testing.assert_array_equal(large[name][wanted], small[name][wanted])
    assert large["density"] is large["density"]
    assert n_samples(large) == n_samples(small)
    with pytest.raises(UsageError, match="memory_budget=0"):
        load(path, 0)


def test_scalings_are_those_of_the_training_split_read_block_by_block(path, monkeypatch):
    small = Pipeline.fit(TASK, load(path, 2**30).split("train"))
    monkeypatch.setattr(StoredArray, "__array__", None)  # nothing may ask for all at once
    large = Pipeline.fit(TASK, load(path, 2**20).split("train"))
    assert large.to_config() == small.to_config()
    whole = Store(path).read("density").std(dtype=np.float64)
    assert large.scalings["density"].factor == pytest.approx(whole, rel=0.01)
    assert large.scalings["density"].factor != pytest.approx(whole, rel=1e-9)


@cache
def pipeline_of(path):
    """Return the fitted pipeline, which is the same with any budget."""
    return Pipeline.fit(TASK, load(path, 2**30).split("train"))


def batches_of(path, memory_budget, seed=3, first_epoch=0, **changes):
    split = load(path, memory_budget).split("train")
    return training_batches(TASK.replace(**changes), pipeline_of(path), split, seed, first_epoch)


def epoch_of(batches):
    """Return all inputs and targets of an epoch."""
    pairs = [batches[index] for index in range(len(batches))]
    x, y = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return x, y


def test_batches_from_disk_hold_what_batches_from_memory_hold(path):
    """The same pairs, but for the last samples, which make no batch: others each time."""
    small, large = (epoch_of(batches_of(path, budget)) for budget in (2**30, 2**20))
    pairs = [
        {(one.tobytes(), other.tobytes()) for one, other in zip(x, y, strict=True)}
        for x, y in (small, large)
    ]
    assert all(x.dtype == y.dtype == np.float32 for x, y in (small, large))
    assert len(pairs[0]) == len(pairs[1]) == len(small[0])
    assert len(pairs[0] - pairs[1]) < TASK.batch_size


def test_the_order_depends_on_seed_and_epoch_alone(path):
    first = batches_of(path, 2**20)
    assert first.epoch == 0
    second = batches_of(path, 2**20, first_epoch=2)
    first.epoch = 2
    for index in (0, 100, len(first) - 1):
        for one, other in zip(first[index], second[index], strict=True):
            np.testing.assert_array_equal(one, other)
    assert not np.array_equal(batches_of(path, 2**20, seed=4)[0][0], batches_of(path, 2**20)[0][0])
    assert not np.array_equal(second[0][0], batches_of(path, 2**20)[0][0])


def test_each_shard_is_read_once_an_epoch(path, monkeypatch):
    batches = batches_of(path, 2**20)
    counted = []
    read = Store.read_shard
    monkeypatch.setattr(
        Store,
        "read_shard",
        lambda store, number, name, count: (
            counted.append((number, name)) or read(store, number, name, count)
        ),
    )
    for index in range(len(batches)):
        batches[index]
    assert len(counted) == len(set(counted)) == 2 * 5


def test_validation_keeps_all_samples_epoch_of(path):
    validations = []
    for budget in (2**30, 2**20):
        dataset = load(path, budget)
        pipeline = Pipeline.fit(TASK, dataset.split("train"))
        validations.append(validation_batches(TASK, pipeline, dataset.split("validation")))
    assert isinstance(validations[1], Batches)
    for index in range(len(validations[0])):
        for one, other in zip(validations[0][index], validations[1][index], strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_run_on_a_split_from_disk_goes_on_as_if_it_had_not_stopped(path, tmp_path):
    task = keras_qd.task("potential-to-energy").replace(
        dataset_config={"path": str(path), "samples": 12_000, "memory_budget": 2**20},
        epochs=2,
        batch_size=2000,
    )

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    whole = keras_qd.train(task, tmp_path / "whole", report=quiet)
    with pytest.raises(KeyboardInterrupt):
        keras_qd.train(task, tmp_path / "run", callbacks=[Stop()], report=quiet)
    resumed = keras_qd.resume(tmp_path / "run", report=quiet)
    assert resumed.history()["loss"] == whole.history()["loss"]
    assert whole.config["samples"]["train"] == len(task.load_dataset().split("train")["energy"])
    assert isinstance(task.load_dataset().split("test")["energy"], StoredArray)
    evaluation = keras_qd.evaluate(whole)
    assert np.isfinite(evaluation.score("mae").value)
    assert evaluation.data["n_samples"] == whole.config["samples"]["test"]


def quiet(*words):
    """Print nothing."""
