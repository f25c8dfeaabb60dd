"""Images in a small file and back: sizes, errors, and what is refused."""

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import keras_qd
from keras_qd.compression import (
    PRECISIONS,
    _read,
    quantise,
    read_images,
    restore_latents,
    write_images,
)
from keras_qd.errors import DataError, RunError, UnknownNameError, UsageError
from tests.digits import SIDE, copied, make_bars, train_on_bars

latents = arrays(np.float32, (4, 3), elements=st.floats(-1e3, 1e3, width=16))


@pytest.fixture
def packed(autoencoder, tmp_path):
    """A compressed file, and what became of it."""
    return keras_qd.compress(autoencoder, make_bars(40, 3)["image"], tmp_path / "bars.kqd")


@given(latents, st.sampled_from(sorted(PRECISIONS)))
def test_latent_numbers_come_back(values, precision):
    returned = restore_latents(quantise(values, precision))
    # Half a step of 255 between the ends; half precision has these values exactly.
    half_step = np.ptp(values, axis=0) / 510 if precision == "uint8" else 0
    assert (np.abs(returned - values) <= half_step * (1 + 1e-3) + 1e-6 * np.abs(values)).all()


def test_half_precision_has_an_end():
    with pytest.raises(DataError, match="use uint8"):
        quantise(np.full((1, 1), 1e6), "float16")
    with pytest.raises(UnknownNameError, match="did you mean 'uint8'"):
        quantise(np.ones((1, 1)), "uint")


@pytest.mark.parametrize("precision", sorted(PRECISIONS))
def test_what_comes_back_is_the_reconstruction(autoencoder, tmp_path, precision):
    images = make_bars(40, 3)["image"]
    path = tmp_path / "bars.kqd"
    done = keras_qd.compress(autoencoder, images, path, precision=precision)
    restored = keras_qd.decompress(path)["image"]
    assert (restored.shape, restored.dtype) == (images.shape, np.uint8)
    expected = keras_qd.predict(autoencoder, images)["image"]
    assert np.abs(restored - expected).max() < (4 if precision == "uint8" else 1)
    assert done.error == pytest.approx(np.sqrt(np.mean((restored - images.astype(float)) ** 2)))
    assert done.spread == pytest.approx(np.sqrt(images.var(axis=0).mean()))


def test_sizes_are_those_of_the_files(packed):
    assert (packed.n_images, packed.bytes_in) == (40, 40 * SIDE**2)
    assert packed.bytes_out == packed.path.stat().st_size
    assert packed.ratio == packed.bytes_in / packed.bytes_out
    _, parts = _read(packed.path)
    # A byte for each of the eight latent numbers of an image, and a range for each number.
    assert sum(part.nbytes for part in parts.values()) == 40 * 8 + 8 * 8
    assert parts["latents"].shape == (40, 2, 2, 2)


def test_another_model_is_refused(packed, bars, tmp_path):
    other = train_on_bars("mnist-autoencoder", tmp_path / "other", bars, epochs=1)
    with pytest.raises(DataError, match="compressed with another model"):
        keras_qd.decompress(packed.path, other)


def test_a_run_that_has_moved_is_named(autoencoder, tmp_path):
    moved = copied(autoencoder, tmp_path)
    done = keras_qd.compress(moved, make_bars(3, 0)["image"], tmp_path / "bars.kqd")
    moved.path.rename(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="give the location of that run"):
        keras_qd.decompress(done.path)
    assert keras_qd.decompress(done.path, tmp_path / "elsewhere")["image"].shape == (3, 12, 12)


def test_what_cannot_compress_is_told(classifier, tmp_path):
    with pytest.raises(RunError, match="no encoder and decoder"):
        keras_qd.compress(classifier, make_bars(2, 0)["image"], tmp_path / "bars.kqd")
    assert not (tmp_path / "bars.kqd").exists()


def test_images_that_do_not_fit_are_told(autoencoder, tmp_path):
    for images, message in (
        (np.zeros((2, 5, 5)), "has shape"),
        (np.zeros((0, 12, 12)), "no image"),
    ):
        with pytest.raises(DataError, match=message):
            keras_qd.compress(autoencoder, images, tmp_path / "bars.kqd")


@pytest.mark.parametrize("cut", [0, 5, 11, 40, -3])
def test_damaged_files_are_told(packed, cut):
    packed.path.write_bytes(packed.path.read_bytes()[:cut])
    with pytest.raises(DataError, match="is damaged, or not a file of compressed images"):
        keras_qd.decompress(packed.path)


@given(place=st.integers(0, 700), value=st.integers(0, 255))
def test_a_changed_byte_never_breaks_the_reader(packed_once, place, value):
    content = bytearray(packed_once.path.read_bytes())
    content[place % len(content)] = value
    changed = packed_once.path.with_name("changed.kqd")
    changed.write_bytes(content)
    with contextlib.suppress(DataError):
        _, parts = _read(changed)
        assert len(parts["latents"]) > 0


@pytest.fixture(scope="module")
def packed_once(autoencoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    return keras_qd.compress(autoencoder, make_bars(40, 3)["image"], folder / "bars.kqd")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 9}, "newer keras-qd"),
        ({"dtype": "|O"}, "do not match"),
        ({"model": None}, "do not match"),
        ({"latents": np.zeros((0, 2), np.uint8)}, "do not match"),
        ({"low": np.zeros(3, np.float32)}, "do not match"),
        ({"latents": np.array([{}], dtype=object)}, "is damaged"),
    ],
)
def test_files_of_other_contents_are_refused(packed, changes, message):
    header, parts = _read(packed.path)
    header |= {name: value for name, value in changes.items() if name in header}
    parts |= {name: value for name, value in changes.items() if name in parts}
    described = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with packed.path.open("wb") as file:
        np.savez(file, header=described, **parts)
    with pytest.raises(DataError, match=message):
        keras_qd.decompress(packed.path)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".png", ".tif"])
def test_images_go_into_files_and_back(tmp_path, suffix):
    images = make_bars(23, 5)["image"]
    write_images(tmp_path / f"bars{suffix}", "image", images)
    returned = read_images(tmp_path / f"bars{suffix}", "image", (SIDE, SIDE))
    np.testing.assert_array_equal(returned[:23], images)
    # A picture has black tiles where the last row is not full.
    assert len(returned) == (23 if suffix.startswith(".np") else 40)
    assert not returned[23:].any()


def test_files_without_such_images_are_told(tmp_path):
    np.save(tmp_path / "flat.npy", np.zeros((3, 144)))
    write_images(tmp_path / "bars.png", "image", make_bars(3, 0)["image"])
    (tmp_path / "text.png").write_text("no picture")
    for name, shape, message in (
        ("flat.npy", (12, 12), "expected images"),
        ("bars.png", (5, 5), "expected tiles of 5 x 5"),
        ("text.png", (5, 5), "cannot be read as a picture"),
        ("none.png", (5, 5), "does not exist"),
    ):
        with pytest.raises(DataError, match=message):
            read_images(tmp_path / name, "image", shape)
    with pytest.raises(UsageError, match="must end in one of"):
        write_images(tmp_path / "bars.txt", "image", make_bars(3, 0)["image"])


def test_the_verbs(keras_qd_command, autoencoder, tmp_path):
    packed, out = tmp_path / "bars.kqd", tmp_path / "bars.png"
    code, text, _ = keras_qd_command("compress", autoencoder.path, "--out", packed)
    assert code == 0
    assert text.startswith("18 images, 2592 bytes -> ")
    assert "ratio: " in text
    assert "error: " in text
    code, text, _ = keras_qd_command("decompress", packed, "--out", out)
    assert (code, text.strip()) == (0, f"18 images written: {out}")
    code, _, error = keras_qd_command("decompress", packed, "--out", out)
    assert (code, "--force" in error) == (2, True)
    code, text, _ = keras_qd_command(
        "compress", autoencoder.path, out, "--out", packed, "--force", "--json"
    )
    assert json.loads(text)["images"] == 18
    code, _, error = keras_qd_command("compress", autoencoder.path, out, "--out", packed)
    assert (code, "--force" in error) == (2, True)
    code, _, error = keras_qd_command("decompress", packed, "--out", tmp_path / "bars.txt")
    assert (code, "must end in" in error) == (2, True)
