"""Networks that return numbers: what a constant in the potential adds, sizes, round trips."""

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import UsageError

from .conftest import not_on_jax

CHARGES = (2, 1, 0, -0.5)
SMALL = {"width": 8, "blocks": 1, "heads": 2}


def make(**settings):
    shapes = {"input_shape": (16, 16, 1), "output_shape": (4,)}
    return keras_qd.build("residual-2d", **{**shapes, **SMALL, **settings})


@pytest.fixture(scope="module")
def potentials():
    """Potentials in steps of 1/64, so that sums and means of them are exact."""
    values = np.random.default_rng(1).integers(-90, 90, size=(5, 16, 16, 1))
    return (values / 64).astype("float32")


@pytest.mark.parametrize("constant", [0.5, -4.0])
def test_a_constant_in_the_potential_adds_its_charge(constant, potentials):
    model = make(charges=CHARGES)
    numbers = model.predict(potentials, verbose=0)
    shifted = model.predict(potentials + np.float32(constant), verbose=0)
    # What the network sees is the same to the bit; the sum at the end is rounded once.
    expected = numbers.astype("float64") + constant * np.array(CHARGES)
    np.testing.assert_allclose(shifted, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(shifted[:, 2], numbers[:, 2])
    assert numbers.std(axis=0).min() > 1e-3


def test_without_charges_the_map_is_seen_as_it_is(potentials):
    model = make()
    difference = model.predict(potentials + 0.5, verbose=0) - model.predict(potentials, verbose=0)
    assert np.abs(difference).min() > 1e-6


@not_on_jax
@pytest.mark.parametrize(("name", "parameters"), [("residual-2d", 68_776), ("table-mlp", 17_411)])
def test_sizes(name, parameters):
    shapes = {"residual-2d": ((64, 64, 1), (4,)), "table-mlp": ((3,), (3,))}
    given, wanted = shapes[name]
    assert keras_qd.build(name, input_shape=given, output_shape=wanted).count_params() == parameters


def test_it_learns_and_round_trips(potentials, tmp_path):
    model = make(charges=CHARGES)
    wanted = np.repeat(potentials.std(axis=(1, 2)), 4, axis=1)
    losses = model.fit(potentials, wanted, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    np.testing.assert_array_equal(
        loaded.predict(potentials, verbose=0), model.predict(potentials, verbose=0)
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"charges": (2, 1)}, "4 numbers: give one potential"),
        ({"charges": CHARGES, "input_shape": (16, 16, 2)}, "with 2 maps"),
        ({"block": 5}, "block=5 must divide"),
        ({"input_shape": (16, 1)}, "takes .ny, nx, channels."),
        ({"output_shape": (16, 16, 1)}, "returns .numbers,."),
    ],
)
def test_what_does_not_fit_is_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        make(**settings)


def test_a_table_needs_numbers():
    with pytest.raises(UsageError, match="a network of tables"):
        keras_qd.build("table-mlp", input_shape=(8, 8, 1), output_shape=(1,))
