"""Devices for wanted numbers, verified by the exact solver."""

import numpy as np
import pytest

from keras_qd.devices import Device, GaussianGate
from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.inverse import design, design_device
from keras_qd.inverse._design import _Numbers
from keras_qd.inverse.design_space import DesignSpace
from keras_qd.physics import Box, Interaction, addition_energies, exchange, potential_family, solve

BOX = Box(10.0)
ROUND = potential_family(
    "parabolic", omega=(0.5, 2.0), ratio=1.0, angle=0.0, shift=0.0, disorder=0.0
)
GATES = potential_family("gate-array", n_gates=3)
FEW = potential_family("gate-array", n_gates=2)


def test_frequency_of_a_parabola():
    found = design(ROUND, {"mu_1": 1.3}, BOX, n_pixels=32, tolerance=1e-4)
    assert found.converged
    assert found.parameters["omega"] == pytest.approx(1.3, rel=1e-3)
    assert str(found).startswith("reached: mu_1 = 1.")


def test_exchange_and_chemical_potential_of_a_gate_array():
    found = design(GATES, {"exchange": 0.05, "mu_1": -0.5}, BOX, n_pixels=24)
    assert found.converged
    assert float(exchange(found.potential, BOX)) == pytest.approx(0.05, rel=0.02)
    levels = addition_energies(found.potential, BOX, 1).chemical_potentials
    assert float(levels[0]) == pytest.approx(-0.5, abs=0.01)
    assert found.reached["exchange"].error < 0.01 * found.reached["exchange"].value


def test_charge_is_that_of_the_density():
    found = design(GATES, {"charge_left": 1.3}, BOX, n_pixels=16, tolerance=0.02)
    density = solve(found.potential, BOX, 2).density
    assert density[:, :8].sum() * BOX.pixel_area(16) == pytest.approx(1.3, abs=0.03)


def test_charge_of_a_region():
    x, y = BOX.mesh(16)
    ring = np.hypot(x - 5, y - 5) > 1
    wants = {"charge_ring": 0.4}
    found = design(
        ROUND, wants, BOX, n_electrons=1, n_pixels=16, regions={"ring": ring}, tolerance=1e-3
    )
    assert found.converged
    density = solve(found.potential, BOX, 1).density
    assert density[ring].sum() * BOX.pixel_area(16) == pytest.approx(0.4, rel=2e-3)
    with pytest.raises(UnknownNameError, match="did you mean 'charge_ring'"):
        design(ROUND, {"charge_rng": 0.6}, BOX, n_pixels=16, regions={"ring": ring})
    with pytest.raises(UsageError, match="over the pixels"):
        design(ROUND, wants, BOX, n_pixels=24, regions={"ring": ring})


@pytest.mark.parametrize(
    ("wants", "n_electrons"),
    [
        ({"exchange": 0.1}, 2),
        ({"gap": 0.1}, 2),
        ({"gap": 0.1}, 1),
        ({"mu_2": 1.0}, 2),
        ({"addition_1": 1.0}, 2),
        ({"charge_left": 1.0}, 2),
        ({"charge_top": 1.0}, 1),
        ({"dipole_x": 0.2}, 2),
    ],
    ids=str,
)
def test_slopes_against_differences(wants, n_electrons):
    space = DesignSpace(FEW, BOX, 16)
    numbers = _Numbers(space, BOX, wants, n_electrons, Interaction(), 1.0)
    here = np.linspace(0.2, 0.8, space.n_coordinates)
    slopes = numbers.slopes(here, numbers.at(here))[0]
    # All coordinates at once, along a direction in which no two of them move alike.
    direction = np.array([1.0, -0.6, 0.8, -0.4])
    below, above = (
        numbers.deviations(numbers.at(here + step * direction))[0] for step in (-0.01, 0.01)
    )
    slope = (above - below) / 0.02
    assert slopes @ direction == pytest.approx(slope, abs=0.03 * np.abs(slopes).max())


def test_out_of_reach_says_which_bound_is_active():
    found = design(ROUND, {"mu_1": 3.0}, BOX, n_pixels=24, n_starts=1)
    assert not found.converged
    assert found.at_bounds == ("omega",)
    assert "not reached" in str(found)


def test_voltages_of_a_device():
    gates = [GaussianGate(name, x, 60, 20) for name, x in (("left", 45), ("right", 75))]
    device = Device([*gates, GaussianGate("barrier", 60, 60, 8)], side=120, n_pixels=24)
    plungers = {"left": 20.0, "right": 20.0}
    found = design_device(device, {"barrier": (-40, 10)}, {"exchange": 0.2}, voltages=plungers)
    assert found.converged
    state = device.charge_state({**plungers, **found.parameters}, 2)
    assert state.exchange.value == pytest.approx(0.2, rel=0.02)


@pytest.mark.parametrize(
    ("wants", "error", "message"),
    [
        ({}, UsageError, "nothing is wanted"),
        ({"exchangee": 0.1}, UnknownNameError, "did you mean 'exchange'"),
        ({"exchange": -0.1}, UsageError, "positive"),
        ({"mu_0": 1.0}, UnknownNameError, "mu_0"),
        ({"mu_1": float("nan")}, UsageError, "finite"),
    ],
)
def test_refusals(wants, error, message):
    with pytest.raises(error, match=message):
        design(ROUND, wants, BOX, n_pixels=16)


def test_bounds_of_gates_are_checked():
    device = Device([GaussianGate("plunger", 40, 40, 18)], side=80, n_pixels=16)
    with pytest.raises(UsageError, match="rise"):
        design_device(device, {"plunger": (1, 0)}, {"mu_1": -1.0})
    with pytest.raises(UnknownNameError, match="plunger"):
        design_device(device, {"plnger": (0, 1)}, {"mu_1": -1.0})
    with pytest.raises(UsageError, match="bounds"):
        design_device(device, {}, {"mu_1": -1.0})
