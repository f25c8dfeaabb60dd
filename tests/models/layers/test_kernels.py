import keras
import numpy as np
import pytest

from keras_qd.models.layers.convolution import Convolve, Downsample, Upsample


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(Convolve, (2, 4, 3, 6)), (Downsample, (2, 4, 3, 6)), (Upsample, (2, 14, 12, 6))],
)
@pytest.mark.parametrize("use_bias", [True, False])
def test_sizes_and_round_trip(layer, shape, use_bias, tmp_path):
    model = keras.Sequential([keras.Input((7, 6, 3)), layer(6, use_bias=use_bias)])
    images = np.random.default_rng(0).normal(size=(2, 7, 6, 3)).astype("float32")
    expected = model.predict(images, verbose=0)
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    assert expected.shape == shape
    assert len(loaded.weights) == 1 + use_bias
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), expected)


def test_bias_is_added():
    layer = Downsample(2)
    layer.build((None, 4, 4, 1))
    layer.set_weights([np.zeros((4, 4, 1, 2)), np.array([1.0, -2.0])])

    result = keras.ops.convert_to_numpy(layer(np.ones((1, 4, 4, 1), "float32")))

    np.testing.assert_array_equal(result, np.broadcast_to([1.0, -2.0], (1, 2, 2, 2)))
