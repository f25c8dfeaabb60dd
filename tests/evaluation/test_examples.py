"""The best, the median and the worst system."""

import numpy as np
import pytest

from keras_qd.errors import UsageError
from keras_qd.evaluation.examples import pick, rank


def test_the_best_is_the_largest_where_higher_is_better():
    assert rank([0.1, 0.5, 0.3], higher_is_better=True) == {"best": 1, "median": 2, "worst": 0}


@pytest.mark.parametrize("higher_is_better", [False, True])
def test_an_undefined_value_is_the_worst(higher_is_better):
    assert rank([0.1, np.nan, 0.3], higher_is_better=higher_is_better)["worst"] == 1


def test_one_system_is_all_three():
    assert rank([0.4]) == {"best": 0, "median": 0, "worst": 0}


def test_no_system_is_refused():
    with pytest.raises(UsageError, match="no systems"):
        rank([])


def test_an_example_holds_the_fields_of_its_system():
    field = np.arange(3.0)[:, None] * np.ones((3, 4))
    worst = pick([0.2, 0.1, 0.3], {"in": field}, {"out": field}, {"out": 2 * field})[-1]
    assert (worst.label, worst.index, worst.error) == ("worst", 2, 0.3)
    np.testing.assert_array_equal(worst.prediction["out"], np.full(4, 4.0))
