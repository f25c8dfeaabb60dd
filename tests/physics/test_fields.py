"""Fields that somebody gives: what is taken, and what the errors say."""

import numpy as np
import pytest

from keras_qd.errors import DataError
from keras_qd.physics.box import check_field


def check(field):
    return check_field(field, "height", several="one by one", not_finite="mend them")


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
            "has 8 values that are not finite; mend them",
        ),
    ],
)
def test_what_is_no_field_is_refused_with_what_to_do(field, message):
    with pytest.raises(DataError, match=message):
        check(field)
