import keras
import numpy as np

from keras_qd.models.base import Network, portable_config


def test_no_backend_is_named_at_any_depth():
    torch = "keras.src.backend.torch.optimizers.torch_adam"
    config = {"optimizer": {"config": {"inner": [{"module": torch, "class_name": "Adam"}]}}}

    assert portable_config(config) == {
        "optimizer": {"config": {"inner": [{"module": "keras.optimizers", "class_name": "Adam"}]}}
    }


def test_optimizer_of_the_running_backend_comes_back():
    config = portable_config(keras.saving.serialize_keras_object(keras.optimizers.Adam(3e-4)))

    assert config["module"] == "keras.optimizers"
    assert float(keras.saving.deserialize_keras_object(config).learning_rate) == np.float32(3e-4)


@keras.saving.register_keras_serializable(package="tests")
class Recorded(Network):
    """A third party's network."""

    def __init__(
        self, input_shape=(8, 8, 1), *, units=(2, 3), learning_rate=1e-3, name="recorded", **options
    ):
        self.settings["units"] = tuple(units)
        inputs = features = keras.Input(input_shape)
        for width in units:
            features = keras.layers.Dense(width, **options)(features)
        super().__init__(inputs, features)


def test_arguments_are_recorded_once_with_their_defaults(tmp_path):
    model = Recorded((4, 4, 2), units=[5], activation="relu")
    assert model.get_config() == {
        "input_shape": (4, 4, 2),
        "units": (5,),
        "learning_rate": 1e-3,
        "name": "recorded",
        "activation": "relu",
    }
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, Recorded)
    assert loaded.get_config() == model.get_config()
    assert Recorded().get_config()["units"] == (2, 3)
