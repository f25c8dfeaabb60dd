"""R2: definitions, degenerate cases, and digits that large means must not cost."""

import numpy as np
import pytest

from keras_qd.errors import DataError
from keras_qd.metrics import R2, R2PerSystem, R2ScalarMean


def r2(reference, prediction, axis=0):
    reference, prediction = (np.asarray(x, dtype=np.longdouble) for x in (reference, prediction))
    residual = ((reference - prediction) ** 2).sum()
    mean = reference.mean(axis=axis, keepdims=True)
    return float(1 - residual / ((reference - mean) ** 2).sum())


@pytest.mark.parametrize("shape", [(9, 8, 6, 3), (9, 50), (9, 1), (9,)])
def test_definition(shape, rng):
    reference, prediction = rng.normal(size=(2, *shape))
    assert R2().over_set(reference, prediction) == pytest.approx(
        r2(reference, prediction), rel=1e-12
    )
    found = R2ScalarMean().over_set(reference, prediction)
    assert found == pytest.approx(r2(reference, prediction, axis=None), rel=1e-12)
    if len(shape) > 2:
        each = [r2(*pair, axis=None) for pair in zip(reference, prediction, strict=True)]
        np.testing.assert_allclose(R2PerSystem().per_sample(reference, prediction), each)


def test_perfect_prediction_mean_image_and_resampling(rng):
    reference, prediction = rng.normal(size=(2, 6, 4, 4))
    mean = np.broadcast_to(reference.mean(axis=0), reference.shape)
    assert R2().over_set(reference, reference) == 1.0
    assert R2().over_set(reference, mean) == pytest.approx(0.0, abs=1e-14)
    terms, draws = R2().terms(reference, prediction), rng.integers(6, size=(5, 6))
    values = R2().combine(terms[draws].mean(axis=1))
    residual = ((prediction - reference) ** 2)[draws[2]].sum()
    total = ((reference - mean) ** 2)[draws[2]].sum()
    assert (terms.shape, values.shape) == ((6, 2), (5,))
    assert values[2] == pytest.approx(1 - residual / total)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 / 3])
@pytest.mark.parametrize("metric", [R2, R2PerSystem, R2ScalarMean])
def test_equal_references_give_one_or_zero(metric, value, rng, stream):
    """As in scikit-learn; so does a single system."""
    reference = np.full((6, 4, 4), value, dtype="float32")
    wrong = (reference + rng.normal(size=reference.shape)).astype("float32")
    for prediction, expected in ((reference, 1.0), (wrong, 0.0)):
        assert metric().over_set(reference, prediction) == expected
        assert stream(metric(), reference, prediction) == expected
    assert R2().over_set(wrong[:1], reference[:1]) == 0.0


@pytest.mark.parametrize("size", [1, 30])
@pytest.mark.parametrize("mean", [1e2, 1e6])
def test_large_mean_small_spread(mean, size, rng, stream):
    reference = (mean + rng.normal(size=(60, 4))).astype("float32")
    prediction = (reference + 0.2 * rng.normal(size=reference.shape)).astype("float32")
    expected = r2(reference, prediction)
    assert R2().over_set(reference, prediction) == pytest.approx(expected, rel=1e-10)
    assert stream(R2(), reference, prediction, size) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("size", [1, 30])
def test_outliers_and_drift(size, rng, stream):
    outlier_first = rng.normal(size=(60, 4))
    outlier_first[0] = 1e4
    drifting = np.linspace(0, 1e3, 60)[:, None] + rng.normal(size=(60, 4))
    for fields in (outlier_first, drifting):
        reference = fields.astype("float32")
        prediction = (1.1 * reference + rng.normal(size=(60, 4))).astype("float32")
        expected = r2(reference, prediction)
        assert stream(R2(), reference, prediction, size) == pytest.approx(expected, rel=1e-5)


def test_another_grid_is_refused(rng):
    metric = R2()
    metric.update_state(*rng.normal(size=(2, 3, 4, 4)))
    with pytest.raises(DataError, match="fields of 16 values before and of 25 now"):
        metric.update_state(*rng.normal(size=(2, 3, 5, 5)))


def test_weights(rng, stream):
    reference, prediction = rng.normal(size=(2, 9, 4)).astype("float32")
    weights = rng.uniform(size=9).astype("float32")
    expected = stream(R2(), reference, prediction, 3, weights)
    assert expected != pytest.approx(stream(R2(), reference, prediction), rel=1e-3)
    light = stream(R2(), reference, prediction, 3, weights / 1024)
    assert light == pytest.approx(expected, rel=1e-5)
    # Batches of weight zero, also the first one.
    weights = np.repeat([0.0, 1.0, 0.0], 3).astype("float32")
    found = stream(R2(), reference, prediction, 3, weights)
    assert found == pytest.approx(R2().over_set(reference[3:6], prediction[3:6]), rel=1e-5)
