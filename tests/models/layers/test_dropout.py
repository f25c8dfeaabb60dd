import keras
import numpy as np

from keras_qd.models.layers.factory import Dropout


def test_masks_go_on_after_saving_and_loading(tmp_path):
    model = keras.Sequential([keras.Input((50,)), Dropout(0.5, seed=3)])
    ones = np.ones((2, 50), "float32")
    first = keras.ops.convert_to_numpy(model(ones, training=True))
    model.save(tmp_path / "model.keras")
    expected = keras.ops.convert_to_numpy(model(ones, training=True))

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    assert not np.array_equal(first, expected)
    np.testing.assert_array_equal(loaded(ones, training=True), expected)
