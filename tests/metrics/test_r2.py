"""R2 about the mean image: definition, degenerate cases, digits."""

import numpy as np
import pytest

from keras_qd.errors import DataError
from keras_qd.metrics import R2


def r2(reference, prediction):
    reference, prediction = (np.asarray(x, dtype=np.longdouble) for x in (reference, prediction))
    residual = ((reference - prediction) ** 2).sum()
    return float(1 - residual / ((reference - reference.mean(axis=0)) ** 2).sum())


@pytest.mark.parametrize("shape", [(9, 8, 8), (9, 8, 6, 3), (9, 50), (9, 1), (9,)])
def test_definition(shape, rng, stream):
    reference, prediction = rng.normal(size=(2, *shape)).astype("float32")
    expected = r2(reference, prediction)
    assert R2().over_set(reference, prediction) == pytest.approx(expected, rel=1e-12)
    assert stream(R2(), reference, prediction, (4, 1)) == pytest.approx(expected, rel=1e-6)


def test_perfect_prediction_and_mean_image(rng):
    reference = rng.normal(size=(6, 4, 4))
    mean = np.broadcast_to(reference.mean(axis=0), reference.shape)
    assert R2().over_set(reference, reference) == 1.0
    assert R2().over_set(reference, mean) == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize("sizes", [(1,), (2, 3), (9,)])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 / 3])
def test_equal_references_give_one_or_zero(value, sizes, rng, stream):
    reference = np.full((9, 4, 4), value, dtype="float32")
    wrong = (reference + rng.normal(size=reference.shape)).astype("float32")
    for prediction, expected in ((reference, 1.0), (wrong, 0.0)):
        assert R2().over_set(reference, prediction) == expected
        assert stream(R2(), reference, prediction, sizes) == expected


def test_a_single_system_has_nothing_to_explain(rng, stream):
    reference, prediction = rng.normal(size=(2, 1, 4, 4)).astype("float32")
    assert R2().over_set(reference, prediction) == 0.0
    assert stream(R2(), reference, prediction) == 0.0


@pytest.mark.parametrize("sizes", [(1,), (3,), (50,), (300,)])
@pytest.mark.parametrize("mean", [1e2, 1e4, 1e6])
def test_large_mean_small_spread(mean, sizes, rng, stream):
    reference = (mean + rng.normal(size=(300, 5, 5))).astype("float32")
    prediction = (reference + 0.2 * rng.normal(size=reference.shape)).astype("float32")
    expected = r2(reference, prediction)
    assert R2().over_set(reference, prediction) == pytest.approx(expected, rel=1e-10)
    assert stream(R2(), reference, prediction, sizes) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("sizes", [(1,), (7,)])
def test_an_outlier_first_does_not_spoil_the_rest(sizes, rng, stream):
    reference = rng.normal(size=(200, 5, 5)).astype("float32")
    reference[0] = 1e4
    prediction = (1.1 * reference).astype("float32")
    expected = r2(reference, prediction)
    assert stream(R2(), reference, prediction, sizes) == pytest.approx(expected, rel=1e-6)


def test_drifting_data(rng, stream):
    drift = np.linspace(0, 1e3, 300)[:, None, None]
    reference = (drift + rng.normal(size=(300, 5, 5))).astype("float32")
    prediction = (reference + 30 * rng.normal(size=reference.shape)).astype("float32")
    expected = r2(reference, prediction)
    assert stream(R2(), reference, prediction, (8,)) == pytest.approx(expected, rel=1e-6)


def test_terms_and_resampling(rng):
    reference, prediction = rng.normal(size=(2, 8, 4, 4))
    terms = R2().terms(reference, prediction)
    assert terms.shape == (8, 2)
    draws = rng.integers(8, size=(5, 8))
    values = R2().combine(terms[draws].mean(axis=1))
    assert values.shape == (5,)
    mean = reference.mean(axis=0)
    residual = ((prediction - reference) ** 2)[draws[2]].sum()
    assert values[2] == pytest.approx(1 - residual / ((reference - mean) ** 2)[draws[2]].sum())


def test_another_grid_is_refused(rng):
    metric = R2()
    metric.update_state(*rng.normal(size=(2, 3, 4, 4)))
    with pytest.raises(DataError, match="fields of 16 values before and of 25 now"):
        metric.update_state(*rng.normal(size=(2, 3, 5, 5)))


def test_a_common_factor_of_the_weights_does_not_matter(rng, stream):
    reference, prediction = rng.normal(size=(2, 9, 4)).astype("float32")
    weights = rng.uniform(size=9).astype("float32")
    expected = stream(R2(), reference, prediction, (4,), weights)
    assert expected != pytest.approx(stream(R2(), reference, prediction), rel=1e-3)
    light = stream(R2(), reference, prediction, (4,), weights / 1024)
    assert light == pytest.approx(expected, rel=1e-6)


def test_a_batch_of_weight_zero_does_not_count(rng, stream):
    reference, prediction = rng.normal(size=(2, 9, 4)).astype("float32")
    weights = np.repeat([0.0, 1.0, 0.0], 3).astype("float32")
    found = stream(R2(), reference, prediction, (3,), weights)
    assert found == pytest.approx(R2().over_set(reference[3:6], prediction[3:6]), rel=1e-5)
