"""Tunnel couplings of diagrams against exact splittings."""

import math

import numpy as np
import pytest

from keras_qd.devices import Device, GaussianGate, stability_diagram, tunnel_coupling
from keras_qd.errors import PhysicsError, UsageError
from keras_qd.physics import tunnel_coupling as exact_coupling

FAR = [GaussianGate("left", 35, 60, 18), GaussianGate("right", 85, 60, 18)]
NEAR = [
    GaussianGate("left", 45, 60, 20),
    GaussianGate("right", 75, 60, 20),
    GaussianGate("barrier", 60, 60, 8),
]


@pytest.fixture(scope="module")
def far():
    return Device(FAR, side=120, n_pixels=32)


def test_one_electron_has_half_the_splitting(far):
    found = tunnel_coupling(far, {"left": 27, "right": 33}, {"left": 33, "right": 27})
    assert found.occupations == ((0, 1), (1, 0))
    assert found.voltages["left"] == pytest.approx(30.0, abs=1e-3)
    assert found.direction["left"] == pytest.approx(math.sqrt(0.5))
    potential = far.potential({"left": 30.0, "right": 30.0})
    exact = far.material.to_millielectronvolts(exact_coupling(potential, far.box).coupling.value)
    assert found.coupling.value == pytest.approx(exact, rel=2e-3)
    assert abs(found.coupling.value - exact) < 2 * found.coupling.error + 1e-6
    away = far.charge_state({"left": 31.0, "right": 29.0}, 1).gap
    assert found.lever * math.sqrt(2) == pytest.approx(math.sqrt(away**2 - 4 * exact**2), rel=0.01)


def test_the_start_of_the_cut_does_not_matter(far):
    one = tunnel_coupling(far, {"left": 27, "right": 33}, {"left": 33, "right": 27})
    other = tunnel_coupling(far, {"left": 35, "right": 28}, {"left": 26, "right": 33.5})
    assert other.occupations == ((1, 0), (0, 1))
    assert other.coupling.value == pytest.approx(one.coupling.value, rel=0.05)


def test_wide_anticrossings_have_large_errors():
    """Where no two levels are on their own, the error covers the distance to the splitting."""
    device = Device(NEAR, side=120, n_pixels=24)
    found = tunnel_coupling(device, {"left": 2, "right": 18}, {"left": 18, "right": 2})
    half = device.charge_state(found.voltages, 1).gap / 2
    assert abs(found.coupling.value - half) <= found.coupling.error * 1.01
    assert found.coupling.error > 0.01


def test_transitions_of_a_diagram():
    device = Device(NEAR, side=120, n_pixels=24)
    diagram = stability_diagram(
        device,
        "left",
        "right",
        ((-4, 20), (-4, 20)),
        33,
        voltages={"barrier": -20},
        max_electrons=2,
    )
    found = {each.name: each for each in diagram.interdot_transitions(device)}
    assert set(found) == {"(1, 0)-(0, 1)", "(1, 1)-(0, 2)", "(2, 0)-(1, 1)"}
    first, *pairs = (found[name] for name in sorted(found))
    assert first.voltages["barrier"] == pytest.approx(-20.0)
    assert first.voltages["left"] == pytest.approx(first.voltages["right"], abs=0.3)
    half = device.charge_state(first.voltages, 1).gap / 2
    assert first.coupling.value == pytest.approx(half, rel=0.01)
    # The mirror image of a line has the same coupling.
    values = [each.coupling.value for each in pairs]
    assert values[0] == pytest.approx(values[1], rel=0.01)
    singlets = device.charge_state(pairs[0].voltages, 2, spin=0)
    assert values[0] == pytest.approx(singlets.gap / 2, rel=0.01)
    # The levels cross where the occupations of the diagram change.
    for each in pairs:
        row = int(np.argmin(np.abs(diagram.y - each.voltages["right"])))
        column = int(np.argmin(np.abs(diagram.x - each.voltages["left"])))
        near = diagram.occupations[:, row - 2 : row + 3, column - 2 : column + 3].reshape(2, -1).T
        assert set(each.occupations) <= {tuple(pair) for pair in near.tolist()}


def test_three_electrons_have_half_the_splitting(far):
    ends = {"left": 28, "right": 32}, {"left": 32, "right": 28}
    found = tunnel_coupling(far, *ends, n_electrons=3)
    assert found.name == "(1, 2)-(2, 1)"
    doublets = far.charge_state({"left": 30, "right": 30}, 3, accuracy=3e-3, spin=0.5)
    assert found.coupling.value == pytest.approx(doublets.gap / 2, abs=found.coupling.error)
    assert found.coupling.error < 0.02 * found.coupling.value
    assert found.residual < 0.1 * found.coupling.value


def test_merged_dots_have_no_anticrossing():
    device = Device(NEAR, side=120, n_pixels=24)
    with pytest.raises(PhysicsError, match="merged"):
        tunnel_coupling(device, {"left": 20, "right": 13.5}, {"left": 13.5, "right": 20}, 3)


def test_refusals(far):
    with pytest.raises(UsageError, match="different voltages"):
        tunnel_coupling(far, {"left": 1}, {"left": 1})
    with pytest.raises(UsageError, match="either side of the line"):
        tunnel_coupling(far, {"left": 33, "right": 27}, {"left": 35, "right": 25})
    with pytest.raises(UsageError, match="did you mean 'left'"):
        tunnel_coupling(far, {"lft": 1}, {"left": 1})
