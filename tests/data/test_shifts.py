"""Shifts: every element its own, nothing wraps around, numbers stay."""

import numpy as np
import pytest

from keras_qd.data import Shifts, build_augmentation
from keras_qd.errors import DataError

IMAGES = np.random.default_rng(0).uniform(1, 2, size=(25, 9, 8, 1))


def test_every_element_shifts_its_own_way():
    shifted = build_augmentation("shifts").apply(IMAGES, np.arange(25))
    for element in range(25):
        down, right = element // 5 - 2, element % 5 - 2
        expected = np.roll(IMAGES[element], (down, right), axis=(0, 1))
        rows, columns = np.indices((9, 8))
        came_in = ~((rows - down >= 0) & (rows - down < 9))
        came_in |= ~((columns - right >= 0) & (columns - right < 8))
        expected[came_in] = 0
        np.testing.assert_array_equal(shifted[element], expected)


def test_the_middle_element_changes_nothing():
    np.testing.assert_array_equal(Shifts().apply(IMAGES, np.full(25, 12)), IMAGES)


def test_classes_stay():
    classes = np.eye(10)
    np.testing.assert_array_equal(Shifts().apply(classes, np.arange(10)), classes)


def test_profiles_are_refused():
    with pytest.raises(DataError, match="needs images"):
        Shifts().apply(np.zeros((2, 8, 1)), np.zeros(2, dtype=int))
