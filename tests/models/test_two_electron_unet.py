"""The network that refines an approximate density of two electrons."""

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import UsageError

POINTS, LENGTH = 16, 8.0
SMALL = {
    "input_shape": (POINTS, POINTS, 1),
    "lowest": 3,
    "orbitals": 6,
    "n_max": 5,
    "box_length": LENGTH,
    "filters": 4,
    "levels": 2,
    "blocks": 1,
}


@pytest.fixture
def potentials():
    along = np.cos(np.pi * np.outer((np.arange(POINTS) + 0.5) / POINTS, np.arange(4)))
    values = along @ np.random.default_rng(1).normal(0.0, 0.1, size=(4, 4, 4)) @ along.T
    return values[..., None].astype("float32")


@pytest.fixture(scope="module")
def untrained():
    return keras_qd.build("two-electron-unet", **SMALL)


@pytest.fixture(scope="module")
def shaken():
    """Return a model whose last layer has weights, which are zero at first."""
    model = keras_qd.build("two-electron-unet", **SMALL)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables[-2:]:
        variable.assign(rng.normal(size=variable.shape))
    return model


def test_untrained_it_is_nearly_the_approximate_solution(potentials, untrained):
    inputs = keras.Input(SMALL["input_shape"])
    solver = keras.Model(inputs, untrained.get_layer("solver")(inputs))
    found = solver.predict(potentials, verbose=0)[0][..., :1]
    predicted = untrained.predict(potentials, verbose=0)
    np.testing.assert_allclose(predicted, found, atol=0.01 * found.max())


def test_no_density_is_negative_and_there_are_two_electrons(potentials, untrained, shaken):
    before, after = (model.predict(potentials, verbose=0) for model in (untrained, shaken))
    assert np.abs(after - before).max() > 0.1 * before.max()
    assert after.min() >= 0
    np.testing.assert_allclose(after.sum(axis=(1, 2)) * (LENGTH / POINTS) ** 2, 2, rtol=1e-5)


def test_a_constant_changes_nothing(potentials, shaken):
    one, other = (shaken.predict(potentials + shift, verbose=0) for shift in (0.0, 2.0))
    np.testing.assert_allclose(one, other, atol=2e-3 * one.max())


def test_it_learns_and_round_trips(potentials, tmp_path):
    model = keras_qd.build("two-electron-unet", **SMALL, learning_rate=1e-2)
    # Electrons that are all in one half: no solution looks like that.
    targets = model.predict(potentials, verbose=0)
    targets[:, : POINTS // 2] = 0
    targets *= 2 / (targets.sum(axis=(1, 2), keepdims=True) * (LENGTH / POINTS) ** 2)
    losses = model.fit(potentials, targets, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    predictions = (each.predict(potentials, verbose=0) for each in (model, loaded))
    np.testing.assert_array_equal(*predictions)


def test_untrained_it_has_the_symmetries_of_the_square(potentials, untrained):
    expected = untrained.predict(potentials, verbose=0)[:, ::-1].transpose(0, 2, 1, 3)
    changed = potentials[:, ::-1].transpose(0, 2, 1, 3)
    found = untrained.predict(changed, verbose=0)
    np.testing.assert_allclose(found, expected, atol=2e-3 * expected.max())


@pytest.mark.parametrize("shape", [(16, 16, 2), (16, 16)])
def test_shapes_that_are_no_potential(shape):
    with pytest.raises(UsageError, match="shape"):
        keras_qd.build("two-electron-unet", **{**SMALL, "input_shape": shape})


def test_grid_that_cannot_be_halved():
    with pytest.raises(UsageError, match="multiples of 32"):
        keras_qd.build("two-electron-unet", **{**SMALL, "levels": 5})
