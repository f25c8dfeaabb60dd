"""The spread of predictions compared with the error of their mean."""

import numpy as np
import pytest

from keras_qd.evaluation.uncertainty import calibrate, rank_correlation


@pytest.fixture(scope="module")
def drawn():
    """Systems whose errors have the spread that is claimed, which differs by a factor of ten."""
    generator = np.random.default_rng(1)
    spread = np.broadcast_to(np.geomspace(0.1, 1.0, 500)[:, None], (500, 40))
    return np.zeros((500, 40)), spread * generator.normal(size=(500, 40)), spread


@pytest.mark.parametrize(("factor", "covered"), [(1.0, 0.90), (0.5, 0.589), (2.0, 0.999)])
def test_coverage_shows_whether_the_spread_has_the_right_size(drawn, factor, covered):
    reference, prediction, spread = drawn
    found = calibrate(reference, prediction, factor * spread, 10**6, np.random.default_rng(0))
    assert found["coverage"]["0.9"] == pytest.approx(covered, abs=0.01)
    assert found["expected"] == pytest.approx(factor * found["error"], rel=0.02)
    for group in found["systems"]["reliability"]:
        assert group["expected"] == pytest.approx(factor * group["error"], rel=0.05)
    assert found["systems"]["rank_correlation"] > 0.95
    assert 0.3 < found["values"]["rank_correlation"] < 0.7


def test_few_draws_are_expected_to_miss_by_more(drawn):
    """The exact value counts as an additional draw: sqrt(1 + 1/2) spreads from the mean of two."""
    two, many = (calibrate(*drawn, count, np.random.default_rng(0)) for count in (2, 10**9))
    assert two["expected"] == pytest.approx(np.sqrt(1.5) * many["expected"], rel=1e-6)


def test_a_constant_spread(drawn):
    reference, prediction, _ = drawn
    same = np.full_like(reference, 0.3)
    found = calibrate(reference, prediction, same, 10, np.random.default_rng(0))
    assert found["systems"]["rank_correlation"] is None
    assert len(found["systems"]["reliability"]) == 1
    nothing = calibrate(reference, prediction, 0 * same, 10, np.random.default_rng(0))
    assert set(nothing["coverage"].values()) == {0.0}
    exact = calibrate(reference, reference, 0 * same, 10, np.random.default_rng(0))
    assert set(exact["coverage"].values()) == {1.0}


def test_rank_correlation():
    rising = np.array([1.0, 2.0, 3.0, 4.0])
    assert rank_correlation(rising, rising**5) == pytest.approx(1.0)
    # By hand: squared differences of the ranks 0 + 0 + 1 + 1, so 1 - 6 * 2 / (4 * 15).
    assert rank_correlation(rising, np.array([1.0, 2.0, 9.0, 3.0])) == pytest.approx(0.8)
    assert rank_correlation(np.ones(3), np.arange(3.0)) is None
