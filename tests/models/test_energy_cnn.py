"""The taught network from profiles to energies: its size, and that it is itself again from disk."""

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import UsageError
from keras_qd.models.energies import EnergyCNN


def test_parameters_are_those_of_the_course_for_both_tasks():
    for name in ("potential-to-energy", "density-to-energy"):
        model = keras_qd.task(name).build_model((64, 1), (1,))
        assert model.count_params() == 33_429
        sizes = [layer.count_params() for layer in model.layers if layer.count_params()]
        assert sizes == [24, 304, 27_000, 6_050, 51]


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
