import keras
import numpy as np
import pytest

from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.models.unet import UNet, fitting_depth, unet

from .conftest import not_on_jax


@pytest.mark.parametrize(
    ("grid", "upsampling"), [((33, 45), "transpose"), ((64, 100), "resize"), ((48, 48), "resize")]
)
@not_on_jax
def test_any_grid_is_kept(grid, upsampling):
    model = UNet((*grid, 2), (*grid, 3), filters=2, upsampling=upsampling)

    assert model.output_shape == (None, *grid, 3)


@not_on_jax
@pytest.mark.parametrize(("side", "depth"), [(32, 5), (48, 5), (64, 6), (100, 6), (256, 8)])
def test_depth_fits_the_grid(side, depth):
    assert fitting_depth((side, side + 10, 1), None) == depth


@not_on_jax
def test_paper_has_eight_levels_of_up_to_512_channels():
    model = UNet((256, 256, 3))

    assert [model.get_layer(f"unet_down{level}").filters for level in range(8)] == [
        64, 128, 256, 512, 512, 512, 512, 512
    ]  # fmt: skip
    # The reference implementation has no bias in the two convolutions that nothing normalises.
    assert sum(np.prod(v.shape) for v in model.trainable_variables) == 54_413_955 + 64 + 512


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"input_shape": (64, 64)}, "give .ny, nx, channels."),
        ({"input_shape": (32, 32, 0)}, "give .ny, nx, channels."),
        ({"output_shape": (64, 32, 1)}, "different grids"),
        ({"depth": 7}, "give 1 to 6"),
        ({"depth": 0}, "give 1 to 6"),
    ],
)
def test_impossible_shapes_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        UNet(**{"input_shape": (64, 64, 1), "filters": 2, **settings})


def test_unknown_upsampling_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="resize, transpose"):
        UNet((32, 32, 1), filters=2, upsampling="bicubic")


@not_on_jax
def test_tanh_bounds_the_output_and_linear_does_not():
    images = np.full((1, 32, 32, 1), 1e3, "float32")
    linear, bounded = (
        UNet((32, 32, 1), filters=2, normalization="none", output_activation=name, seed=0)
        for name in ("linear", "tanh")
    )
    for model in (linear, bounded):
        model.set_weights([np.full(w.shape, 0.1) for w in model.get_weights()])

    assert np.abs(linear.predict(images, verbose=0)).max() > 10
    assert np.abs(bounded.predict(images, verbose=0)).max() <= 1


@not_on_jax
def test_dropout_acts_in_training_only():
    model = UNet((32, 32, 1), filters=2, normalization="instance", seed=0)
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 1)).astype("float32")

    train = [keras.ops.convert_to_numpy(model(images, training=True)) for _ in range(2)]
    infer = [keras.ops.convert_to_numpy(model(images, training=False)) for _ in range(2)]

    assert not np.array_equal(*train)
    np.testing.assert_array_equal(*infer)


def test_unet_learns_and_round_trips(make_data, tmp_path):
    model = unet((32, 32, 1), filters=4, depth=2, dropout=0.0, learning_rate=5e-3, seed=0)
    images, targets = make_data(8)
    losses = model.fit(images, targets, batch_size=4, epochs=13, verbose=0).history["loss"]
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    assert losses[-1] < 0.5 * losses[0]
    assert loaded.get_config() == model.get_config()
    assert loaded.optimizer.iterations == 26
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0)
    )


def test_an_untrained_model_round_trips(tmp_path):
    model = unet((32, 32, 1), filters=2, depth=2, learning_rate=1e-3)
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    assert float(loaded.optimizer.learning_rate) == pytest.approx(1e-3)
