"""The symmetries of the square: a group, exact, on all fields together."""

import itertools

import hypothesis.extra.numpy as st_numpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_qd.data import SquareSymmetries, build_augmentation, symmetry
from keras_qd.data.augmentation import compose_elements, inverse_element
from keras_qd.errors import DataError, UnknownNameError, UsageError

ELEMENTS = range(8)
IMAGE = np.arange(25.0).reshape(5, 5)


def test_all_eight_differ_and_the_first_changes_nothing():
    images = {symmetry(IMAGE, element).tobytes() for element in ELEMENTS}
    assert len(images) == 8
    np.testing.assert_array_equal(symmetry(IMAGE, 0), IMAGE)


@pytest.mark.parametrize("element", ELEMENTS)
def test_inverses_undo(element):
    changed = symmetry(symmetry(IMAGE, element), inverse_element(element))
    np.testing.assert_array_equal(changed, IMAGE)


def test_composition_agrees_with_images():
    for first, second in itertools.product(ELEMENTS, repeat=2):
        expected = symmetry(symmetry(IMAGE, first), second)
        np.testing.assert_array_equal(symmetry(IMAGE, compose_elements(first, second)), expected)


def test_group_laws():
    for a, b, c in itertools.product(ELEMENTS, repeat=3):
        left = compose_elements(compose_elements(a, b), c)
        assert left == compose_elements(a, compose_elements(b, c))
    for a in ELEMENTS:
        assert (
            compose_elements(a, inverse_element(a)) == compose_elements(inverse_element(a), a) == 0
        )


@settings(deadline=None)
@given(
    image=st_numpy.arrays("f4", st.integers(1, 7).map(lambda side: (side, side))),
    first=st.sampled_from(ELEMENTS),
    second=st.sampled_from(ELEMENTS),
)
def test_any_image_keeps_the_group_laws_to_the_bit(image, first, second):
    """Also with NaN, infinities and signed zeros: numbers move, and nothing is calculated."""
    twice = symmetry(symmetry(image, first), second)
    once = symmetry(image, compose_elements(first, second))
    assert twice.tobytes() == once.tobytes()
    assert symmetry(symmetry(image, first), inverse_element(first)).tobytes() == image.tobytes()
    assert sorted(twice.copy().view("u4").ravel()) == sorted(image.view("u4").ravel())
    batch = np.stack([image, twice])[..., np.newaxis]
    changed = SquareSymmetries().apply(batch, np.array([first, second]))
    assert changed[0, ..., 0].tobytes() == symmetry(image, first).tobytes()
    assert changed[1, ..., 0].tobytes() == symmetry(twice, second).tobytes()


def test_batches_change_sample_by_sample():
    batch = np.random.default_rng(0).normal(size=(16, 6, 6, 2))
    elements = np.arange(16) % 8
    changed = SquareSymmetries().apply(batch, elements)
    for sample, element, result in zip(batch, elements, changed, strict=True):
        for channel in range(2):
            np.testing.assert_array_equal(
                result[..., channel], symmetry(sample[..., channel], element)
            )


def test_numbers_stay():
    energies = np.arange(4.0)
    apply = build_augmentation("square-symmetries").apply
    np.testing.assert_array_equal(apply(energies, np.arange(4)), energies)
    np.testing.assert_array_equal(apply(energies[:, None], np.arange(4)), energies[:, None])


def test_misuse_is_told():
    with pytest.raises(DataError, match="only square images"):
        symmetry(np.zeros((4, 5)), 1)
    with pytest.raises(DataError, match="needs images"):
        SquareSymmetries().apply(np.zeros((2, 8, 1)), np.zeros(2, dtype=int))
    with pytest.raises(UsageError, match="numbered 0 to 7"):
        symmetry(IMAGE, 8)
    with pytest.raises(UnknownNameError, match="square-symmetries"):
        build_augmentation("square-symmetry")
