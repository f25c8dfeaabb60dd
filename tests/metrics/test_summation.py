"""Sums that keep their digits."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_qd.metrics.summation import RunningSum, pairwise_sum, two_sum


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 129, 1000, 4096, 65537])
def test_pairwise_sum(length, rng):
    values = rng.uniform(size=(3, length)).astype("float32")
    expected = values.astype(float).sum(axis=1)
    sums = ops.convert_to_numpy(pairwise_sum(ops.convert_to_tensor(values)))
    np.testing.assert_allclose(sums, expected, rtol=3e-7)


def test_two_sum_loses_nothing(rng):
    a, b = (rng.normal(size=100) * 10.0 ** rng.integers(-6, 6, 100) for _ in range(2))
    a, b = a.astype("float32"), b.astype("float32")
    total, error = two_sum(ops.convert_to_tensor(a), ops.convert_to_tensor(b))
    total, error = (ops.convert_to_numpy(x).astype(float) for x in (total, error))
    np.testing.assert_array_equal(total + error, a.astype(float) + b)


def test_two_sum_of_infinities():
    total, error = two_sum(
        ops.convert_to_tensor([np.inf, 1.0]), ops.convert_to_tensor([1.0, np.inf])
    )
    assert np.isinf(ops.convert_to_numpy(total)).all()
    np.testing.assert_array_equal(ops.convert_to_numpy(error), 0.0)


def test_running_sum_does_not_drift():
    metric = keras.metrics.Metric(name="owner")
    running = RunningSum(metric, "sum")
    running.add(ops.convert_to_tensor(np.float32(1e8)))
    for _ in range(1000):
        running.add(ops.convert_to_tensor(np.float32(1.0)))
    assert float(running.value()) == pytest.approx(1e8 + 1000, rel=1e-7)
    assert len(metric.variables) == 2
    metric.reset_state()
    assert float(running.value()) == 0.0
