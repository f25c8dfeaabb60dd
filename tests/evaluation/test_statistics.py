"""Summaries of the systems' values, and bootstrap intervals that cover the truth."""

import numpy as np
import pytest

from keras_qd.evaluation.scores import central_interval, resampled_means, summarise


def test_undefined_values_are_counted_and_left_out():
    summary = summarise([3.0, np.nan, 1.0, np.inf, 2.0])
    assert summary["mean"] == 2.0
    assert summary["n_undefined"] == 2
    assert [each["index"] for each in summary["worst"]] == [0, 4, 2]


def test_the_worst_are_the_smallest_where_higher_is_better():
    summary = summarise([0.9, 0.2, 0.5], higher_is_better=True)
    assert summary["worst"][0] == {"index": 1, "value": 0.2}


def test_nothing_but_undefined_values():
    assert summarise([np.nan, np.nan]) == {"n_undefined": 2}


def test_all_terms_are_resampled_with_the_same_draws():
    terms = np.random.default_rng(0).normal(size=(30, 1))
    drawn = resampled_means({"a": terms, "b": np.hstack([2 * terms, -terms])}, 50, rng())
    assert drawn["a"].shape == (50, 1)
    assert drawn["b"].shape == (50, 2)
    np.testing.assert_allclose(drawn["b"][:, 0], 2 * drawn["a"][:, 0])
    np.testing.assert_allclose(drawn["b"][:, 1], -drawn["a"][:, 0])


def test_the_draws_spread_as_the_standard_error():
    terms = np.random.default_rng(1).normal(size=(400, 1))
    drawn = resampled_means({"a": terms}, 2000, rng())["a"]
    assert drawn.mean() == pytest.approx(terms.mean(), abs=0.01)
    assert drawn.std() == pytest.approx(terms.std() / np.sqrt(400), rel=0.1)


def coverage(n_repeats, n_draws):
    """Return how often the interval holds the true mean of normal numbers."""
    generator, hits = np.random.default_rng(2), 0
    for _ in range(n_repeats):
        terms = generator.normal(size=(60, 1))
        interval = central_interval(resampled_means({"": terms}, n_draws, generator)[""])
        hits += interval[0] <= 0 <= interval[1]
    return hits / n_repeats


def test_intervals_cover_the_truth_roughly():
    # 150 repeats: four standard errors of a share of 0.94 are 0.08.
    assert 0.86 < coverage(150, 200) <= 1.0


@pytest.mark.slow
def test_intervals_cover_the_truth():
    assert 0.92 < coverage(2000, 1000) < 0.965


def test_an_undefined_draw_leaves_no_interval():
    assert central_interval([0.1, np.nan]) is None
    assert central_interval([]) is None


def rng():
    return np.random.default_rng(3)
