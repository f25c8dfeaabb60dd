"""The data set quantum-dots: from a path, or made at first use and kept."""

import numpy as np
import pytest

import keras_qd
from keras_qd.data import QuantumDots, StoredDataset, generate
from keras_qd.data.store.location import locate
from keras_qd.errors import StoreError, UnknownNameError, UsageError

SMALL = {"n_pixels": 16, "n_orbitals": 5, "strength": 0.5}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "dots.zarr"
    generate(path, QuantumDots(**SMALL), 90, workers=1)
    return path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_QD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def rows(dataset):
    """Return the potentials' bytes of each split."""
    return {
        name: {image.tobytes() for image in dataset.split(name)["potential"]}
        for name in ("train", "validation", "test")
    }


def test_a_stored_set_has_fields_splits_and_metadata(path):
    dataset = keras_qd.load("quantum-dots", path=path)
    found = rows(dataset)
    assert sum(map(len, found.values())) == 90
    assert not found["train"] & found["test"]
    assert not found["train"] & found["validation"]
    split = dataset.split("train")
    assert set(split) == set(dataset.fields)
    assert len(split) == len(dataset.fields)
    assert {len(values) for values in split.values()} == {len(found["train"])}
    assert split["density"] is split["density"]
    assert dataset.metadata["samples"] == 90
    assert dataset.metadata["configuration"]["n_pixels"] == 16
    with pytest.raises(UnknownNameError, match="did you mean 'test'"):
        dataset.split("tests")
    with pytest.raises(KeyError):
        split["densitty"]


def test_the_first_samples_of_a_set_split_as_the_whole_does(path):
    whole, first = (rows(keras_qd.load("quantum-dots", path=path, samples=n)) for n in (None, 40))
    for name, members in first.items():
        assert members <= whole[name]


def test_splits_keep_the_fields_of_a_sample_together(path):
    dataset = keras_qd.load("quantum-dots", path=path, fractions=(0.5, 0.25, 0.25))
    test = dataset.split("test")
    solved = QuantumDots(**SMALL)._solver.solve(test["potential"][0].astype(float))
    assert test["energy"][0] == pytest.approx(solved.energy)
    np.testing.assert_allclose(test["density"][0], solved.density, rtol=1e-5, atol=1e-8)


def test_without_a_path_it_is_made_once_and_kept(cache):
    reports = []
    arguments = {"samples": 8, "workers": 1, **SMALL}
    made = keras_qd.load("quantum-dots", progress=lambda *n: reports.append(n), **arguments)
    assert reports[-1] == (8, 8)
    reports.clear()
    with locate(next(cache.glob("*.zarr"))).lock():  # readers need no lock
        again = keras_qd.load("quantum-dots", progress=lambda *n: reports.append(n), **arguments)
    assert reports == []
    assert again.metadata == made.metadata
    fewer = keras_qd.load("quantum-dots", **{**arguments, "samples": 5})
    assert fewer.metadata["samples"] == 5
    assert fewer.metadata["digest"] != made.metadata["digest"]
    assert len(list(cache.glob("*.zarr"))) == 1
    keras_qd.load("quantum-dots", **{**arguments, "samples": 2, "seed": 1})
    assert len(list(cache.glob("*.zarr"))) == 2


def test_a_path_with_other_settings_is_refused(path):
    keras_qd.load("quantum-dots", path=path, interaction="coulomb", n_pixels=16)
    with pytest.raises(UsageError, match="n_pixels is 16, not 64"):
        keras_qd.load("quantum-dots", path=path, n_pixels=64)
    # with settings that exclude each other in one recipe
    with pytest.raises(UsageError, match="family is 'random-fourier', not 'random-mixture'"):
        keras_qd.load("quantum-dots", path=path, family="random-mixture")
    with pytest.raises(UnknownNameError, match="setting of the data set"):
        keras_qd.load("quantum-dots", path=path, pixels=64)


def test_more_samples_than_stored_are_refused_with_the_command(path):
    with pytest.raises(StoreError, match=r"holds 90 samples, not 100; .* 'keras-qd generate'"):
        keras_qd.load("quantum-dots", path=path, samples=100)


def test_missing_unfinished_and_other_stores_are_refused(tmp_path):
    with pytest.raises(StoreError, match=r"there is no data set at .*keras-qd generate"):
        keras_qd.load("quantum-dots", path=tmp_path / "nothing.zarr")

    def stop(done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "half", QuantumDots(**SMALL), 2000, workers=1, progress=stop)
    with pytest.raises(StoreError, match="is not finished: 0 of 2000 samples"):
        keras_qd.load("quantum-dots", path=tmp_path / "half")


def test_equal_inputs_stay_on_one_side(path, monkeypatch):
    store = keras_qd.data.open_store(path)
    read = store.read
    copies = {"fingerprint": np.arange(90) // 2}
    monkeypatch.setattr(store, "read", lambda name, rows=None: copies.get(name, read(name, rows)))
    dataset = StoredDataset(store)
    for members in dataset._rows.values():
        assert (members[::2] + 1 == members[1::2]).all()
