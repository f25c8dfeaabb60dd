import keras
import numpy as np

from keras_qd.models.base import portable_config


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
