"""Climbing a concave function by its slopes alone."""

import math

import numpy as np
import pytest

from keras_qd.inverse.strategies import LineSearch, QuasiNewton


def climb(slope_at, n_steps=40):
    """Go up from zero along a line; return the length that the search accepts."""
    line = LineSearch(slope_at(0.0), 1.0)
    for _ in range(n_steps):
        if line.accepts(slope_at(line.length)):
            return line.length
    return None


@pytest.mark.parametrize("top", [0.01, 0.3, 1.0, 7.0, 100.0])
def test_a_line_search_ends_where_it_is_flatter(top):
    """Nothing moves up to the top and much beyond it: the slope falls like a step."""

    def slope(length):
        return -math.tanh(20 * (length / top - 1))

    assert abs(slope(climb(slope))) <= 0.7 * slope(0.0)


def test_a_step_that_cannot_be_judged_is_shortened():
    line = LineSearch(1.0, 1.0)
    assert not line.accepts(-math.inf)
    assert 0 < line.length < 1


def test_quasi_newton_learns_a_quadratic_function():
    generator = np.random.default_rng(0)
    root = generator.normal(size=(6, 6))
    curvature = root @ root.T + np.eye(6)
    top, place = generator.normal(size=6), np.zeros(6)
    memory = QuasiNewton(lambda gradient: gradient / 10)
    for _ in range(7):
        gradient = curvature @ (top - place)
        way = memory.direction(gradient)
        move = way * (gradient @ way) / (way @ curvature @ way)
        memory.learn(move, curvature @ move)
        place = place + move
    np.testing.assert_allclose(place, top, atol=1e-8)


def test_a_rise_of_the_gradient_is_not_learnt():
    memory = QuasiNewton(lambda gradient: 2 * gradient)
    memory.learn(np.array([1.0, 0.0]), np.array([-1.0, 0.0]))
    np.testing.assert_array_equal(memory.direction(np.array([1.0, 3.0])), [2.0, 6.0])
