import keras
import numpy as np
import pytest

from keras_qd.errors import UnknownNameError
from keras_qd.models.layers.factory import Dropout, LayerFactory


def kernel(prefix, seed):
    layer = LayerFactory(prefix, seed=seed).weighted(keras.layers.Dense, 3, name="dense")
    layer.build((None, 4))
    return keras.ops.convert_to_numpy(layer.kernel)


def normalized(kind, features):
    inputs = keras.Input(features.shape[1:])
    outputs = LayerFactory("net", normalization=kind).normalize(inputs, "norm")
    return keras.ops.convert_to_numpy(keras.Model(inputs, outputs)(features, training=True))


def test_weights_follow_the_seed_and_the_prefix():
    np.testing.assert_array_equal(kernel("generator", 1), kernel("generator", 1))
    assert not np.array_equal(kernel("generator", 1), kernel("generator", 2))
    assert not np.array_equal(kernel("generator", 1), kernel("discriminator", 1))


def test_every_layer_has_weights_of_its_own():
    layers = LayerFactory("net", seed=0)
    first, second = (layers.weighted(keras.layers.Dense, 3, name=name) for name in "ab")
    first.build((None, 4))
    second.build((None, 4))

    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])
    assert (first.name, second.name) == ("net_a", "net_b")


@pytest.mark.parametrize(
    ("kind", "axes"), [("batch", (0, 1, 2)), ("instance", (1, 2)), ("none", ())]
)
def test_normalizations_remove_mean_and_spread_over_their_axes(kind, axes):
    features = np.random.default_rng(0).normal(3, 2, size=(4, 5, 6, 8)).astype("float32")
    expected = features
    if axes:
        mean, variance = (f(features, axis=axes, keepdims=True) for f in (np.mean, np.var))
        expected = (features - mean) / np.sqrt(variance + 1e-5)

    np.testing.assert_allclose(normalized(kind, features), expected, atol=1e-5)


def test_groups_divide_the_channels():
    features = np.random.default_rng(0).normal(3, 2, size=(2, 5, 6, 12)).astype("float32")

    groups = normalized("group", features).reshape(2, 5, 6, 4, 3)

    np.testing.assert_allclose(groups.mean(axis=(1, 2, 4)), 0, atol=1e-5)
    np.testing.assert_allclose(groups.std(axis=(1, 2, 4)), 1, atol=1e-4)


def test_unknown_normalization_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="did you mean 'batch'"):
        LayerFactory("net", normalization="bach")


def test_masks_go_on_after_saving_and_loading(tmp_path):
    model = keras.Sequential([keras.Input((50,)), Dropout(0.5, seed=3)])
    ones = np.ones((2, 50), "float32")
    first = keras.ops.convert_to_numpy(model(ones, training=True))
    model.save(tmp_path / "model.keras")
    expected = keras.ops.convert_to_numpy(model(ones, training=True))

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    assert not np.array_equal(first, expected)
    np.testing.assert_array_equal(loaded(ones, training=True), expected)
