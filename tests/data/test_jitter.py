"""Jitter: enlarged, cut and mirrored, the same for all images of a sample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import resize

from keras_qd.data.augmentation import Jitter, enlarged_positions
from keras_qd.errors import DataError
from keras_qd.training import Batches

JITTER = Jitter()
P = 4096
elements = st.integers(0, JITTER.n_elements - 1)


def jittered(image, element):
    return JITTER.apply(image[np.newaxis], np.array([element]))[0]


@settings(deadline=None, max_examples=40)
@given(element=elements, ny=st.integers(3, 40), nx=st.integers(3, 40), seed=st.integers(0, 9))
def test_it_is_a_part_of_what_scikit_image_enlarges_perhaps_mirrored(element, ny, nx, seed):
    image = np.random.default_rng(seed).normal(size=(ny, nx, 2))
    large = resize(
        image,
        (len(enlarged_positions(ny)), len(enlarged_positions(nx))),
        order=1,
        mode="edge",
        anti_aliasing=False,
    )
    places, mirrored = divmod(element, 2)
    top = places // P * (large.shape[0] - ny + 1) // P
    left = places % P * (large.shape[1] - nx + 1) // P
    expected = large[top : top + ny, left : left + nx]
    expected = expected[:, ::-1] if mirrored else expected
    assert expected.shape == image.shape
    np.testing.assert_allclose(jittered(image, element), expected, atol=1e-12)


@settings(deadline=None)
@given(element=elements, seed=st.integers(0, 9), factor=st.floats(-3, 3), shift=st.floats(-3, 3))
def test_laws(element, seed, factor, shift):
    """It is linear, keeps constants, stays in the range, and mirroring commutes with it."""
    one, other = np.random.default_rng(seed).normal(size=(2, 12, 15, 1))
    combined = jittered(factor * one + other + shift, element)
    apart = factor * jittered(one, element) + jittered(other, element) + shift
    np.testing.assert_allclose(combined, apart, atol=1e-12)
    found = jittered(one, element)
    assert one.min() - 1e-12 <= found.min() <= found.max() <= one.max() + 1e-12
    np.testing.assert_array_equal(jittered(one, element ^ 1), found[:, ::-1])
    assert (jittered(np.full_like(one, 3.0), element) == 3.0).all()


def test_all_places_occur_256_to_286():
    rows = np.arange(256.0).reshape(1, 256, 1, 1).repeat(256, axis=2)
    assert len(enlarged_positions(256)) == 286
    tops = {jittered(rows[0], 2 * P * place)[0, 0, 0] for place in range(0, P, 64)}
    assert len(tops) == 31
    assert min(tops) == 0.0
    assert jittered(rows[0], 2 * P * (P - 1))[-1, 0, 0] == 255.0


def test_input_and_target_alike_and_anew_in_each_epoch():
    x = np.random.default_rng(0).normal(size=(8, 64, 48, 3)).astype("float32")
    batches = Batches(x, 2 * x, 4, shuffle=True, augmentation="jitter", seed=1)
    seen = []
    for epoch in range(3):
        batches.epoch = epoch
        for index in range(len(batches)):
            one, other = batches[index]
            assert one.dtype == other.dtype == np.float32
            np.testing.assert_allclose(other, 2 * one, rtol=1e-6)
            seen += [image.tobytes() for image in one]
    assert len(set(seen)) > 20
    again = Batches(x, x, 4, shuffle=True, augmentation="jitter", seed=1, first_epoch=2)
    np.testing.assert_array_equal(again[1][0], one)


def test_numbers_stay_and_profiles_are_refused():
    numbers = np.arange(3.0)
    assert JITTER.apply(numbers, np.zeros(3, int)) is numbers
    with pytest.raises(DataError, match="jitter needs images"):
        JITTER.apply(np.zeros((3, 8, 1)), np.zeros(3, int))
