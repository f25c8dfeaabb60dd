"""Several targets, in order whatever the number of processes."""

import numpy as np
import pytest

from keras_qd.errors import UsageError
from keras_qd.inverse import invert_many
from keras_qd.physics import Box, sample_potentials, solve

BOX = Box(10.0)


@pytest.fixture(scope="module")
def targets():
    return [solve(v, BOX, 1).density for v in sample_potentials(3, BOX, 32, seed=4)]


def test_order_and_numbers_do_not_depend_on_workers(targets):
    alone = invert_many(targets, BOX, 1)
    shared = invert_many(targets, BOX, 1, workers=2)
    for one, other, target in zip(alone, shared, targets, strict=True):
        np.testing.assert_allclose(one.target, target)
        np.testing.assert_array_equal(one.potential, other.potential)
        assert one.reason == other.reason == "converged"


def test_starts(targets):
    starts = [None, *sample_potentials(3, BOX, 32, seed=4)[1:]]
    found = invert_many(targets, BOX, 1, starts=starts)
    assert [each.converged for each in found] == [True] * 3


def test_wrong_numbers(targets):
    with pytest.raises(UsageError, match="starts"):
        invert_many(targets, BOX, 1, starts=[None])
    with pytest.raises(UsageError, match="workers"):
        invert_many(targets, BOX, 1, workers=0)
