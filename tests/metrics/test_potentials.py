"""Metrics of potentials: constants do not count, and neither does what lies without density."""

import numpy as np
import pytest

from keras_qd.errors import DataError, UsageError
from keras_qd.metrics import (
    L1,
    L2,
    R2,
    AlignedL1,
    AlignedL2,
    AlignedR2,
    Context,
    DensityWeightedL1,
    DensityWeightedL2,
    DensityWeightedR2,
)

ALIGNED = {AlignedL1: L1, AlignedL2: L2, AlignedR2: R2}
WEIGHTED = {
    DensityWeightedL1: AlignedL1,
    DensityWeightedL2: AlignedL2,
    DensityWeightedR2: AlignedR2,
}


@pytest.fixture
def potentials(rng):
    """Exact and predicted potentials and densities, float32."""
    exact, noise = rng.normal(size=(2, 6, 8, 8))
    density = rng.uniform(0.0, 1.0, size=exact.shape) ** 4
    arrays = (exact, exact + 0.3 * noise, density)
    return tuple(array.astype("float32") for array in arrays)


@pytest.mark.parametrize("metric", ALIGNED)
def test_aligned_metrics_ignore_constants(metric, potentials, rng, stream):
    exact, predicted, _ = potentials
    centred = (x - x.mean(axis=(1, 2), keepdims=True) for x in (exact.astype(float), predicted))
    expected = ALIGNED[metric]().over_set(*centred)
    constant = 2.0 ** rng.integers(0, 4, size=(6, 1, 1)).astype("float32")
    assert metric().over_set(exact, predicted + constant) == pytest.approx(expected, rel=1e-5)
    streamed = stream(metric(), exact, predicted + constant)
    assert streamed == pytest.approx(expected, rel=1e-5)


def weighted_definition(metric, exact, predicted, density):
    """Loop over systems, in double precision."""
    exact, predicted, density = (
        x.astype(float).reshape(6, -1) for x in (exact, predicted, density)
    )
    exact = np.array([v - np.average(v, weights=w) for v, w in zip(exact, density, strict=True)])
    predicted = np.array(
        [v - np.average(v, weights=w) for v, w in zip(predicted, density, strict=True)]
    )
    error = predicted - exact
    if metric is DensityWeightedL1:
        return np.average(np.abs(error), weights=density, axis=1).mean()
    if metric is DensityWeightedL2:
        return np.sqrt(np.average(error**2, weights=density, axis=1)).mean()
    mean = np.average(exact, weights=density, axis=0)
    return 1 - (density * error**2).sum() / (density * (exact - mean) ** 2).sum()


@pytest.mark.parametrize("metric", WEIGHTED)
def test_density_weighted_definition(metric, potentials, stream):
    exact, predicted, density = potentials
    expected = weighted_definition(metric, exact, predicted, density)
    context = Context(density=density)
    assert metric().over_set(exact, predicted, context) == pytest.approx(expected, rel=1e-12)
    for weights in (density, density[..., None]):
        streamed = stream(metric(), exact, predicted, 3, weights)
        assert streamed == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("metric", WEIGHTED)
def test_equal_density_gives_the_aligned_metric(metric, potentials):
    exact, predicted, _ = potentials
    context = Context(density=np.full(exact.shape, 0.7))
    expected = WEIGHTED[metric]().over_set(exact, predicted)
    assert metric().over_set(exact, predicted, context) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", WEIGHTED)
def test_places_without_density_do_not_count(metric, potentials, stream):
    exact, predicted, density = (x.copy() for x in potentials)
    density[:, 3:, :] = 0.0
    before = metric().over_set(exact, predicted, Context(density=density))
    predicted[:, 3:, :] += 17.0
    after = metric().over_set(exact, predicted, Context(density=density))
    assert after == pytest.approx(before, rel=1e-9)
    assert stream(metric(), exact, predicted, 3, density) == pytest.approx(before, rel=1e-5)


@pytest.mark.parametrize("metric", WEIGHTED)
def test_a_system_without_density(metric, potentials, stream):
    """It does not contribute to R2, and its norm is NaN."""
    exact, predicted, density = (x.copy() for x in potentials)
    density[1] = 0.0
    found = metric().over_set(exact, predicted, Context(density=density))
    streamed = stream(metric(), exact, predicted, 3, density)
    if metric is DensityWeightedR2:
        others = [np.delete(x, 1, axis=0) for x in (exact, predicted, density)]
        expected = metric().over_set(*others[:2], Context(density=others[2]))
        assert found == pytest.approx(expected, rel=1e-12)
        assert streamed == pytest.approx(expected, rel=1e-5)
    else:
        assert np.isnan(found)
        assert np.isnan(streamed)


@pytest.mark.parametrize("metric", WEIGHTED)
def test_density_is_needed_and_checked(metric, potentials):
    exact, predicted, density = potentials
    with pytest.raises(UsageError, match="pass context=Context"):
        metric().over_set(exact, predicted)
    with pytest.raises(UsageError, match="pass it as sample_weight"):
        metric().update_state(exact, predicted)
    with pytest.raises(DataError, match="differ in shape"):
        metric().over_set(exact, predicted, Context(density=density[:, :4]))
    with pytest.raises(DataError, match="takes the density as sample_weight"):
        metric().update_state(exact, predicted, sample_weight=density[:, 0, 0])
