"""Steps that fit a density and keep the potential smooth."""

import numpy as np
import pytest

from keras_qd.inverse.newton import FIRST_MANNERS, OTHER_MANNERS, SmoothFit


@pytest.fixture
def fit():
    generator = np.random.default_rng(1)
    jacobian = generator.normal(size=(20, 5))
    jacobian[:, 0] = 0  # the constant
    place, residual = generator.normal(size=5), generator.normal(size=20)
    weights = np.array([0.0, 1e-3, 2e-3, 3e-3, 4e-3])
    return SmoothFit(place, residual, jacobian, weights), place, residual, jacobian, weights


def test_an_undamped_step_ends_at_the_least_value_of_the_linear_fit(fit):
    fit, place, residual, jacobian, _ = fit

    def value(step):
        return fit.value_at(place + step, residual - jacobian @ step)

    best = fit.step(damping=0.0)
    assert best[0] == 0
    assert value(best) < fit.value == value(np.zeros(5))
    generator = np.random.default_rng(2)
    for _ in range(20):
        other = best + 1e-3 * np.append(0, generator.normal(size=4))
        assert value(other) > value(best)


def test_the_penalty_is_on_the_potential_and_not_on_the_step(fit):
    _, place, residual, jacobian, weights = fit
    heavy = SmoothFit(place, residual, jacobian, 1e9 * weights)
    np.testing.assert_allclose(heavy.step(0.0)[1:], -place[1:], rtol=1e-3)


def test_damping_makes_steps_shorter(fit):
    fit = fit[0]
    lengths = [np.linalg.norm(fit.step(damping)) for damping in (0.0, 1e2, 1e4)]
    assert lengths[0] > lengths[1] > lengths[2] > 0


def test_manners_loosen():
    for manner in FIRST_MANNERS + OTHER_MANNERS:
        assert list(manner.penalties) == sorted(manner.penalties, reverse=True)


def test_damping_of_what_is_exchanged_leaves_the_rest_alone(fit):
    """A step that is held to change nothing along one direction."""
    _, *rest = fit
    exchange = np.array([[0.0, 1.0, -1.0, 0.5, 0.0]])
    held = SmoothFit(*rest, exchange)
    free, damped = held.step(damping=0.0), held.step(damping=1e9)
    np.testing.assert_array_equal(free, fit[0].step(damping=0.0))
    assert abs(exchange @ free) > 0.1
    assert abs(exchange @ damped) < 1e-6
    assert np.linalg.norm(damped) > 0.1
