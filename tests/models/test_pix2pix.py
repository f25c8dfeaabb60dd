import keras
import numpy as np
import pytest

from keras_qd.errors import DataError, UsageError
from keras_qd.models.optimizers import PairedOptimizer
from keras_qd.models.pix2pix import PatchGAN, Pix2Pix, pix2pix

from .conftest import not_on_jax

LOSSES = ("adversarial_loss", "discriminator_loss", "generator_loss", "l1_loss", "loss")

#: Whatever has a state of its own besides weights and moments.
EVERYTHING = {
    "dtype": "mixed_bfloat16",
    "discriminator_every": 2,
    "clip_norm": 1.0,
    "average_decay": 0.9,
}


def first_kernels(model):
    networks = (model.generator, model.discriminator)
    return [keras.ops.convert_to_numpy(n.trainable_variables[0]).copy() for n in networks]


def test_it_learns_evaluates_and_predicts(make_model, make_data):
    grid, channels = (20, 18), (2, 3)
    model = make_model(grid, channels, learning_rate=5e-3, normalization="instance")
    x, y = make_data(8, grid, channels)
    model.compile(model.optimizer, metrics=["mse"])

    settings = {"batch_size": 4, "epochs": 10, "validation_data": (x, y), "verbose": 0}
    history = model.fit(x, y, **settings).history
    scores = model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)

    assert sorted(history) == sorted([*LOSSES, "mse", *(f"val_{k}" for k in (*LOSSES, "mse"))])
    assert {k: history[f"val_{k}"][-1] for k in scores} == pytest.approx(scores, rel=1e-4)
    assert scores["l1_loss"] < 0.5 * history["val_l1_loss"][0]
    assert model.predict(x, verbose=0).shape == y.shape


@pytest.mark.slow
@pytest.mark.parametrize("side", [32, 48, 64, 100, 128, 200, 256])
def test_every_size_trains(make_model, make_data, side):
    model, (x, y) = make_model((side, side), filters=2, depth=None), make_data(2, (side, side))

    assert np.isfinite(model.fit(x, y, verbose=0).history["loss"]).all()


def test_losses_are_those_of_the_paper(make_model, make_data):
    model, (x, y) = make_model(lambda_l1=7.0), make_data()
    prediction = model.predict(x, verbose=0)
    real, fake = (model.discriminator.predict([x, z], verbose=0) for z in (y, prediction))
    logs = model.evaluate(x, y, verbose=0, return_dict=True)

    adversarial = -np.log(1 / (1 + np.exp(-fake))).mean()
    l1 = np.abs(y - prediction).mean()
    realness = -np.log(1 / (1 + np.exp(-real))).mean() - np.log(1 / (1 + np.exp(fake))).mean()
    expected = {
        "adversarial_loss": adversarial,
        "l1_loss": l1,
        "generator_loss": adversarial + 7.0 * l1,
        "discriminator_loss": realness / 2,
        "loss": adversarial + 7.0 * l1,
    }
    assert logs == pytest.approx(expected, rel=1e-5)


@not_on_jax
def test_sample_weights_weigh_the_l1_loss(make_model, make_data):
    model, (x, y) = make_model(), make_data(2)
    weights = np.array([1.0, 0.0], "float32")
    error = np.abs(y - model.predict(x, verbose=0)).mean(axis=(1, 2, 3))

    logs = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)

    assert logs["l1_loss"] == pytest.approx(error[0] / 2, rel=1e-5)


@pytest.mark.parametrize("targets", [None, (4, 32, 32), (4, 32, 32, 2)])
def test_wrong_targets_are_refused(make_model, make_data, targets):
    model, (x, _) = make_model(), make_data()
    y = None if targets is None else np.zeros(targets, "float32")

    with pytest.raises(DataError, match=r"needs targets of shape \(32, 32, 1\)"):
        model.fit(x, y, verbose=0)


@not_on_jax
def test_same_seed_same_model(make_data):
    x, _ = make_data()
    first, second, other = (
        pix2pix((32, 32, 1), filters=4, depth=2, seed=seed).predict(x, verbose=0)
        for seed in (1, 1, 2)
    )

    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 1e-6


@not_on_jax
def test_loss_of_the_user_takes_the_place_of_l1(make_model, make_data):
    model, (x, y) = make_model(), make_data()
    model.compile(model.optimizer, loss="mse")
    error = (y - model.predict(x, verbose=0)) ** 2

    logs = model.evaluate(x, y, verbose=0, return_dict=True)

    assert logs["l1_loss"] == pytest.approx(error.mean(), rel=1e-5)


@not_on_jax
def test_each_network_can_have_an_optimizer_of_its_own(make_model, make_data):
    model, (x, y) = make_model(), make_data()
    model.compile(PairedOptimizer(keras.optimizers.SGD(0.0), keras.optimizers.SGD(1e-2)))
    before = first_kernels(model)
    model.fit(x, y, verbose=0)
    after = first_kernels(model)

    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[1], after[1])


@not_on_jax
def test_mixed_precision(make_model, make_data, tmp_path):
    model, (x, y) = make_model(dtype="mixed_bfloat16"), make_data()
    history = model.fit(x, y, batch_size=2, verbose=0).history
    prediction = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")

    assert np.isfinite(history["loss"]).all()
    assert prediction.dtype == np.float32
    assert model.generator.get_layer("generator_down1").compute_dtype == "bfloat16"
    assert model.generator.trainable_variables[0].dtype == "float32"
    assert loaded.generator.get_layer("generator_down1").compute_dtype == "bfloat16"


def test_several_steps_in_one_execution(make_model, make_data):
    if keras.config.backend() == "torch":
        pytest.skip("keras runs one step at a time on torch")
    one, two, (x, y) = make_model(), make_model(), make_data(8)
    two.compile(two.optimizer, steps_per_execution=2)

    losses = [
        model.fit(x, y, batch_size=2, shuffle=False, verbose=0).history["loss"][0]
        for model in (one, two)
    ]

    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_torch_is_not_asked_to_compile(make_model):
    if keras.config.backend() != "torch":
        pytest.skip("the other backends compile the step")
    model = make_model()
    with pytest.raises(UsageError, match="jit_compile"):
        model.compile(model.optimizer, jit_compile=True)


class TestSaving:
    def test_training_goes_on_as_if_never_stopped(self, make_model, make_data, tmp_path):
        (x, y) = make_data(4)
        model = make_model(dropout=0.5, **EVERYTHING)
        model.fit(x, y, batch_size=2, verbose=0, shuffle=False)
        model.save(tmp_path / "model.keras")

        loaded = keras.saving.load_model(tmp_path / "model.keras")
        for trained in (model, loaded):
            trained.fit(x, y, batch_size=2, epochs=2, verbose=0, shuffle=False)

        assert isinstance(loaded, Pix2Pix)
        for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)

    @not_on_jax
    def test_settings_and_optimizer_come_back(self, make_model, tmp_path):
        model = make_model(
            lambda_l1=3.0,
            learning_rate=1e-3,
            discriminator_learning_rate=2e-3,
            beta_1=0.7,
            upsampling="resize",
            discriminator_every=3,
            clip_norm=2.0,
        )
        model.save(tmp_path / "model.keras")

        loaded = keras.saving.load_model(tmp_path / "model.keras")

        assert loaded.get_config() == model.get_config()
        assert loaded.lambda_l1 == 3.0
        assert loaded.optimizer.discriminator.beta_1 == 0.7
        assert float(loaded.optimizer.learning_rate) == pytest.approx(1e-3)
        assert float(loaded.optimizer.discriminator.learning_rate) == pytest.approx(2e-3)

    @not_on_jax
    def test_weights_alone_come_back(self, make_model, make_data, tmp_path):
        first, second, (x, _) = make_model(seed=1), make_model(seed=2), make_data()
        first.save_weights(tmp_path / "model.weights.h5")
        second.load_weights(tmp_path / "model.weights.h5")

        np.testing.assert_array_equal(first.predict(x, verbose=0), second.predict(x, verbose=0))


class TestPatchGAN:
    @not_on_jax
    @pytest.mark.parametrize(("side", "patches"), [(17, 1), (64, 6), (100, 11)])
    def test_one_logit_a_patch(self, side, patches):
        model = PatchGAN((side, side, 2), (side, side, 1), filters=1)

        assert model.output_shape == (None, patches, patches, 1)

    @not_on_jax
    @pytest.mark.parametrize(("levels", "patch"), [(1, 16), (2, 34), (3, 70)])
    def test_patches_have_the_stated_side(self, levels, patch):
        model = PatchGAN((96, 24, 1), (96, 24, 1), filters=1, levels=levels, normalization="none")
        model.set_weights([np.full(w.shape, 0.3) for w in model.get_weights()])
        dark = np.zeros((96, 96, 24, 1), "float32")
        one_row_lit = dark.copy()
        one_row_lit[range(96), range(96)] = 1.0

        change = model.predict([dark, one_row_lit], verbose=0) - model.predict(
            [dark, dark], verbose=0
        )
        centre = change[:, change.shape[1] // 2]

        assert (np.abs(centre).max(axis=(1, 2)) > 0).sum() == patch

    @pytest.mark.parametrize(("side", "levels"), [(16, 3), (32, 4), (64, 0)])
    def test_too_small_images_are_refused(self, side, levels):
        with pytest.raises(UsageError, match="need images of at least"):
            PatchGAN((side, 64, 1), (side, 64, 1), filters=2, levels=levels)

    def test_both_images_matter(self):
        model = PatchGAN((32, 32, 1), (32, 32, 1), filters=2, seed=0)
        first, second = np.random.default_rng(0).normal(size=(2, 1, 32, 32, 1)).astype("float32")

        logits = [
            keras.ops.convert_to_numpy(model([a, b]))
            for a, b in ((first, second), (first, first), (second, second))
        ]

        assert np.abs(logits[0] - logits[1]).max() > 1e-6
        assert np.abs(logits[0] - logits[2]).max() > 1e-6

    def test_round_trip(self, tmp_path):
        model = PatchGAN((32, 32, 1), (32, 32, 2), filters=2, levels=2, normalization="instance")
        model.save(tmp_path / "model.keras")

        assert keras.saving.load_model(tmp_path / "model.keras").get_config() == model.get_config()
