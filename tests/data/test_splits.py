"""Splits: stable, and never one input on two sides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_qd.data import split_rows
from keras_qd.errors import UsageError


def where(rows, n_samples):
    """Return the name of the split of each sample, which must be in exactly one."""
    found = np.full(n_samples, "", dtype=object)
    for name, members in rows.items():
        assert (found[members] == "").all()
        found[members] = name
    assert (found != "").all()
    return found


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.integers(1, 60))
def test_appending_moves_nobody_and_equal_samples_stay_together(content, first):
    content = np.array(content, dtype=np.uint64)
    sides = where(split_rows(content), len(content))
    before = where(split_rows(content[:first]), len(content[:first]))
    np.testing.assert_array_equal(sides[:first], before)
    for value in content:
        assert len(set(sides[content == value])) == 1


def test_shares_come_out_on_average():
    rows = split_rows(np.arange(20_000), (0.7, 0.2, 0.1))
    shares = [len(members) / 20_000 for members in rows.values()]
    assert shares == pytest.approx([0.7, 0.2, 0.1], abs=0.01)


def test_a_share_of_nothing_or_all():
    rows = split_rows(np.arange(50), (1, 0, 0))
    assert [len(members) for members in rows.values()] == [50, 0, 0]


def test_golden_values():
    # A change here would move samples between the splits of every stored data set.
    rows = split_rows(np.arange(40))
    assert rows["validation"].tolist() == [10, 12, 34]
    assert rows["test"].tolist() == [13, 16, 28, 32]


@pytest.mark.parametrize("fractions", [(0.8, 0.2), (0.8, 0.3, 0.1), (1.2, -0.1, -0.1)])
def test_shares_that_are_none_are_refused(fractions):
    with pytest.raises(UsageError, match="sum up to one"):
        split_rows(np.arange(5), fractions)
