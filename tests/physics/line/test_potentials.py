"""Random potentials on a line are what their formulas say."""

import numpy as np

from keras_qd.physics import sample_generator
from keras_qd.physics.line.potentials import GaussianWellsLine, RandomFourierLine

LENGTH, POINTS = 12.0, 95
X = np.arange(1, POINTS + 1) * LENGTH / (POINTS + 1)


def test_gaussian_wells_are_those_that_were_drawn():
    family = GaussianWellsLine(offset=(-1.0, 1.0))
    for index in range(20):
        values, drawn = family.sample(sample_generator(seed=3, index=index), LENGTH, POINTS)
        expected = drawn["offset"]
        for i in range(family.most):
            centre, depth, width = (drawn[f"well_{i}_{what}"] for what in ("x", "depth", "width"))
            expected = expected - depth * np.exp(-(((X - centre) / width) ** 2) / 2)
            assert (depth > 0) == (i < drawn["n_wells"])
        np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-12)


def test_random_field_has_the_mean_the_spread_and_the_correlation_asked_for():
    """Over 4,000 fields: within four standard errors of what the settings say."""
    family = RandomFourierLine(amplitude=0.7, correlation_length=0.05, offset=2.0)
    draws = [family.sample(sample_generator(4, i), LENGTH, POINTS) for i in range(4000)]
    fields = np.stack([values for values, _ in draws])
    assert draws[0][1] == {"amplitude": 0.7, "correlation_length": 0.05 * LENGTH, "offset": 2.0}
    np.testing.assert_allclose(fields.mean(axis=1), 2.0, atol=0.05)  # of the nodes, not of the box
    # What the mean of each takes off the variance is its own: some sqrt(2 pi) xi / L of it.
    off = np.sqrt(2 * np.pi) * 0.05
    spread = fields[:, POINTS // 4 : -POINTS // 4].var(axis=0).mean()
    np.testing.assert_allclose(spread, 0.7**2 * (1 - off), rtol=0.04)
    first, second = fields[:, 40] - 2.0, fields[:, 45] - 2.0
    distance = X[45] - X[40]
    correlation = np.exp(-(distance**2) / (2 * (0.05 * LENGTH) ** 2))
    found = (first * second).mean() / 0.7**2
    np.testing.assert_allclose(found, correlation - off, atol=0.07)


def test_a_random_field_is_the_same_function_on_every_grid():
    family = RandomFourierLine(amplitude=1.0, correlation_length=0.2, offset=0.0)
    ((one, _), (two, _)) = (
        family.sample(sample_generator(seed=0, index=0), LENGTH, n) for n in (POINTS, POINTS // 2)
    )
    np.testing.assert_allclose(one[1::2], two, atol=1e-9)
