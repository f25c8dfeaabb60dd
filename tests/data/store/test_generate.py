"""Generation: the same data however the work is divided and interrupted."""

import dataclasses
import itertools
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
import recipes_for_tests
import zarr
from recipes_for_tests import Failing, Noise, Threads

from keras_qd.data import generate, open_store
from keras_qd.errors import DataError, PhysicsError, StoreError, UsageError, WorkerError


@pytest.fixture(scope="module")
def whole_digest(tmp_path_factory):
    """Return the digest of 22 samples made in one go."""
    return generate(tmp_path_factory.mktemp("whole") / "noise", Noise(), 22, workers=1).digest()


def test_samples_are_what_the_recipe_makes(tmp_path):
    recipe = Noise(seed=3)
    store = generate(tmp_path / "noise.zarr", recipe, 6, workers=1)
    images = np.stack([recipe.image(index) for index in range(6)])
    np.testing.assert_array_equal(store.read("image"), images.astype("float32"))
    np.testing.assert_array_equal(store.read("total"), images.sum(axis=(1, 2)))


def test_every_number_of_workers_makes_the_same_bits(tmp_path):
    digests = {
        generate(tmp_path / str(workers), Noise(), 22, workers=workers).digest()
        for workers in (1, 3)
    }
    assert len(digests) == 1


def test_other_seeds_make_other_samples(tmp_path):
    one, other = (generate(tmp_path / str(seed), Noise(seed=seed), 4, workers=1) for seed in (0, 1))
    assert one.digest() != other.digest()
    assert not np.array_equal(one.read("image")[1:], other.read("image")[:-1])


@pytest.mark.parametrize(
    ("name", "first", "last"), [("Noise", 5, 17), ("Noise", 8, 16), ("BatchedNoise", 5, 17)]
)
def test_appending_keeps_the_first_samples_and_equals_one_go(tmp_path, name, first, last):
    recipe = getattr(recipes_for_tests, name)()
    short = generate(tmp_path / "grown", recipe, first, workers=1)
    before, digest = short.read("image"), short.digest()
    grown = generate(tmp_path / "grown", recipe, last, workers=1)
    at_once = generate(tmp_path / "at once", recipe, last, workers=1)
    assert grown.n_samples == last
    np.testing.assert_array_equal(grown.read("image")[:first], before)
    assert grown.digest() == at_once.digest()
    assert grown.digest(first) == digest


def test_appending_makes_only_what_is_missing(tmp_path):
    made = []
    generate(tmp_path / "noise", Noise(), 6, workers=1)
    generate(tmp_path / "noise", Noise(), 9, workers=1, progress=lambda *n: made.append(n))
    assert (made[0], made[-1]) == ((6, 9), (9, 9))
    assert made == sorted(made)


def test_fewer_samples_than_stored_change_nothing(tmp_path):
    digest = generate(tmp_path / "noise", Noise(), 9, workers=1).digest()
    store = generate(tmp_path / "noise", Noise(), 3, workers=1)
    assert (store.n_samples, store.digest()) == (9, digest)


def test_another_configuration_is_refused_with_the_differing_keys(tmp_path):
    path = tmp_path / "noise"
    digest = generate(path, Noise(), 5, workers=1).digest()
    with pytest.raises(UsageError, match=r"seed is 0, not 4; n_pixels is 8, not 6") as caught:
        generate(path, Noise(n_pixels=6, seed=4), 5, workers=1)
    assert "shard" not in str(caught.value)
    assert open_store(path).digest() == digest


@pytest.mark.parametrize(
    ("failure", "kind", "message"),
    [
        ("nan", DataError, "sample 9: image is not finite"),
        ("shape", DataError, r"sample 9: image has shape \(1, 7, 8\), expected \(1, 8, 8\)"),
        ("refused", PhysicsError, "sample 9: the potential is too sharp"),
        ("bug", ZeroDivisionError, "a mistake in the recipe"),
        ("full", StoreError, r"no space left on the disk of .*failing"),
        ("dies", WorkerError, r"worker process died.*run the same again to resume"),
    ],
)
def test_failures_are_told_and_leave_a_store_that_goes_on(
    tmp_path, whole_digest, failure, kind, message
):
    path, until = tmp_path / "failing", tmp_path / "mended"
    recipe = Failing(failure=failure, until=str(until))
    with pytest.raises(kind, match=message):
        generate(path, recipe, 22, workers=2)
    assert open_store(path).digest() is None
    until.touch()
    assert generate(path, recipe, 22, workers=1).digest() == whole_digest


def test_a_recipe_may_print(tmp_path):
    recipe = Failing(failure="prints")
    assert generate(tmp_path / "noise", recipe, 12, workers=1).digest()


def test_the_clock_may_be_set_back(tmp_path, whole_digest, monkeypatch):
    clock = itertools.count(2e9, -3600)
    monkeypatch.setattr(time, "time", lambda: next(clock))
    generate(tmp_path / "noise", Noise(), 10, workers=1)
    for number, file in enumerate((tmp_path / "noise").rglob("*")):
        os.utime(file, (number % 2 * 4e9, number % 2 * 4e9))  # 1970 and 2096
    assert generate(tmp_path / "noise", Noise(), 22, workers=1).digest() == whole_digest


def test_interrupting_leaves_a_store_that_goes_on(tmp_path, whole_digest):
    def interrupt(done, total):
        if done >= 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "noise", Noise(), 22, workers=2, progress=interrupt)
    interrupted = open_store(tmp_path / "noise")
    assert interrupted.digest() is None
    with pytest.raises(StoreError, match=r"not finished: .* of 22 samples are there"):
        interrupted.read("image")
    assert generate(tmp_path / "noise", Noise(), 22, workers=1).digest() == whole_digest


def test_damaged_shards_are_made_again(tmp_path):
    path = tmp_path / "noise"
    digest = generate(path, Noise(), 10, workers=1).digest()
    chunk = path / "image" / "c" / "1" / "0" / "0"
    content = bytearray(chunk.read_bytes())
    content[-1] ^= 1
    chunk.write_bytes(bytes(content))
    (path / "image" / "c" / "2" / "0" / "0").unlink()
    assert open_store(path).damaged() == [1, 2]
    repaired = generate(path, Noise(), 10, workers=1)
    assert repaired.damaged() == []
    assert repaired.digest() == digest


def test_what_killed_writers_left_is_removed_and_never_read(tmp_path):
    path = tmp_path / "noise"
    generate(path, Noise(), 10, workers=1)
    leftover = path / "image" / "c" / "0" / "0" / "0.abc.partial"
    leftover.write_bytes(b"half of a chunk")
    building = tmp_path / ".noise.new"
    building.mkdir()
    store = generate(path, Noise(), 12, workers=1)
    assert not leftover.exists()
    assert store.damaged() == []


def test_an_interrupted_lengthening_is_finished(tmp_path):
    path = tmp_path / "noise"
    digest = generate(path, Noise(), 5, workers=1).digest()
    zarr.open_group(path)["image"].resize((40, 8, 8))  # killed after the first of several arrays
    assert open_store(path).digest() == digest
    whole = generate(tmp_path / "whole", Noise(), 12, workers=1)
    assert generate(path, Noise(), 12, workers=1).digest() == whole.digest()


def test_something_else_in_the_way_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("two years of work")
    with pytest.raises(StoreError, match=r"holds no Zarr group"):
        generate(tmp_path, Noise(), 5, workers=1)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(StoreError, match=r"thesis\.txt"):
        generate(tmp_path / "thesis.txt", Noise(), 5, workers=1)
    assert (tmp_path / "thesis.txt").read_text() == "two years of work"


def test_stores_of_a_newer_schema_are_refused(tmp_path):
    path = tmp_path / "noise"
    generate(path, Noise(), 2, workers=1)
    metadata = json.loads((path / "zarr.json").read_text())
    metadata["attributes"]["keras_qd"] |= {"schema_version": 99, "package_version": "7.0"}
    (path / "zarr.json").write_text(json.dumps(metadata))
    message = r"written by keras-qd 7\.0 in schema version 99.*upgrade with"
    with pytest.raises(StoreError, match=message):
        open_store(path)
    with pytest.raises(StoreError, match=message):
        generate(path, Noise(), 4, workers=1)


@pytest.mark.parametrize("numbers", [{"n_samples": 0}, {"n_samples": 4, "workers": 0}])
def test_numbers_below_one_are_refused(tmp_path, numbers):
    with pytest.raises(UsageError, match="at least 1"):
        generate(tmp_path / "noise", Noise(), **numbers)
    assert not list(tmp_path.iterdir())


def test_a_recipe_need_not_be_in_a_module(tmp_path):
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Local(Noise):
        def make(self, indices):
            made = super().make(indices)
            return {**made, "total": made["total"] + 1}

    store = generate(tmp_path / "noise", Local(), 4, workers=1)
    np.testing.assert_allclose(
        store.read("total"), store.read("image").sum(axis=(1, 2)) + 1, rtol=1e-5
    )


def test_nothing_but_the_store_is_left_behind(tmp_path):
    generate(tmp_path / "noise", Noise(), 4, workers=1)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".noise.lock", "noise"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads in /proc")
def test_workers_have_one_thread_each(tmp_path, monkeypatch):
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    store = generate(tmp_path / "threads", Threads(), 8, workers=2)
    np.testing.assert_array_equal(store.read("total"), 0)
