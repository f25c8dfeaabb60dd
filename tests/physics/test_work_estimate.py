import pytest

from keras_qd.errors import PhysicsError
from keras_qd.physics import Box, Solver
from keras_qd.physics.solver import estimate_work


def test_out_of_reach_is_refused_with_numbers():
    with pytest.raises(
        PhysicsError, match=r"determinants: about .* GB and .* s a system"
    ) as raised:
        Solver(Box(10.0), 6, n_orbitals=60)
    assert "use at most" in str(raised.value)


def test_defaults_are_within_reach():
    for n_electrons in range(1, 7):
        Solver(Box(10.0), n_electrons)


def test_cost_grows():
    works = [estimate_work(n, 14) for n in range(1, 7)]
    assert sorted(works, key=lambda work: work.memory) == works
    assert sorted(works, key=lambda work: work.seconds) == works
