"""Devices: gates, units, Hellmann-Feynman lever arms, files."""

import os

import numpy as np
import pytest

from keras_qd.devices import ArrayGate, Device, GaussianGate, RectangularGate
from keras_qd.errors import DataError, UnknownNameError, UsageError
from keras_qd.physics import Material, material, solve

GATES = [GaussianGate("left", 45, 60, 20), GaussianGate("right", 75, 60, 20)]
FILE = """
side = 120
material = "GaAs"
n_pixels = 24
background = 1.5
interaction = {name = "image-charge", gate_distance = 2.0}

[[gates]]
name = "plunger"
shape = "gaussian"
x = 60
y = 60
width = 20

[[gates]]
name = "bar"
x = 60
y = 60
width = 30
height = 80
depth = 50

[[gates]]
name = "top"
shape = "array"
file = "top.npy"
"""


@pytest.fixture(scope="module")
def device():
    return Device(GATES, side=120, n_pixels=24)


def test_far_gates_reach_a_share_of_one_in_all():
    """Four rectangles that tile the plane hold the potential of one voltage."""
    tiles = [
        RectangularGate(str(k), x=60 + 1e5 * a, y=60 + 1e5 * b, width=2e5, height=2e5, depth=40)
        for k, (a, b) in enumerate([(-1, -1), (1, -1), (-1, 1), (1, 1)])
    ]
    device = Device(tiles, side=120, n_pixels=16)
    np.testing.assert_allclose(device.shares.sum(axis=0), 1.0, atol=1e-3)


def test_potential_is_linear_and_in_effective_units(device):
    gaas = material("GaAs")
    found = device.potential({"left": 10.0, "right": -5.0})
    np.testing.assert_allclose(
        gaas.to_millielectronvolts(found), -10 * device.shares[0] + 5 * device.shares[1]
    )
    assert device.box.length == pytest.approx(gaas.from_nanometres(120.0))


def test_charge_states_are_those_of_the_solver(device):
    voltages = {"left": 15.0, "right": 10.0}
    one, two = device.ground_states(voltages, max_electrons=2)
    dot = solve(device.potential(voltages), device.box, 2)
    hartree = material("GaAs").hartree
    assert two.energy.value == pytest.approx(dot.energy * hartree, rel=1e-12)
    assert two.energy.error == pytest.approx(dot.energy_error * hartree, rel=1e-12)
    assert one.charges.sum() == pytest.approx(1.0, abs=1e-9)
    assert two.charges.sum() == pytest.approx(2.0, abs=1e-9)
    assert two.charges[0] > two.charges[1]


@pytest.mark.parametrize("n_electrons", [1, 2, 3])
def test_an_accuracy_in_place_of_errors(device, n_electrons):
    voltages = {"left": 15.0, "right": 10.0}
    full = device.charge_state(voltages, n_electrons)
    quick = device.charge_state(voltages, n_electrons, accuracy=3e-3)
    assert quick.energy.value == pytest.approx(full.energy.value, abs=0.01)
    assert np.isnan(quick.energy.error) == (n_electrons > 1)
    np.testing.assert_allclose(quick.slopes, full.slopes, atol=2e-3)
    np.testing.assert_allclose(quick.charges, full.charges, atol=5e-3)


@pytest.mark.parametrize("n_electrons", [1, 2])
def test_slopes_are_derivatives(device, n_electrons):
    """Hellmann-Feynman against finite differences of the energy."""
    step = 0.5
    state = device.charge_state({"left": 15.0, "right": 12.0}, n_electrons)
    for gate, slope in zip(device.gate_names, state.slopes, strict=True):
        ends = []
        for sign in (-1, 1):
            voltages = {"left": 15.0, "right": 12.0}
            voltages[gate] += sign * step
            ends.append(device.charge_state(voltages, n_electrons).energy.value)
        assert slope == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=5e-3)
        assert slope < 0


def test_device_of_a_file(tmp_path):
    np.save(tmp_path / "top.npy", np.full((24, 24), 0.25))
    (tmp_path / "device.toml").write_text(FILE)
    device = Device.load(tmp_path / "device.toml")
    assert device.gate_names == ("plunger", "bar", "top")
    assert device.interaction.gate_distance == 2.0
    lifted = device.potential({"top": 4.0}) - device.potential({})
    np.testing.assert_allclose(device.material.to_millielectronvolts(lifted), -1.0)
    np.testing.assert_allclose(device.material.to_millielectronvolts(device.potential({})), 1.5)


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("side = 120", "", UsageError, "needs its side"),
        ("side = 120", "side = -3", UsageError, "side must be"),
        ("side = 120", "sid = 120", UnknownNameError, "did you mean 'side'"),
        ("side = 120", "side = [", DataError, "TOML"),
        ("n_pixels = 24", "n_pixels = 2.5", UsageError, "whole number"),
        ("n_pixels = 24", "n_pixels = 4", UsageError, "8 to 512"),
        ('"GaAs"', '"GaAz"', UnknownNameError, "did you mean 'GaAs'"),
        ("background = 1.5", 'background = "x"', UsageError, "background"),
        ("gate_distance = 2.0", "gate_distance = -2.0", UsageError, "gate_distance"),
        ("gate_distance", "distance", UsageError, "interaction"),
        ('shape = "gaussian"', 'shape = "round"', UnknownNameError, "shape of a gate"),
        ("depth = 50", "deph = 50", UnknownNameError, "did you mean 'depth'"),
        ("depth = 50", "", UsageError, "depth"),
        ("height = 80", "height = 0", UsageError, "positive"),
        ('name = "bar"', 'name = "plunger"', UsageError, "names must differ"),
        ("top.npy", "other.npy", DataError, "other.npy"),
    ],
)
def test_files_that_make_no_sense(tmp_path, old, new, error, message):
    assert old in FILE
    np.save(tmp_path / "top.npy", np.full((24, 24), 0.25))
    (tmp_path / "device.toml").write_text(FILE.replace(old, new))
    with pytest.raises(error, match=message):
        Device.load(tmp_path / "device.toml")


def test_refusals(device):
    with pytest.raises(UnknownNameError, match="did you mean 'left'"):
        device.potential({"lft": 1.0})
    with pytest.raises(UsageError, match="finite"):
        device.potential({"left": float("nan")})
    with pytest.raises(UsageError, match="1 to 6"):
        device.ground_states({}, 7)
    with pytest.raises(UsageError, match="at least one gate"):
        Device([], side=100)
    with pytest.raises(UsageError, match="same number of pixels"):
        Device([ArrayGate("a", np.zeros((16, 16)))], side=100, n_pixels=24).potential({})
    with pytest.raises(UsageError, match="mask"):
        Device(GATES, side=120, n_pixels=24, regions={"dot": np.ones((3, 3))})


def test_gates_in_another_unit_are_found_out():
    metres = GaussianGate("left", 45e-9, 60e-9, 20e-9)
    with pytest.raises(UsageError, match="'left' does not reach the box"):
        Device([metres, GATES[1]], side=120, n_pixels=16).potential({})


@pytest.mark.parametrize(
    "interaction",
    [
        '{name = "image-charge", gate_distance = 0.5}',
        '{name = "finite-thickness", thickness = 1.5}',
        '{name = "screened", screening_length = 0.5}',
    ],
)
def test_interactions_of_real_devices_repel_less(tmp_path, interaction):
    energies = []
    for line in ("", f"interaction = {interaction}"):
        gate = '[[gates]]\nname = "a"\nshape = "gaussian"\nx = 40\ny = 40\nwidth = 20'
        path = tmp_path / "device.toml"
        path.write_text(f"side = 80\nn_pixels = 16\n{line}\n{gate}")
        state = Device.load(path).charge_state({"a": 20}, 2, accuracy=1e-2)
        energies.append(state.energy.value)
    assert energies[1] < energies[0] - 0.3


def test_materials_of_ones_own():
    own = Material("own", effective_mass=0.1, permittivity=10.0)
    device = Device(GATES, side=120, material=own, n_pixels=16)
    assert device.box.length == pytest.approx(120 / own.bohr_radius)


def _npy(path, array):
    np.save(path, array)
    return path


def _huge(path, shape):
    with path.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
    return path


@pytest.mark.parametrize(
    "write",
    [
        lambda path: _huge(path, (10**30,)),
        lambda path: _huge(path, (10**5, 10**6)),
        lambda path: path.write_bytes(b"\x93NUMPY\x01\x00" + b"\x88\x13" + b"(" * 5000),
        lambda path: os.mkfifo(path),
        lambda path: path.write_bytes(b"PK\x03\x04"),
        lambda path: _npy(path, np.zeros((600, 600))),
        lambda path: _npy(path, np.array([["abc"]])),
        lambda path: _npy(path, np.zeros((24, 24), complex)),
        lambda path: _npy(path, np.zeros(24)),
    ],
)
def test_hostile_arrays_of_gates_are_refused(tmp_path, write):
    write(tmp_path / "top.npy")
    file = tmp_path / "device.toml"
    file.write_text(FILE)
    with pytest.raises((DataError, UsageError), match=r"top\.npy|'top'"):
        Device.load(file)


def test_names_of_gates_are_printable():
    with pytest.raises(UsageError, match="printable"):
        Device([GaussianGate("a\x1b[2J", 45, 60, 20)], side=120, n_pixels=24)
