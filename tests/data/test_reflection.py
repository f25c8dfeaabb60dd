"""Mirror images of profiles: fields together, numbers untouched."""

import numpy as np
import pytest

from keras_qd.data import build_augmentation
from keras_qd.errors import DataError
from keras_qd.training import Batches

REFLECT = build_augmentation("reflection").apply


def test_profiles_are_mirrored_one_by_one():
    profiles = np.random.default_rng(0).normal(size=(4, 9, 2))
    mirrored = REFLECT(profiles, np.array([0, 1, 1, 0]))
    for row in (0, 3):
        np.testing.assert_array_equal(mirrored[row], profiles[row])
    for row in (1, 2):
        np.testing.assert_array_equal(mirrored[row], profiles[row, ::-1])


def test_numbers_stay_and_images_are_refused():
    energies = np.arange(4.0)[:, None]
    np.testing.assert_array_equal(REFLECT(energies, np.ones(4, dtype=int)), energies)
    with pytest.raises(DataError, match="needs profiles"):
        REFLECT(np.zeros((4, 8, 8, 1)), np.zeros(4, dtype=int))


def test_batches_mirror_about_half_of_the_samples():
    x = np.arange(200 * 5.0).reshape(200, 5, 1)
    batches = Batches(x, x[:, 0], 200, shuffle=False, augmentation="reflection")
    changed, numbers = batches[0]
    np.testing.assert_array_equal(numbers, x[:, 0])
    share = np.mean(changed[:, 0, 0] != x[:, 0, 0])
    assert 0.3 < share < 0.7
