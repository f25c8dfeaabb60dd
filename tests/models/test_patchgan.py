import keras
import numpy as np
import pytest

from keras_qd.errors import UsageError
from keras_qd.models.patchgan import PatchGAN


@pytest.mark.parametrize(("side", "patches"), [(32, 2), (64, 6), (100, 11), (256, 30)])
def test_one_logit_a_patch(side, patches):
    model = PatchGAN((side, side, 2), (side, side, 1), filters=2)

    assert model.output_shape == (None, patches, patches, 1)


@pytest.mark.parametrize(("levels", "patch"), [(1, 16), (2, 34), (3, 70)])
def test_patches_have_the_stated_side(levels, patch):
    model = PatchGAN((96, 24, 1), (96, 24, 1), filters=1, levels=levels, normalization="none")
    model.set_weights([np.full(w.shape, 0.3) for w in model.get_weights()])
    dark = np.zeros((96, 96, 24, 1), "float32")
    one_row_lit = dark.copy()
    one_row_lit[range(96), range(96)] = 1.0

    change = model.predict([dark, one_row_lit], verbose=0) - model.predict([dark, dark], verbose=0)
    centre = change[:, change.shape[1] // 2]

    assert (np.abs(centre).max(axis=(1, 2)) > 0).sum() == patch


@pytest.mark.parametrize(("side", "levels"), [(16, 3), (32, 4), (64, 0)])
def test_too_small_images_are_refused(side, levels):
    with pytest.raises(UsageError, match="need images of at least"):
        PatchGAN((side, 64, 1), (side, 64, 1), filters=2, levels=levels)


def test_smallest_image():
    assert PatchGAN((17, 17, 1), (17, 17, 1), filters=2).output_shape == (None, 1, 1, 1)


def test_both_images_matter():
    model = PatchGAN((32, 32, 1), (32, 32, 1), filters=2, seed=0)
    first, second = np.random.default_rng(0).normal(size=(2, 1, 32, 32, 1)).astype("float32")

    logits = [
        keras.ops.convert_to_numpy(model([a, b]))
        for a, b in ((first, second), (first, first), (second, second))
    ]

    assert np.abs(logits[0] - logits[1]).max() > 1e-6
    assert np.abs(logits[0] - logits[2]).max() > 1e-6


def test_round_trip(tmp_path):
    model = PatchGAN((32, 32, 1), (32, 32, 2), filters=2, levels=2, normalization="instance")
    model.save(tmp_path / "model.keras")

    assert keras.saving.load_model(tmp_path / "model.keras").get_config() == model.get_config()
