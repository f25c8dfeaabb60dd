"""Scores against independent definitions, for metrics with and without a NumPy side."""

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.evaluation.scores import Comparison, ranking_score, score
from keras_qd.metrics import Context


def make_comparison(n_samples=301, field="density", space="physical"):
    """Return noisy images; more samples than a streaming metric is fed at a time."""
    generator = np.random.default_rng(5)
    reference = generator.normal(size=(n_samples, 12, 12))
    prediction = reference + 0.1 * generator.normal(size=reference.shape)
    baseline = np.broadcast_to(reference.mean(axis=0), reference.shape)
    return Comparison(field, space, "1/a0*^2", reference, prediction, baseline, Context())


def scores_of(metrics, *comparisons):
    return score(metrics, list(comparisons), n_draws=200, rng=np.random.default_rng(0))


def test_a_norm():
    each = make_comparison()
    (found,), columns = scores_of({"l1": keras_qd.metric("l1")}, each)
    values = np.abs(each.prediction - each.reference).mean(axis=(1, 2))
    assert found.value == pytest.approx(values.mean(), rel=1e-12)
    assert found.unit == "1/a0*^2"
    assert found.interval[0] < found.value < found.interval[1]
    half = (found.interval[1] - found.interval[0]) / 2
    assert half == pytest.approx(1.96 * values.std() / np.sqrt(len(values)), rel=0.25)
    assert found.systems["worst"][0]["index"] == values.argmax()
    np.testing.assert_allclose(columns["density_l1"], values, rtol=1e-12)


def test_r2_is_of_the_set_and_its_baseline_is_zero():
    each = make_comparison()
    (found,), _ = scores_of({"r2": keras_qd.metric("r2")}, each)
    residual = ((each.prediction - each.reference) ** 2).sum()
    total = ((each.reference - each.reference.mean(axis=0)) ** 2).sum()
    assert found.value == pytest.approx(1 - residual / total, rel=1e-12)
    # Here the trivial prediction is the mean of these very systems.
    assert found.baseline == pytest.approx(0, abs=1e-12)
    assert found.interval[0] < found.value < found.interval[1]


def test_a_metric_that_only_streams():
    each = make_comparison()
    (found,), columns = scores_of({"rms": keras.metrics.RootMeanSquaredError()}, each)
    error = each.prediction - each.reference
    assert found.value == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
    assert found.baseline == pytest.approx(each.reference.std(), rel=1e-2)
    assert found.interval is None
    assert found.systems == {}
    assert columns == {}


def test_scaled_values_are_not_in_the_table():
    scaled = make_comparison(40, space="scaled")
    _, columns = scores_of({"l1": keras_qd.metric("l1")}, scaled, make_comparison(40))
    assert list(columns) == ["density_l1"]


def test_systems_are_ranked_by_the_first_metric_that_tells_them_apart():
    metrics = {"rms": keras.metrics.RootMeanSquaredError(), "l2": keras_qd.metric("l2")}
    found, _ = scores_of(metrics, make_comparison(20, "a"), make_comparison(20, "b"))
    assert (ranking_score(found).field, ranking_score(found).metric) == ("a", "l2")
    assert ranking_score(found, "b").column == "b_l2"
    assert ranking_score(found[:1]) is None
