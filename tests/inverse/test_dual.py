import numpy as np
import pytest

from keras_qd.inverse.dual import Search
from keras_qd.inverse.forward import PairModel, models
from keras_qd.inverse.outcome import Limits
from keras_qd.inverse.response import Band, Response
from keras_qd.physics import Box, sample_potentials
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.solver import Solver

BOX = Box(10.0)


@pytest.fixture(scope="module")
def potential():
    x, y = BOX.mesh(48)
    return 0.2 * (x - 4.5) ** 2 + 0.3 * (y - 5.2) ** 2 + 0.2 * np.cos(0.8 * x)


@pytest.fixture(scope="module")
def target(potential):
    # Points on a side that no grid of the search has, and a band wider than that of the search.
    model = PairModel(BOX, Band(47, 48), 22, Interaction())
    return model.solve(model.band.coefficients(potential)).density


def search(target, **limits):
    limits = {"tolerance": 1e-4, "iterations": 40, "seconds": 60.0, **limits}
    response = Response(target, Solver(BOX, 2), Band(20, len(target)))
    return Search(response, models(response), Limits(**limits), target)


def test_the_potential_of_a_density_of_another_grid_is_found(potential, target):
    seen = []
    wanted = search(target)
    wanted.callback = seen.append
    point, reason = wanted.run()
    assert reason == "converged"
    assert wanted.distance(point) <= 1e-4
    assert [each.residual for each in seen] == wanted.residuals
    assert len(seen) <= 14
    assert 0 < wanted.duality_gap < 1e-4
    error = wanted.response.band.field(point.coefficients) - potential
    weights = target / target.sum()
    error -= (weights * error).sum()
    spread = potential - (weights * potential).sum()
    assert (weights * error**2).sum() < 1e-4 * (weights * spread**2).sum()


def test_a_random_dot_of_another_grid_is_found():
    potential = sample_potentials(1, BOX, 48, seed=5)[0]
    model = PairModel(BOX, Band(47, 48), 22, Interaction())
    density = model.solve(model.band.coefficients(potential)).density
    wanted = search(density)
    assert wanted.distance(wanted.run()[0]) <= 1e-4


@pytest.mark.parametrize(
    ("limit", "reason"), [({"iterations": 2}, "iterations"), ({"seconds": 1e-9}, "time")]
)
def test_limits(target, limit, reason):
    wanted = search(target, **limit)
    assert wanted.run()[1] == reason
    assert len(wanted.residuals) <= 3
