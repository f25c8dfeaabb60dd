"""Pairs of images become a store; all errors are reported at once."""

import hypothesis.extra.numpy as st_numpy
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.transform import resize

import keras_qd
from keras_qd.data import prepare_pairs
from keras_qd.data.image_pairs import resize_image
from keras_qd.errors import DataError, UsageError

RNG = np.random.default_rng(0)


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        tifffile.imwrite(path, image, photometric="rgb" if image.ndim == 3 else "minisblack")
    else:
        Image.fromarray(image).save(path)


def images(n, size=(8, 10), channels=(), dtype="uint8"):
    return RNG.integers(0, np.iinfo(dtype).max, (n, *size, *channels)).astype(dtype)


@pytest.fixture
def halves(tmp_path):
    """A folder of images side by side, and what is in them."""
    a, b = images(12, channels=(3,)), images(12, channels=(3,))
    for number, pair in enumerate(zip(a, b, strict=True)):
        save(tmp_path / "pairs" / f"{number:02}.png", np.concatenate(pair, axis=1))
    return tmp_path / "pairs", a, b


def test_side_by_side(halves, tmp_path):
    folder, a, b = halves
    store = prepare_pairs(tmp_path / "store.zarr", folder)
    np.testing.assert_array_equal(store.read("input"), a)
    np.testing.assert_array_equal(store.read("target"), b)
    assert store.fields["input"].limits == (0, 255)
    assert store.fields["input"].dtype == "uint8"
    turned = prepare_pairs(tmp_path / "turned.zarr", folder, direction="b-to-a")
    np.testing.assert_array_equal(turned.read("input"), b)


def test_two_folders_of_other_types_without_loss(tmp_path):
    a, b = images(5, dtype="uint16"), RNG.normal(size=(5, 8, 10, 3)).astype("float32")
    for number in range(5):
        save(tmp_path / "set" / "A" / f"{number}.png", a[number])
        save(tmp_path / "set" / "B" / f"{number}.tif", b[number])
    store = prepare_pairs(tmp_path / "one.zarr", tmp_path / "set")
    np.testing.assert_array_equal(store.read("input"), a)
    np.testing.assert_array_equal(store.read("target"), b)
    assert store.fields["input"].limits == (0, 65535)
    assert store.fields["target"].limits is None
    two = prepare_pairs(tmp_path / "two.zarr", a=tmp_path / "set" / "A", b=tmp_path / "set" / "B")
    assert two.digest() == store.digest()


def test_folders_may_divide_the_set(tmp_path):
    for name, count in {"val": 2, "train": 5, "test": 3}.items():
        for number in range(count):
            save(tmp_path / "set" / name / f"{number}.png", images(1, size=(8, 16))[0])
    prepare_pairs(tmp_path / "store.zarr", tmp_path / "set")
    dataset = keras_qd.load("image-pairs", path=tmp_path / "store.zarr")
    counts = [len(dataset.split(name)["input"]) for name in ("train", "validation", "test")]
    assert counts == [5, 2, 3]
    assert dataset.metadata["fractions"] is None
    first = np.asarray(Image.open(tmp_path / "set" / "test" / "0.png"))
    np.testing.assert_array_equal(dataset.split("test")["input"][0], first[:, :8])
    other = keras_qd.load("image-pairs", path=tmp_path / "store.zarr", fractions=(1, 0, 0))
    assert len(other.split("train")["input"]) == 10


def test_without_such_folders_the_split_goes_by_hash(halves, tmp_path):
    prepare_pairs(tmp_path / "store.zarr", halves[0])
    dataset = keras_qd.load("image-pairs", path=tmp_path / "store.zarr")
    assert dataset.metadata["fractions"] == [0.8, 0.1, 0.1]


def test_resize_is_that_of_scikit_image_and_rounds_to_the_type(halves, tmp_path):
    folder, a, _ = halves
    store = prepare_pairs(tmp_path / "store.zarr", folder, resize=(6, 7))
    found = store.read("input")
    assert (found.shape, found.dtype) == ((12, 6, 7, 3), np.uint8)
    for image, given_image in zip(found, a, strict=True):
        exact = resize(given_image / 1.0, (6, 7), order=1, anti_aliasing=True, preserve_range=True)
        assert np.abs(image - exact).max() <= 0.5 + 1e-9


@settings(deadline=None, max_examples=30)
@given(
    image=st_numpy.arrays(
        dtype=st.sampled_from(["uint8", "uint16", "float32"]),
        shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
        elements={"min_value": 0, "max_value": 255},
    ),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
def test_resizing_keeps_type_range_and_what_has_the_size(image, size):
    found = resize_image(image, size)
    assert (found.dtype, found.shape) == (image.dtype, size)
    assert image.min() - 1e-4 <= found.min() <= found.max() <= image.max() + 1e-4
    assert resize_image(image, image.shape) is image
    even = np.full_like(image, 7)
    np.testing.assert_allclose(resize_image(even, size), 7, atol=1e-5)


def test_random_cuts_are_the_same_of_both_and_seeded(tmp_path):
    for number, image in enumerate(images(20, size=(16, 16))):
        save(tmp_path / "set" / f"{number:02}.png", np.concatenate([image, image], axis=1))
    cut = prepare_pairs(tmp_path / "cut.zarr", tmp_path / "set", crop=(8, 12))
    whole = prepare_pairs(tmp_path / "whole.zarr", tmp_path / "set")
    np.testing.assert_array_equal(cut.read("input"), cut.read("target"))
    places = set()
    for part, image in zip(cut.read("input"), whole.read("input"), strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(image, (8, 12))
        places |= set(map(tuple, np.argwhere((windows == part).all(axis=(2, 3)))))
    assert len(places) > 8
    again = prepare_pairs(tmp_path / "again.zarr", tmp_path / "set", crop=(8, 12))
    assert again.digest() == cut.digest()
    other = prepare_pairs(tmp_path / "other.zarr", tmp_path / "set", crop=(8, 12), seed=1)
    assert other.digest() != cut.digest()


def test_all_errors_are_reported_at_once_and_nothing_is_written(tmp_path):
    a, b = tmp_path / "set" / "A", tmp_path / "set" / "B"
    for number in range(6):
        save(a / f"{number}.png", images(1)[0])
        save(b / f"{number}.png", images(1)[0])
    save(a / "lonely.png", images(1)[0])
    save(b / "single.png", images(1)[0])
    save(a / "0.bmp", images(1)[0])
    (a / "1.png").write_bytes(b"no image")
    (b / "1.png").write_bytes(b"no image either")
    save(b / "2.png", images(1, size=(4, 4))[0])
    save(a / "3.png", images(1, channels=(3,))[0])
    save(b / "4.png", images(1, dtype="uint16")[0])
    save(a / "5.png", images(1, size=(20, 20))[0])
    save(b / "5.png", images(1, size=(20, 20))[0])
    (a / "notes.txt").write_text("not looked at")
    with pytest.raises(DataError) as caught:
        prepare_pairs(tmp_path / "store.zarr", tmp_path / "set", crop=(9, 9))
    told = str(caught.value)
    for error in (
        "lonely.png has no partner",
        "single.png has no partner",
        "0.png have one name",
        "A/1.png: it is broken",
        "B/1.png: it is broken",
        "2.png is 8 x 10, but",
        "sizes differ: 8 x 10 (4), 20 x 20 (1: 5)",
        "the images A differ in mode: grey uint8 (4), RGB uint8 (1: 3)",
        "the images B differ in mode: grey uint8 (4), grey uint16 (1: 4)",
        "9 x 9 cannot be cut out of 8 x 10",
    ):
        assert error in told
    assert "notes" not in told
    assert not (tmp_path / "store.zarr").exists()


def test_folders_that_make_no_set(tmp_path, halves):
    (tmp_path / "empty").mkdir()
    save(tmp_path / "odd" / "a.png", images(1, size=(4, 5))[0])
    save(tmp_path / "mixed" / "train" / "a.png", images(1)[0])
    save(tmp_path / "mixed" / "b.png", images(1)[0])
    for folder, error in {
        "empty": "holds no image",
        "nowhere": "there is no folder",
        "odd": "5 pixels wide, which cannot be halved",
        "mixed": "1 pairs are in folders for training.* but 1 are not, such as b",
    }.items():
        with pytest.raises(DataError, match=error):
            prepare_pairs(tmp_path / "store.zarr", tmp_path / folder)
    with pytest.raises(DataError, match="two with --a and --b"):
        prepare_pairs(tmp_path / "store.zarr", a=halves[0])
    with pytest.raises(UsageError, match="direction='both'"):
        prepare_pairs(tmp_path / "store.zarr", halves[0], direction="both")
    with pytest.raises(UsageError, match=r"crop=\(0, 4\) must be positive"):
        prepare_pairs(tmp_path / "store.zarr", halves[0], crop=(0, 4))


def test_other_images_or_settings_do_not_mix(halves, tmp_path):
    folder, a, _ = halves
    digest = prepare_pairs(tmp_path / "store.zarr", folder).digest()
    assert prepare_pairs(tmp_path / "store.zarr", folder).digest() == digest
    with pytest.raises(UsageError, match="resize is None"):
        prepare_pairs(tmp_path / "store.zarr", folder, resize=(4, 4))
    save(folder / "00.png", np.concatenate([a[1], a[2]], axis=1))
    with pytest.raises(UsageError, match="checksum is"):
        prepare_pairs(tmp_path / "store.zarr", folder)
