"""Mean, relative and R2-like metrics against definitions written out, or scikit-image."""

import numpy as np
import pytest
from skimage.metrics import normalized_mutual_information, normalized_root_mse

from keras_qd.errors import UsageError
from keras_qd.metrics import (
    L1,
    L2,
    MAE,
    MSE,
    NMAE,
    NRMSE,
    R2,
    RMSE,
    NormalizedMutualInformation,
    PeakError,
    R2PerSystem,
    R2ScalarMean,
    unit_of,
)


@pytest.fixture
def pair(rng):
    reference = 3 + rng.normal(size=(9, 8, 6))
    return reference, reference + 0.3 * rng.normal(size=reference.shape)


def test_mae_and_rmse(pair):
    error = pair[1] - pair[0]
    assert MAE().over_set(*pair) == pytest.approx(np.abs(error).mean(), rel=1e-13)
    assert MAE().over_set(*pair) == L1().over_set(*pair)
    assert RMSE().over_set(*pair) == pytest.approx(np.sqrt((error**2).mean()), rel=1e-13)
    np.testing.assert_allclose(RMSE().per_sample(*pair), L2().per_sample(*pair))
    assert RMSE().over_set(*pair) > L2().over_set(*pair)


def test_mse_is_in_the_square_of_the_unit(pair):
    error = pair[1] - pair[0]
    assert MSE().over_set(*pair) == pytest.approx((error**2).mean(), rel=1e-13)
    assert unit_of(MSE(), field="Ha*") == "Ha*^2"
    assert unit_of(RMSE(), field="Ha*") == "Ha*"


@pytest.mark.parametrize(
    ("metric", "function"),
    [
        (NMAE, lambda y, p: np.abs(p - y).sum() / np.abs(y).sum()),
        (NRMSE, normalized_root_mse),
        (PeakError, lambda y, p: np.abs(p - y).max() / np.abs(y).max()),
        (R2PerSystem, lambda y, p: 1 - ((p - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()),
    ],
)
def test_system_by_system(metric, function, pair):
    expected = [function(y, p) for y, p in zip(*pair, strict=True)]
    np.testing.assert_allclose(metric().per_sample(*pair), expected, rtol=1e-12)
    assert metric().over_set(*pair) == pytest.approx(np.mean(expected), rel=1e-12)


def test_r2_about_the_scalar_mean(pair):
    reference, prediction = pair
    total = ((reference - reference.mean()) ** 2).sum()
    expected = 1 - ((prediction - reference) ** 2).sum() / total
    assert R2ScalarMean().over_set(*pair) == pytest.approx(expected, rel=1e-12)
    assert R2ScalarMean().over_set(*pair) > R2().over_set(*pair)


@pytest.mark.parametrize("value", [0.1, 1e5 / 3])
def test_r2_variants_of_constant_references(value, rng, stream):
    reference = np.full((5, 4, 4), value, dtype="float32")
    wrong = reference + rng.normal(size=reference.shape).astype("float32")
    for metric in (R2PerSystem, R2ScalarMean):
        for prediction, expected in ((reference, 1.0), (wrong, 0.0)):
            assert metric().over_set(reference, prediction) == expected
            assert stream(metric(), reference, prediction, (2,)) == expected


@pytest.mark.parametrize("metric", [NMAE, NRMSE, PeakError])
def test_relative_to_nothing(metric, stream):
    zeros, ones = np.zeros((2, 3, 3), "float32"), np.ones((2, 3, 3), "float32")
    assert metric().over_set(zeros, ones) == stream(metric(), zeros, ones) == np.inf
    assert np.isnan(metric().over_set(zeros, zeros))
    assert np.isnan(stream(metric(), zeros, zeros))


def test_mutual_information_is_that_of_scikit_image(pair):
    expected = [
        normalized_mutual_information(*images, bins=20) for images in zip(*pair, strict=True)
    ]
    metric = NormalizedMutualInformation(bins=20)
    np.testing.assert_allclose(metric.per_sample(*pair), expected, rtol=1e-12)
    assert metric.get_config()["bins"] == 20


def test_mutual_information_refuses_to_stream(pair):
    with pytest.raises(UsageError, match="whole arrays only"):
        NormalizedMutualInformation().update_state(*pair)
    with pytest.raises(UsageError, match="at least 2"):
        NormalizedMutualInformation(bins=1)


def test_two_bins_are_enough(pair):
    low = np.zeros((1, 4, 4))
    low[:, 2:] = 1.0
    assert NormalizedMutualInformation(bins=2).over_set(low, low) == pytest.approx(2.0)
