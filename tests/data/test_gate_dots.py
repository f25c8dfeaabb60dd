"""The data set of a gated device: what is solved, for which device, and what is refused."""

import numpy as np
import pytest

from keras_qd.data import GateDots, generate
from keras_qd.data.gate_dots import DOUBLE_DOT
from keras_qd.devices import Device
from keras_qd.errors import UnknownNameError, UsageError

ONE_GATE = {
    "side": 80.0,
    "n_pixels": 16,
    "gates": [{"name": "plunger", "shape": "gaussian", "x": 40.0, "y": 40.0, "width": 18.0}],
}


@pytest.fixture(scope="module")
def samples():
    return GateDots(seed=3).make(range(1))


def test_chemical_potentials_are_those_of_the_device(samples):
    device = Device.from_settings(DOUBLE_DOT)
    voltages = dict(zip(device.gate_names, samples["voltages"][0], strict=True))
    states = device.ground_states(voltages, 3)
    expected = np.diff([0.0, *(state.energy.value for state in states)])
    bounds = sum(state.energy.error for state in states)
    np.testing.assert_allclose(samples["chemical_potentials"][0], expected, atol=bounds)
    assert bounds < 0.2  # meV
    assert (np.diff(samples["chemical_potentials"][0]) > 0).all()


def test_voltages_are_within_their_ranges():
    recipe = GateDots(device=ONE_GATE, ranges={"plunger": (5, 9)}, max_electrons=1)
    voltages = recipe.make(range(20))["voltages"]
    assert voltages.shape == (20, 1)
    assert 5 <= voltages.min() < 6 < 8 < voltages.max() <= 9


def test_a_more_positive_gate_attracts():
    """By Hellmann and Feynman, mu_1 falls by the share of the voltage that the electron sees."""
    recipe = GateDots(device=ONE_GATE, ranges={"plunger": (20, 21)}, max_electrons=1)
    made = recipe.make(range(8))
    order = np.argsort(made["voltages"][:, 0])
    rise = np.diff(made["voltages"][order, 0])
    fall = -np.diff(made["chemical_potentials"][order, 0])
    assert ((fall > 0.3 * rise) & (fall < rise)).all()


def test_a_store_has_units_errors_and_its_settings_again(tmp_path):
    recipe = GateDots(device=ONE_GATE, ranges={"plunger": (10, 30)}, max_electrons=2)
    store = generate(tmp_path / "gates.zarr", recipe, 3, workers=1)
    assert {name: store.fields[name].unit for name in recipe.fields} == {
        "voltages": "mV",
        "chemical_potentials": "meV",
    }
    assert store.fields["voltages"].labels == ("plunger",)
    assert store.fields["chemical_potentials"].labels == ("mu_1", "mu_2")
    errors = recipe.label_errors({name: store.read(name) for name in recipe.fields})
    assert 0 < errors["chemical_potentials"].max() < 0.1  # meV
    own = {name: store.configuration[name] for name in ("max_electrons", "device", "ranges")}
    assert GateDots(**own) == recipe


def test_the_interaction_is_that_of_the_device():
    plane = {"name": "image-charge", "gate_distance": 0.5}
    spacing = {}
    for name, each in (("none", "none"), ("plane", plane), ("coulomb", "coulomb")):
        device = {**ONE_GATE, "interaction": each}
        recipe = GateDots(max_electrons=2, device=device, ranges={"plunger": (20.0, 20.0)})
        mu = recipe.make(range(1))["chemical_potentials"][0]
        spacing[name] = mu[1] - mu[0]
    assert abs(spacing["none"]) < 1e-3  # meV: two electrons in one orbital
    assert 0.1 < spacing["plane"] < 0.9 * spacing["coulomb"]


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"max_electrons": 5}, UsageError, "max_electrons=5"),
        ({"ranges": {"lefft": (0, 1)}}, UnknownNameError, "did you mean 'left'"),
        ({"ranges": {"left": (0, 1)}}, UsageError, "voltage in mV of"),
        ({"device": ONE_GATE}, UsageError, "voltage in mV of"),
        ({"device": ONE_GATE, "ranges": {"plunger": 3}}, UsageError, "two finite voltages"),
        ({"device": ONE_GATE, "ranges": {"plunger": (3, 1)}}, UsageError, "lowest first"),
        ({"device": {"side": 80.0}}, UsageError, "needs a table"),
        (
            {"device": {"side": 80.0, "gates": [{"name": "a", "shape": "array", "file": "a.npy"}]}},
            UsageError,
            "from a file",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, kind, message):
    with pytest.raises(kind, match=message):
        GateDots(**settings)
