"""Predictions from file to file: every format, in little memory, whole or gone on with."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image
from tests.wells import N_PIXELS, make_wells

import keras_qd
from keras_qd.data import open_store
from keras_qd.data.io.arrays import read_fields
from keras_qd.errors import DataError, UsageError
from keras_qd.prediction import files as file_prediction
from keras_qd.prediction import predict_file


@pytest.fixture(scope="module")
def potentials():
    return make_wells(70, 5)["potential"].astype(np.float32)


@pytest.fixture(scope="module")
def expected(trained, potentials):
    return keras_qd.predict(trained, potentials)["density"]


def save(path, potentials):
    """Write potentials in the format that the suffix says."""
    if path.suffix == ".npy":
        np.save(path, potentials)
    elif path.suffix == ".npz":
        np.savez_compressed(path, density=potentials, potential=potentials)
    else:
        path.mkdir()
        for number, potential in enumerate(potentials):
            Image.fromarray(potential).save(path / f"{number:03}.tif")
    return path


def density(path):
    """Read what was written."""
    if path.suffix == ".npy":
        return np.load(path)
    if path.suffix == ".zarr":
        return open_store(path).read("density")
    with np.load(path) as archive:
        return archive["density"]


@pytest.mark.parametrize(
    "shape", [(N_PIXELS, N_PIXELS), (1, N_PIXELS, N_PIXELS, 1), (N_PIXELS, N_PIXELS, 1)]
)
def test_a_file_may_hold_one_potential_or_a_channel_axis(
    trained, potentials, expected, tmp_path, shape
):
    source = save(tmp_path / "p.npy", potentials[0].reshape(shape))
    assert predict_file(trained, source, tmp_path / "d.npy").n_samples == 1
    np.testing.assert_allclose(np.load(tmp_path / "d.npy"), expected[:1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("given", ["p.npy", "p.npz", "images"])
@pytest.mark.parametrize("out", ["d.npy", "d.npz", "d.zarr"])
def test_every_format_gives_the_same(trained, potentials, expected, tmp_path, given, out):
    source, heard = save(tmp_path / given, potentials), []
    written = predict_file(
        trained, source, tmp_path / out, batch_size=4, progress=lambda *told: heard.append(told)
    )
    assert written.n_samples == 70
    assert written.fields["density"].unit == "1/a0*^2"
    assert heard[-1] == (70, 70)
    np.testing.assert_allclose(density(tmp_path / out), expected, rtol=1e-4, atol=1e-6)
    assert sorted(path.name for path in tmp_path.glob("[!.]*")) == sorted([given, out])


class Doubling:
    """Stands for a model: doubles what it gets."""

    def __init__(self, pipeline):
        self.pipeline = pipeline

    def predict_on_batch(self, fields):
        return 2 * fields["potential"]


@pytest.mark.parametrize(("given", "out"), [("p.npy", "d.npy"), ("p.npz", "d.npz")])
def test_memory_does_not_grow_with_the_file(trained, tmp_path, monkeypatch, given, out):
    """48 MB go in and come out, and a tenth of that is never in memory."""
    monkeypatch.setattr(type(trained), "load_model", lambda run: Doubling(run.pipeline))
    n_samples = 48 * 2**20 // (4 * N_PIXELS**2)
    values = np.zeros((n_samples, N_PIXELS, N_PIXELS), np.float32)
    values[-1] = 3.0
    source = tmp_path / given
    np.save(source, values) if given == "p.npy" else np.savez(source, potential=values)
    del values
    tracemalloc.start()
    try:
        predict_file(trained, source, tmp_path / out, batch_size=16)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4.8 * 2**20
    result = read_fields(tmp_path / out, ["density"])["density"]
    assert result.shape == (n_samples, N_PIXELS, N_PIXELS)
    np.testing.assert_array_equal(result[n_samples - 1 : n_samples], 6)


def test_a_store_is_gone_on_with(trained, potentials, expected, tmp_path, monkeypatch):
    source, out = save(tmp_path / "p.npy", potentials), tmp_path / "d.zarr"
    monkeypatch.setattr("keras_qd.data.store.writer._SHARD_BYTES", 16 * 4 * N_PIXELS**2)

    def stop(done, total):
        if done >= 32:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_file(trained, source, out, progress=stop)
    assert open_store(out).n_finished == 32
    heard = []
    predict_file(trained, source, out, progress=lambda done, total: heard.append(done))
    assert heard == [48, 64, 70]
    np.testing.assert_allclose(density(out), expected, rtol=1e-4, atol=1e-6)
    np.save(source, potentials + 1)
    with pytest.raises(UsageError):
        predict_file(trained, source, out)
    predict_file(trained, source, out, force=True)
    assert not np.allclose(density(out), expected, rtol=1e-3)


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535)])
def test_grey_becomes_physical(trained, tmp_path, dtype, white):
    grey = np.random.default_rng(0).integers(0, white, (N_PIXELS, N_PIXELS)).astype(dtype)
    Image.fromarray(grey).save(tmp_path / "p.png")
    predict_file(trained, tmp_path / "p.png", tmp_path / "d.npy", grey=(-6.0, 1.0))
    expected = keras_qd.predict(trained, (-6 + 7.0 * grey / white)[None])["density"]
    np.testing.assert_allclose(np.load(tmp_path / "d.npy"), expected, rtol=1e-4, atol=1e-6)
    with pytest.raises(UsageError, match=r"not values in Ha\* .* --grey BLACK WHITE"):
        predict_file(trained, tmp_path / "p.png", tmp_path / "e.npy")


def test_images_of_the_kind_trained_on_need_no_scale(tmp_path):
    image = np.full((4, 4), 7, np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    limits = {"unit": "", "limits": (0.0, 255.0)}
    stack = read_fields(tmp_path / "a.png", ["input"], **limits)["input"]
    np.testing.assert_array_equal(stack[0:1], image[None])
    with pytest.raises(UsageError, match="from 0 to 65535"):
        read_fields(tmp_path / "a.png", ["input"], unit="", limits=(0.0, 65535.0))


def test_images_of_two_sizes_are_refused(trained, tmp_path):
    save(tmp_path / "images", np.zeros((2, N_PIXELS, N_PIXELS), np.float32))
    Image.fromarray(np.zeros((3, 3), np.float32)).save(tmp_path / "images" / "small.tif")
    with pytest.raises(DataError, match=r"small.tif has shape \(3, 3\)"):
        predict_file(trained, tmp_path / "images", tmp_path / "d.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_arrays_in_fortran_order_are_read(tmp_path):
    values = np.asfortranarray(np.arange(24.0).reshape(4, 3, 2))
    np.save(tmp_path / "p.npy", values)
    found = read_fields(tmp_path / "p.npy", ["potential"])["potential"]
    np.testing.assert_array_equal(found[1:3], values[1:3])


def test_slices_may_come_in_any_order(tmp_path):
    values = np.arange(24.0).reshape(4, 3, 2)
    np.savez_compressed(tmp_path / "p.npz", potential=values)
    found = read_fields(tmp_path / "p.npz", ["potential"])["potential"]
    for samples in (slice(2, 4), slice(0, 1), slice(1, 9)):
        np.testing.assert_array_equal(found[samples], values[samples])


def test_a_file_that_is_cut_short_is_told(tmp_path):
    np.save(tmp_path / "p.npy", np.zeros((4, 3)))
    content = (tmp_path / "p.npy").read_bytes()
    (tmp_path / "p.npy").write_bytes(content[:-10])
    with pytest.raises(DataError, match=r"p\.npy cannot be read: .*but it holds"):
        read_fields(tmp_path / "p.npy", ["potential"])


def test_several_fields_need_more_than_one_array(tmp_path):
    with pytest.raises(UsageError, match=r"predicts density, energy; name a \.npz"):
        file_prediction._single(tmp_path / "d.npy", dict.fromkeys(("density", "energy")))
