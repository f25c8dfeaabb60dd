"""What an image-to-image network is made of is a setting of both builders."""

import keras
import pytest

import keras_qd

from .conftest import not_on_jax

SIDE = 16
BUILDERS = ("unet", "pix2pix")


def build(name, **settings):
    """Return the model and its U-Net."""
    model = keras_qd.build(
        name,
        **{"input_shape": (SIDE, SIDE, 1), "filters": 2, "depth": 2, "seed": 0, **_patch(name)}
        | settings,
    )
    return model, getattr(model, "generator", model)


def _patch(name):
    return {"discriminator_levels": 1} if name == "pix2pix" else {}


def kinds(network):
    return [type(layer).__name__ for layer in network.layers]


@not_on_jax
@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("upsampling", ["transpose", "resize"])
@pytest.mark.parametrize(
    ("normalization", "layer"),
    [
        ("batch", "BatchNormalization"),
        ("instance", "GroupNormalization"),
        ("group", "GroupNormalization"),
        ("none", None),
    ],
)
def test_upsampling_and_normalization(name, upsampling, normalization, layer):
    model, network = build(name, upsampling=upsampling, normalization=normalization)

    assert network.output_shape == (None, SIDE, SIDE, 1)
    assert (kinds(network).count("UpSampling2D") > 0) == (upsampling == "resize")
    assert (kinds(network).count("Upsample") > 0) == (upsampling == "transpose")
    for each in (network, getattr(model, "discriminator", network)):
        found = {kind for kind in kinds(each) if kind.endswith("Normalization")}
        assert found == ({layer} if layer else set())


@pytest.mark.parametrize("name", BUILDERS)
@not_on_jax
def test_filters_depth_and_dropout(name):
    _, network = build(name, filters=3, depth=4, dropout=0.25)
    _, plain = build(name, dropout=0.0)

    filters = [network.get_layer(f"{network.name}_down{level}").filters for level in range(4)]
    assert filters == [3, 6, 12, 24]
    rates = [layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.25] * 3
    assert "Dropout" not in kinds(plain)
    assert kinds(plain).count("Downsample") == 2


@not_on_jax
@pytest.mark.parametrize(("levels", "patches"), [(1, 6), (2, 2)])
def test_the_receptive_field_of_the_discriminator(levels, patches):
    """With sides of 16 and 34 pixels, see the tests of PatchGAN."""
    model, _ = build("pix2pix", discriminator_levels=levels, discriminator_filters=3)

    assert model.discriminator.output_shape == (None, patches, patches, 1)
    assert model.discriminator.get_layer("discriminator_level0").filters == 3
