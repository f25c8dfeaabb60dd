"""The box, its grid, and the check of fields on it."""

import numpy as np
import pytest

from keras_qd.errors import DataError, UsageError
from keras_qd.physics import Box
from keras_qd.physics.box import check_field


def test_pixel_centres_and_directions():
    x, y = Box(8.0).mesh(4)
    np.testing.assert_allclose(x[0], [1, 3, 5, 7])
    np.testing.assert_allclose(y[:, 0], [1, 3, 5, 7])
    assert np.ptp(x, axis=0).max() == 0
    assert np.ptp(y, axis=1).max() == 0


def test_pixels_cover_the_box():
    assert Box(3.0).pixel_area(7) * 49 == pytest.approx(9.0)


@pytest.mark.parametrize("length", [0.0, -1.0, np.nan, np.inf])
def test_senseless_length(length):
    with pytest.raises(UsageError, match=r"from 1e-06 to 1000000\.0"):
        Box(length)


def check(field):
    return check_field(field, "height", several="one by one", not_finite="replace them")


def test_lists_of_whole_numbers_become_float64():
    field = check([[k] * 8 for k in range(8)])
    assert field.dtype == np.float64
    assert field[3, 5] == 3.0


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (np.zeros((3, 8, 8)), r"square array of at least 8 x 8 .* \(3, 8, 8\); one by one"),
        (np.zeros((8, 9)), r"shape \(8, 9\)"),
        (np.zeros((7, 7)), r"shape \(7, 7\)"),
        (np.zeros(()), r"shape \(\)"),
        ([["a"] * 8] * 8, "a height must be an array of real numbers"),
        (np.full((8, 8), 1j), "a height must be an array of real numbers"),
        (
            [[0.0] * 8] * 7 + [[np.nan] * 7 + [np.inf]],
            "has 8 values that are not finite; replace them",
        ),
    ],
)
def test_unusable_fields_are_refused_with_advice(field, message):
    with pytest.raises(DataError, match=message):
        check(field)
