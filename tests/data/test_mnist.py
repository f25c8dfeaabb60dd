"""MNIST: where it is looked for, in which formats, and how it is shared out."""

import gzip
import hashlib
import importlib
import io
from importlib.resources import files
from urllib.error import URLError

import numpy as np
import pytest

import keras_qd
from keras_qd.data.mnist import SUBSET
from keras_qd.errors import DataError, UsageError

mnist_module = importlib.import_module("keras_qd.data.mnist")
SPLITS = ("train", "validation", "test")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """An empty cache of Keras, in place of the user's; and no network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    folder = tmp_path / "keras" / "datasets"
    folder.mkdir(parents=True)
    return folder


def made_up(n_train=30, n_test=20):
    """Return images and digits as Keras names them."""
    generator = np.random.default_rng(0)
    return {
        f"{name}_{part}": generator.integers(0, high, (count, *shape), dtype=np.uint8)
        for part, count in (("train", n_train), ("test", n_test))
        for name, high, shape in (("x", 256, (28, 28)), ("y", 10, ()))
    }


def check(dataset, arrays):
    """Check that a data set has all training images, and halves of the test images."""
    wanted = {
        "train": (arrays["x_train"], arrays["y_train"]),
        "validation": (arrays["x_test"][:10], arrays["y_test"][:10]),
        "test": (arrays["x_test"][10:], arrays["y_test"][10:]),
    }
    for name, (images, digits) in wanted.items():
        np.testing.assert_array_equal(dataset.split(name)["image"], images)
        np.testing.assert_array_equal(dataset.split(name)["digit"], digits)


def write_idx(folder, arrays, compressed):
    folder.mkdir()
    names = {"x_train": "train-images-idx3", "y_train": "train-labels-idx1"}
    names |= {"x_test": "t10k-images-idx3", "y_test": "t10k-labels-idx1"}
    for key, name in names.items():
        values = arrays[key]
        head = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
        content = head + values.tobytes()
        path = folder / f"{name}-ubyte{'.gz' if compressed else ''}"
        path.write_bytes(gzip.compress(content) if compressed else content)


def test_the_subset_comes_along_unchanged():
    content = (files("keras_qd.data") / SUBSET).read_bytes()
    licence = (files("keras_qd.data") / "mnist_5k.LICENSE.txt").read_text()
    assert hashlib.sha256(content).hexdigest() in licence
    assert "Redistribution and use in source and binary forms" in licence


def test_the_subset_has_the_same_share_of_every_digit():
    dataset = keras_qd.load("mnist")
    counts = {name: np.bincount(dataset.split(name)["digit"]) for name in SPLITS}
    for name, expected in {"train": 429, "validation": 35, "test": 36}.items():
        np.testing.assert_array_equal(counts[name], np.full(10, expected))
    images = np.concatenate([dataset.split(name)["image"] for name in SPLITS])
    assert len(np.unique(images.reshape(5000, -1), axis=0)) == 5000
    assert images.dtype == np.uint8
    assert images.max() == 255


def test_the_subset_is_said_to_be_one():
    metadata = keras_qd.load("mnist").metadata
    assert metadata["source"] == "5,000 images of MNIST"
    assert "only the subset of 5,000 MNIST images" in metadata["notice"]
    assert "4,290 to train, 350 to validate, 360 to test" in metadata["notice"]


def test_the_cache_of_keras_comes_first(cache):
    arrays = made_up()
    np.savez(cache / "mnist.npz", **arrays)
    dataset = keras_qd.load("mnist")
    check(dataset, arrays)
    assert "notice" not in dataset.metadata
    assert len(keras_qd.load("mnist", subset=True).split("train")["digit"]) == 4290


@pytest.mark.parametrize("kind", ["npz", "idx", "idx.gz"])
def test_a_named_file_comes_before_the_cache(cache, tmp_path, kind):
    np.savez(cache / "mnist.npz", **made_up(40, 40))
    arrays, path = made_up(), tmp_path / f"given.{kind}"
    if kind == "npz":
        np.savez(path, **arrays)
    else:
        write_idx(path, arrays, compressed=kind.endswith("gz"))
    dataset = keras_qd.load("mnist", path=path)
    check(dataset, arrays)
    assert dataset.metadata["path"] == str(path)


def test_lines_of_text_are_shared_out_digit_by_digit(tmp_path):
    arrays = made_up(280)
    digits = np.repeat(np.arange(10), 28)
    rows = np.column_stack([arrays["x_train"].reshape(280, -1), digits])
    np.savetxt(tmp_path / "digits.csv", rows, fmt="%d", delimiter=",")
    dataset = keras_qd.load("mnist", path=tmp_path / "digits.csv")
    for name, expected in {"train": 24, "validation": 2, "test": 2}.items():
        np.testing.assert_array_equal(np.bincount(dataset.split(name)["digit"]), expected)
    np.testing.assert_array_equal(dataset.split("test")["image"][0], arrays["x_train"][6])


def test_nothing_is_downloaded_unless_asked_for(monkeypatch, cache, tmp_path):
    np.savez(tmp_path / "served.npz", **made_up())
    content = (tmp_path / "served.npz").read_bytes()
    asked = []

    def serve(url, timeout):
        asked.append(url)
        return io.BytesIO(content)

    monkeypatch.setattr(mnist_module, "urlopen", serve)
    keras_qd.load("mnist")
    assert not asked
    with pytest.raises(DataError, match=r"could not be downloaded .*the checksum of .* is wrong"):
        keras_qd.load("mnist", download=True)
    assert not list(cache.iterdir())
    monkeypatch.setattr(mnist_module, "_CHECKSUM", hashlib.sha256(content).hexdigest())
    check(keras_qd.load("mnist", download=True), made_up())
    check(keras_qd.load("mnist", download=True), made_up())
    assert len(asked) == 2  # the third time it was there


def test_a_download_that_fails_is_reported(monkeypatch):
    def fail(url, timeout):
        raise URLError("no network")

    monkeypatch.setattr(mnist_module, "urlopen", fail)
    with pytest.raises(DataError, match=r"could not be downloaded \(.*no network"):
        keras_qd.load("mnist", download=True)


def test_one_source_at_a_time():
    with pytest.raises(UsageError, match="one of path, subset and download"):
        keras_qd.load("mnist", subset=True, download=True)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mnist.h5", b"", "not MNIST in a known format"),
        ("mnist.npz", b"PK\x03\x04 cut off", "cannot be read"),
        ("mnist.csv", b"1,2,3\n", "3 numbers in a line"),
        ("mnist.csv", b"1,two,3\n", "cannot be read as MNIST"),
        ("mnist.csv.gz", b"no gzip", "cannot be read as MNIST"),
        ("mnist.csv", b",".join([b"9"] * 784 + [b"12"]), "digits from 0 to 9"),
    ],
)
def test_broken_files_are_told(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        keras_qd.load("mnist", path=tmp_path / name)


def test_missing_files_are_named(tmp_path):
    for name in ("nowhere.npz", "nowhere.csv"):
        with pytest.raises(DataError, match=f"{name} does not exist"):
            keras_qd.load("mnist", path=tmp_path / name)
    with pytest.raises(DataError, match="holds no file train-images"):
        keras_qd.load("mnist", path=tmp_path)


def test_other_images_are_refused(tmp_path):
    arrays = made_up()
    for key, values in {"x_train": arrays["x_train"][:, 1:], "y_test": np.arange(3)}.items():
        np.savez(tmp_path / "other.npz", **{**arrays, key: values})
        with pytest.raises(DataError, match=r"expected \(n, 28, 28\) and \(n,\)"):
            keras_qd.load("mnist", path=tmp_path / "other.npz")


def test_nothing_is_unpickled(tmp_path):
    arrays = {**made_up(), "y_test": np.array([{"a": 1}], dtype=object)}
    np.savez(tmp_path / "objects.npz", **arrays)
    with pytest.raises(DataError, match="cannot be read"):
        keras_qd.load("mnist", path=tmp_path / "objects.npz")
