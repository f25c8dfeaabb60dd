"""The stronger networks on a line: exact symmetries, sizes, and that they are themselves again."""

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.data import Wells
from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.models.energies import EnergyCNN, TrialEnergy

from .conftest import not_on_jax

SMALL = {"residual-1d": {"width": 8, "blocks": 1}, "fno-1d": {"width": 4, "modes": 4, "blocks": 1}}
LINES = sorted(SMALL)
POTENTIAL = {"view": "without-mean"}


def make(name, points=64, channels=1, numbers=1, **settings):
    shapes = {"input_shape": (points, channels), "output_shape": (numbers,)}
    return keras_qd.build(name, **shapes, **{**SMALL[name], **settings})


def profiles(points=64, channels=1):
    """Return profiles in steps of 1/64, so that sums and means of them are exact."""
    values = np.random.default_rng(1).integers(1, 200, size=(5, points, channels))
    return (values / 64).astype("float32")


@not_on_jax
@pytest.mark.parametrize(
    ("name", "settings", "parameters"),
    [
        ("residual-1d", {}, 280_065),
        ("residual-1d", {"view": "without-mean", "readout": "trial-states"}, 312_736),
        ("fno-1d", {}, 36_497),
        ("fno-1d", {"view": "without-mean", "readout": "trial-states"}, 34_546),
    ],
)
def test_sizes(name, settings, parameters):
    shapes = {"input_shape": (64, 1), "output_shape": (1,)}
    assert keras_qd.build(name, **shapes, **settings).count_params() == parameters


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("readout", ["dense", "mean", "trial-states"])
def test_a_constant_in_the_potential_adds_to_the_energy(name, readout):
    model, potentials = make(name, readout=readout, **POTENTIAL), profiles()
    energies = model.predict(potentials, verbose=0).astype("float64")
    for constant in (0.5, -4.0):
        shifted = model.predict(potentials + np.float32(constant), verbose=0)
        # What the network sees is the same to the bit; the sum at the end is rounded once.
        np.testing.assert_allclose(shifted, energies + constant, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", LINES)
def test_without_that_view_it_does_not(name):
    model, potentials = make(name), profiles()
    difference = model.predict(potentials + 0.5, verbose=0) - model.predict(potentials, verbose=0)
    assert np.abs(difference - 0.5).max() > 1e-3


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("residual-1d", {"view": "without-mean", "readout": "trial-states"}),
        ("fno-1d", {"view": "square-root", "readout": "mean", "channels": 2, "numbers": 3}),
        ("residual-1d", {"points": 32, "view": "logarithm"}),
    ],
)
def test_it_learns_and_round_trips(name, settings, tmp_path):
    model = make(name, **settings)
    x = profiles(settings.get("points", 64), settings.get("channels", 1))
    y = np.repeat(x.mean(axis=(1, 2))[:, None] - 0.5, settings.get("numbers", 1), axis=1)
    losses = model.fit(x, y, epochs=80, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


def test_pieces_of_a_line():
    model = make("residual-1d", pieces=16, kernel_size=3, readout="mean")
    assert model.predict(profiles(), verbose=0).shape == (5, 1)
    for settings in ({"pieces": 5}, {"pieces": 0}, {"kernel_size": 2}):
        with pytest.raises(UsageError, match="must divide the 64 points"):
            make("residual-1d", **settings)


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"view": "naked"}, UnknownNameError, "logarithm, plain, square-root, without-mean"),
        ({"readout": "best"}, UnknownNameError, "dense, mean, trial-states"),
        ({"readout": "trial-states"}, UsageError, "give view='without-mean'"),
        ({"view": "without-mean", "numbers": 2}, UsageError, "one profile and one number"),
        ({"view": "without-mean", "channels": 2}, UsageError, "one profile and one number"),
    ],
)
def test_settings_that_do_not_fit(settings, kind, message):
    with pytest.raises(kind, match=message):
        make("residual-1d", **settings)


def test_too_many_modes():
    with pytest.raises(UsageError, match="41 modes, not 50"):
        make("fno-1d", modes=50)


LENGTH = 10.0


def energies_of(states, potential):
    """Return what the layer gives for states (n, points, 2), told the electron's kinetic energy."""
    layer = TrialEnergy(modes=32)
    trial = np.stack([trials_of(states[..., place]) for place in (0, 1)], axis=-1)
    layer(trial, potential)
    layer.roughness.assign(np.full(32, np.pi / (np.sqrt(2) * LENGTH), dtype="float32"))
    return keras.ops.convert_to_numpy(layer(trial, potential))[:, 0]


def trials_of(states):
    """Return what the layer takes for these states: it divides the modes by their number."""
    points = states.shape[1]
    modes = np.arange(1, points + 1)
    sines = np.sin(np.pi * np.outer(modes, modes) / (points + 1)) * np.sqrt(2 / (points + 1))
    return ((states @ sines * modes) @ sines).astype("float32")


def test_sine_functions_have_the_energies_of_a_box():
    places = np.arange(1, 65) / 65
    sines = np.stack([np.sin(np.pi * k * places) for k in (1, 2, 3, 4)])
    # The lower of two levels, whatever the order and the mixture of the states.
    states = np.stack([sines[[0, 3, 2]], np.stack([sines[1], sines[1], sines[3] + sines[2]])], -1)
    energies = energies_of(states, np.full((3, 64), 0.25, dtype="float32"))
    exact = 0.25 + np.pi**2 * np.array([1, 2, 3]) ** 2 / (2 * LENGTH**2)
    np.testing.assert_allclose(energies, exact, atol=5e-5)


def test_trial_energies_are_bounds_whose_error_is_of_second_order():
    wells = Wells().make(range(64))
    exact = np.sqrt(wells["density"].astype("float64"))
    wrong, other = np.random.default_rng(0).normal(size=(2, *exact.shape))
    errors = []
    for deviation in (0.0, 0.02, 0.04):
        states = np.stack([exact + deviation * wrong, other], axis=-1)
        errors.append(energies_of(states, wells["potential"]) - wells["energy"])
    assert min(error.min() for error in errors) > -1e-4
    assert errors[0].max() < 2e-3
    assert errors[2].mean() / errors[1].mean() == pytest.approx(4, rel=0.2)


def test_two_states_find_the_mixture():
    wells = Wells().make(range(64))
    exact = np.sqrt(wells["density"].astype("float64"))
    other = np.random.default_rng(0).normal(size=exact.shape)
    mixed = np.stack([exact + other, exact - 0.5 * other], axis=-1)
    np.testing.assert_allclose(energies_of(mixed, wells["potential"]), wells["energy"], atol=2e-3)


@not_on_jax
def test_parameters_are_those_of_the_course_for_both_tasks():
    for name in ("potential-to-energy", "density-to-energy"):
        model = keras_qd.task(name).build_model((64, 1), (1,))
        assert model.count_params() == 33_429
        sizes = [layer.count_params() for layer in model.layers if layer.count_params()]
        assert sizes == [24, 304, 27_000, 6_050, 51]


@not_on_jax
def test_learning_rates_are_those_of_the_course():
    rates = {"potential-to-energy": 1e-3, "density-to-energy": 1e-4}
    for name, rate in rates.items():
        model = keras_qd.task(name).build_model((64, 1), (1,))
        assert float(model.optimizer.learning_rate) == pytest.approx(rate)


def test_dropout_follows_both_dense_layers_and_acts_in_training_only():
    model = EnergyCNN()
    kinds = [type(layer).__name__ for layer in model.layers[-5:]]
    assert kinds == ["Dense", "Dropout", "Dense", "Dropout", "Dense"]
    profiles = np.random.default_rng(0).normal(size=(4, 64, 1)).astype("float32")
    one, two = (keras.ops.convert_to_numpy(model(profiles, training=True)) for _ in range(2))
    assert not np.array_equal(one, two)
    one, two = (keras.ops.convert_to_numpy(model(profiles, training=False)) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_it_round_trips(tmp_path):
    model = EnergyCNN((32, 2), (3,), filters=(2, 3), units=(4,))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    profiles = np.random.default_rng(0).normal(size=(4, 32, 2)).astype("float32")
    np.testing.assert_array_equal(
        loaded.predict(profiles, verbose=0), model.predict(profiles, verbose=0)
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"input_shape": (8, 1)}, "too short for 2 convolutions"),
        ({"input_shape": (64, 64, 1)}, "takes .points, channels."),
        ({"output_shape": (64, 1)}, "returns .numbers,."),
        ({"view": "without-mean"}, "use residual-1d"),
    ],
)
def test_impossible_shapes_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        EnergyCNN(**settings)
