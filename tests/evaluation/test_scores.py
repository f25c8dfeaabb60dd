"""Scores against independent definitions, their intervals, and groups of systems."""

import itertools

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.evaluation.scores import (
    Comparison,
    central_interval,
    divide,
    ranking_score,
    resampled_means,
    score,
    summarise,
)
from keras_qd.metrics import Context


def make_comparison(n_samples=301, field="density", space="physical"):
    """Return noisy images; more samples than one batch of a streaming metric."""
    generator = np.random.default_rng(5)
    reference = generator.normal(size=(n_samples, 12, 12))
    prediction = reference + 0.1 * generator.normal(size=reference.shape)
    baseline = np.broadcast_to(reference.mean(axis=0), reference.shape)
    return Comparison(field, space, "1/a0*^2", reference, prediction, baseline, Context())


def scores_of(metrics, *comparisons, seed=0):
    by_field = {each.field: metrics for each in comparisons}
    return score(by_field, list(comparisons), n_draws=200, rng=np.random.default_rng(seed))


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
    (other,), _ = scores_of({"l1": keras_qd.metric("l1")}, each, seed=1)
    assert other.interval != found.interval


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
    assert (found.interval, found.systems, columns) == (None, {}, {})


def test_scaled_values_are_not_in_the_table():
    scaled = make_comparison(40, space="scaled")
    _, columns = scores_of({"l1": keras_qd.metric("l1")}, scaled, make_comparison(40))
    assert list(columns) == ["density_l1"]


def test_systems_are_ranked_by_the_first_metric_with_a_value_per_system():
    metrics = {"rms": keras.metrics.RootMeanSquaredError(), "l2": keras_qd.metric("l2")}
    found, _ = scores_of(metrics, make_comparison(20, "a"), make_comparison(20, "b"))
    assert (ranking_score(found).field, ranking_score(found).metric) == ("a", "l2")
    assert ranking_score(found, "b").column == "b_l2"
    assert ranking_score(found[:1]) is None


def test_summaries_count_and_leave_out_undefined_values():
    summary = summarise([3.0, np.nan, 1.0, np.inf, 2.0])
    assert (summary["mean"], summary["n_undefined"]) == (2.0, 2)
    assert [each["index"] for each in summary["worst"]] == [0, 4, 2]
    assert summarise([0.9, 0.2, 0.5], higher_is_better=True)["worst"][0]["index"] == 1
    assert summarise([np.nan, np.nan]) == {"n_undefined": 2}


def test_terms_are_resampled_with_the_same_draws_and_spread_as_the_standard_error():
    terms = np.random.default_rng(1).normal(size=(400, 1))
    both = {"a": terms, "b": np.hstack([2 * terms, -terms])}
    drawn = resampled_means(both, 2000, np.random.default_rng(3))
    assert (drawn["a"].shape, drawn["b"].shape) == ((2000, 1), (2000, 2))
    np.testing.assert_allclose(drawn["b"], np.hstack([2 * drawn["a"], -drawn["a"]]))
    assert drawn["a"].mean() == pytest.approx(terms.mean(), abs=0.01)
    assert drawn["a"].std() == pytest.approx(terms.std() / np.sqrt(400), rel=0.1)


@pytest.mark.parametrize(
    ("n_repeats", "n_draws", "low", "high"),
    [
        # 150 repeats: four standard errors of a share of 0.94 are 0.08.
        (150, 200, 0.86, 1.0),
        pytest.param(2000, 1000, 0.92, 0.965, marks=pytest.mark.slow),
    ],
)
def test_intervals_cover_the_truth(n_repeats, n_draws, low, high):
    generator, hits = np.random.default_rng(2), 0
    for _ in range(n_repeats):
        terms = generator.normal(size=(60, 1))
        interval = central_interval(resampled_means({"": terms}, n_draws, generator)[""])
        hits += interval[0] <= 0 <= interval[1]
    assert low < hits / n_repeats <= high


def test_an_interval_of_known_values():
    assert central_interval(np.arange(101), share=0.5) == (25.0, 75.0)
    assert central_interval([0.1, np.nan]) is None
    assert central_interval([]) is None


def test_groups_are_of_about_equal_size_and_in_order():
    values = np.random.default_rng(0).normal(size=103)
    groups = divide(values, 4)
    assert sorted(np.concatenate(groups).tolist()) == list(range(103))
    assert {len(rows) for rows in groups} <= {25, 26, 27}
    for lower, upper in itertools.pairwise(groups):
        assert values[lower].max() < values[upper].min()


@pytest.mark.parametrize(
    ("values", "n_groups", "expected"),
    [
        ([3.0, 1.0, 2.0, 1.0], 2, [[1, 3], [0, 2]]),
        ([0.0, 2.0, 1e-16, 2.0 + 1e-15, 0.75], 4, [[0, 2], [4], [1, 3]]),
        ([3.0, 3.0], 4, [[0, 1]]),
        ([], 4, []),
    ],
)
def test_equal_values_are_in_one_group(values, n_groups, expected):
    assert [rows.tolist() for rows in divide(values, n_groups)] == expected
