"""Norms, mean errors and relative errors against their definitions, written out in NumPy."""

import numpy as np
import pytest
from skimage.metrics import normalized_root_mse

from keras_qd.metrics import L1, L2, MAE, MSE, NMAE, NRMSE, RMSE, Linf, PeakError

OF_A_SYSTEM = {
    L1: lambda y, p: np.abs(p - y).sum() / y.size,
    L2: lambda y, p: np.linalg.norm(p - y) / np.sqrt(y.size),
    Linf: lambda y, p: np.abs(p - y).max(),
    NMAE: lambda y, p: np.abs(p - y).sum() / np.abs(y).sum(),
    NRMSE: normalized_root_mse,
    PeakError: lambda y, p: np.abs(p - y).max() / np.abs(y).max(),
}


@pytest.mark.parametrize("metric", OF_A_SYSTEM)
@pytest.mark.parametrize("shape", [(9, 8, 6), (9, 8, 6, 3), (9, 50), (9, 1), (9,), (1,)])
def test_system_by_system(metric, shape, rng):
    y = 3 + rng.normal(size=shape)
    p = y + 0.3 * rng.normal(size=shape)
    expected = [OF_A_SYSTEM[metric](*pair) for pair in zip(y, p, strict=True)]
    np.testing.assert_allclose(metric().per_sample(y, p), expected, rtol=1e-12)
    assert metric().over_set(y, p) == pytest.approx(np.mean(expected), rel=1e-12)


def test_mean_errors_over_all_values(rng):
    y, p = rng.normal(size=(2, 9, 8, 6))
    error = p - y
    assert MAE().over_set(y, p) == pytest.approx(np.abs(error).mean(), rel=1e-13)
    assert MSE().over_set(y, p) == pytest.approx((error**2).mean(), rel=1e-13)
    assert RMSE().over_set(y, p) == pytest.approx(np.sqrt((error**2).mean()), rel=1e-13)
    np.testing.assert_allclose(RMSE().per_sample(y, p), L2().per_sample(y, p))
    assert RMSE().over_set(y, p) > L2().over_set(y, p)


@pytest.mark.parametrize("metric", [NMAE, NRMSE, PeakError])
def test_relative_to_zero(metric, stream):
    zeros, ones = np.zeros((3, 4), "float32"), np.ones((3, 4), "float32")
    assert metric().over_set(zeros, ones) == stream(metric(), zeros, ones) == np.inf
    assert np.isnan(metric().over_set(zeros, zeros))
    assert np.isnan(stream(metric(), zeros, zeros))
