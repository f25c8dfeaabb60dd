"""The U-Net with transformer blocks at the bottom."""

import keras
import numpy as np
import pytest
import scipy.fft

import keras_qd
from keras_qd.errors import UsageError
from keras_qd.models.base import save_model
from keras_qd.models.transformer_unet import CosineResampling
from keras_qd.physics import Box, sample_potentials, solve

SMALL = {"filters": 6, "levels": 2, "attention": 1, "heads": 2}
SHAPES = {
    "input_shape": {"potential": (16, 16, 1), "n_electrons": (1,), "strength": (1,)},
    "output_shape": {"density": (16, 16, 1), "energy": (1,), "gap": (1,)},
}


@pytest.fixture(scope="module")
def conditioned():
    """Return a network with numbers in and out, its weights drawn anew so that all of it acts."""
    keras.utils.set_random_seed(0)
    model = keras_qd.build(
        "transformer-unet", **SHAPES, **SMALL, charges={"energy": "n_electrons", "gap": 0.0}
    )
    draw = np.random.default_rng(1)
    model.set_weights([0.1 * draw.standard_normal(each.shape) for each in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def fields():
    draw = np.random.default_rng(2)
    return {
        "potential": draw.normal(size=(3, 16, 16, 1)).astype("float32"),
        "n_electrons": np.array([[1.0], [2.0], [4.0]], "float32"),
        "strength": np.ones((3, 1), "float32"),
    }


def predicted(model, fields, **changes):
    return model.predict({**fields, **changes}, verbose=0)


def test_a_constant_in_the_potential_adds_its_charge(conditioned, fields):
    before = predicted(conditioned, fields)
    after = predicted(conditioned, fields, potential=fields["potential"] + 1.5)
    np.testing.assert_allclose(after["density"], before["density"], atol=1e-4)
    np.testing.assert_allclose(after["gap"], before["gap"], atol=1e-4)
    risen = after["energy"] - before["energy"]
    np.testing.assert_allclose(risen, 1.5 * fields["n_electrons"], atol=1e-4)


def test_numbers_that_go_in_change_maps_and_numbers(conditioned, fields):
    before = predicted(conditioned, fields)
    after = predicted(conditioned, fields, strength=2 * fields["strength"])
    assert np.abs(after["density"] - before["density"]).max() > 1e-3
    assert np.abs(after["gap"] - before["gap"]).max() > 1e-3


def test_every_pixel_sees_every_other():
    draw = np.random.default_rng(3)
    model = keras_qd.build("transformer-unet", input_shape=(64, 64, 1), **SMALL)
    model.set_weights([0.3 * draw.standard_normal(each.shape) for each in model.get_weights()])
    image = np.zeros((2, 64, 64, 1), "float32")
    image[1, 0, 0] = 1.0
    found = model.predict(image, verbose=0)
    assert np.abs(found[1, -1, -1] - found[0, -1, -1]).max() > 0


def test_it_learns(make_data):
    x, y = make_data(n=8, grid=(16, 16))
    model = keras_qd.build("transformer-unet", input_shape=(16, 16, 1), **SMALL)
    # 100 batches of warm-up
    losses = model.fit(x, y, batch_size=4, epochs=60, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]


def test_it_comes_back_from_a_file(conditioned, fields, tmp_path):
    save_model(conditioned, tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.warm_up == conditioned.optimizer.warm_up > 0
    for name, values in predicted(loaded, fields).items():
        np.testing.assert_array_equal(values, predicted(conditioned, fields)[name])


def test_bfloat16_inside_float32_outside(fields, tmp_path):
    settings = {**SHAPES, **SMALL, "charges": {"energy": "n_electrons"}}
    keras.utils.set_random_seed(0)
    model = keras_qd.build("transformer-unet", **settings, dtype="mixed_bfloat16")
    usual = keras_qd.build("transformer-unet", **settings)
    usual.set_weights(model.get_weights())
    assert {each.dtype for each in model.weights} == {"float32"}
    inner = {each.compute_dtype for each in model.layers if isinstance(each, keras.layers.Conv2D)}
    assert inner == {"bfloat16", "float32"}
    assert usual.settings["dtype"] == keras.config.dtype_policy().name == "float32"
    save_model(model, tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for name, exact in usual.predict(fields, verbose=0).items():
        rounded = model.predict(fields, verbose=0)[name]
        assert rounded.dtype == np.float32
        assert np.array_equal(rounded, loaded.predict(fields, verbose=0)[name])
        assert 0 < np.abs(rounded - exact).max() < 0.05 * max(1.0, np.abs(exact).max())


def test_weights_do_not_depend_on_the_grid():
    small, large = (
        keras_qd.build("transformer-unet", input_shape=(side, side, 1), **SMALL)
        for side in (16, 24)
    )
    assert [each.shape for each in small.weights] == [each.shape for each in large.weights]


def test_it_sees_and_returns_what_its_points_resolve():
    draw = np.random.default_rng(4)
    model = keras_qd.build("transformer-unet", input_shape=(32, 24, 1), points=16, **SMALL)
    model.set_weights([0.1 * draw.standard_normal(each.shape) for each in model.get_weights()])
    image = draw.normal(size=(2, 32, 24, 1)).astype("float32")
    resolved = _cut(image, (16, 12))
    found = model.predict(image, verbose=0)
    assert np.abs(resolved - image).max() > 1
    np.testing.assert_allclose(model.predict(resolved, verbose=0), found, atol=1e-5)
    np.testing.assert_allclose(_cut(found, (16, 12)), found, atol=1e-5)


def _cut(images, n_cosines):
    """Return images without the cosines that so many points do not resolve."""
    series = scipy.fft.dctn(images, axes=(1, 2))
    series[:, n_cosines[0] :] = 0
    series[:, :, n_cosines[1] :] = 0
    return scipy.fft.idctn(series, axes=(1, 2))


def test_resampling_is_exact_for_what_the_coarser_grid_resolves():
    coarse = np.random.default_rng(5).normal(size=(2, 9, 8, 3)).astype("float32")
    fine = CosineResampling((20, 31))(coarse)
    again = keras.ops.convert_to_numpy(CosineResampling((9, 8))(fine))
    np.testing.assert_allclose(again, coarse, atol=1e-5)


@pytest.mark.parametrize(
    ("n_electrons", "length", "points"), [(1, 10, 24), (2, 10, 24), (4, 10, 24), (2, 20, 48)]
)
def test_densities_need_few_points(n_electrons, length, points):
    box = Box(float(length))
    potentials = sample_potentials(3, box, family="random-mixture", seed=6)
    densities = [solve(each, box, n_electrons).density for each in potentials]
    exact = np.array(densities, "float32")[..., None]
    resolved = CosineResampling((64, 64))(CosineResampling((points, points))(exact))
    error = np.abs(keras.ops.convert_to_numpy(resolved) - exact).sum(axis=(1, 2, 3))
    assert (error < 1e-3 * exact.sum(axis=(1, 2, 3))).all()


def test_sides_of_any_length(fields):
    model = keras_qd.build("transformer-unet", input_shape=(16, 15, 1), **SMALL)
    assert model.predict(fields["potential"][:, :, :15], verbose=0).shape == (3, 16, 15, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"input_shape": (64, 64, 1), "points": 3, "levels": 3}, "3 levels need 4 points"),
        ({"points": 0}, "3 levels need 4 points along a side at least, not 0"),
        ({"heads": 5}, "heads=5 must divide"),
        ({"weight_decay": -0.1}, "give a positive number"),
        ({"dtype": "mixed_float16"}, "unknown dtype policy"),
        ({"charges": {"energy": 2}}, "give one potential"),
        ({**SHAPES, "charges": {"energy": "n"}}, "the name of an input number"),
        ({**SHAPES, "charges": {"density": 1.0}}, "each output number"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        keras_qd.build("transformer-unet", **settings)
