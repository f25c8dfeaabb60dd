"""The ratio of steps, clipped gradients, averaged weights and scaled losses, each batch watched."""

import keras
import numpy as np
import pytest

from keras_qd.errors import UsageError
from keras_qd.models.optimizers import PairedOptimizer, clipped
from keras_qd.models.pix2pix import pix2pix

GRID = (8, 8)
NETWORKS = ("generator", "discriminator", "average")
RATE, NORM, DECAY, N_BATCHES = 1.0, 1e-3, 0.3, 5


def make_tiny(**settings):
    tiny = {"filters": 2, "depth": 2, "discriminator_levels": 1, "dropout": 0.0, "seed": 0}
    return pix2pix((*GRID, 1), **{**tiny, **settings})


class Watch(keras.callbacks.Callback):
    """Keeps the weights of all networks before the first batch and after each."""

    def __init__(self):
        super().__init__()
        self.weights = {name: [] for name in NETWORKS}

    def on_train_begin(self, logs=None):
        self._keep()

    def on_train_batch_end(self, batch, logs=None):
        self._keep()

    def _keep(self):
        for name, kept in self.weights.items():
            network = getattr(self.model, name)
            kept.append([keras.ops.convert_to_numpy(v.value).copy() for v in network.weights])


@pytest.fixture(scope="module")
def data():
    x = np.random.default_rng(3).standard_normal((2 * N_BATCHES, *GRID, 1)).astype("float32")
    return x, np.tanh(x)


@pytest.fixture(scope="module")
def watched(data):
    """Return a model after five batches of plain gradient descent, and its weights on the way."""
    model = make_tiny(discriminator_every=2, clip_norm=NORM, average_decay=DECAY)
    model.compile(keras.optimizers.SGD(RATE))
    watch = Watch()
    model.fit(*data, batch_size=2, shuffle=False, verbose=0, callbacks=[watch])
    return model, watch.weights


def lengths_of_steps(model, weights, name):
    """Return how far the trainable variables moved in each batch."""
    trained = [variable.trainable for variable in getattr(model, name).weights]
    return [
        np.sqrt(
            sum(
                ((a - b).astype(float) ** 2).sum()
                for a, b, is_trained in zip(after, before, trained, strict=True)
                if is_trained
            )
        )
        for before, after in zip(weights[name][:-1], weights[name][1:], strict=True)
    ]


def test_each_network_moves_in_its_batches_by_the_clipped_length(watched):
    model, weights = watched

    generator = lengths_of_steps(model, weights, "generator")
    discriminator = lengths_of_steps(model, weights, "discriminator")

    assert generator == pytest.approx([RATE * NORM] * N_BATCHES, rel=1e-3)
    assert discriminator == pytest.approx([0, RATE * NORM, 0, RATE * NORM, 0], rel=1e-3)
    assert [int(o.iterations) for o in (model.optimizer.generator, model.optimizer)] == [5, 5]
    assert int(model.optimizer.discriminator.iterations) == 2


def test_the_average_follows_its_recursion(watched):
    _, weights = watched
    average = [value.astype(float) for value in weights["generator"][0]]
    for batch, current in enumerate(weights["generator"][1:]):
        decay = min(DECAY, (1 + batch) / (10 + batch))
        average = [decay * a + (1 - decay) * w for a, w in zip(average, current, strict=True)]
        for found, expected in zip(weights["average"][batch + 1], average, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)

    assert any(
        np.abs(a - w).max() > 1e-5 for a, w in zip(average, weights["generator"][-1], strict=True)
    )


def test_predictions_validation_and_saved_models_are_of_the_average(watched, data, tmp_path):
    model, _ = watched
    x, y = data
    predicted = model.predict(x, verbose=0)
    averaged, current = (
        network.predict(x, verbose=0) for network in (model.average, model.generator)
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")

    np.testing.assert_allclose(predicted, averaged, rtol=1e-5, atol=1e-7)
    assert np.abs(averaged - current).max() > 1e-5
    l1 = model.evaluate(x, y, verbose=0, return_dict=True)["l1_loss"]
    assert l1 == pytest.approx(np.abs(y - averaged).mean(), rel=1e-5)
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), predicted)


def test_in_float16_each_network_scales_its_own_loss(data):
    """A scale far too large is halved, and the step left out, in that network alone."""
    model = make_tiny(dtype="mixed_float16")
    scaled = (model.optimizer.generator, model.optimizer.discriminator)
    scaled[0].dynamic_scale.assign(1e30)
    before = [w.copy() for w in model.generator.get_weights()[:1]]
    x, y = data
    history = model.fit(x[:4], y[:4], verbose=0).history

    assert [float(o.dynamic_scale) for o in scaled] == pytest.approx([5e29, 2**15])
    assert [int(o.iterations) for o in scaled] == [0, 1]
    np.testing.assert_array_equal(before[0], model.generator.get_weights()[0])
    assert all(np.isfinite(values).all() for values in history.values())


def test_a_schedule_keeps_the_ratio_of_the_learning_rates():
    model = make_tiny(learning_rate=1e-3, discriminator_learning_rate=2e-4)
    model.optimizer.learning_rate = 5e-4
    assert float(model.optimizer.learning_rate) == pytest.approx(5e-4)
    assert float(model.optimizer.discriminator.learning_rate) == pytest.approx(1e-4)


def test_gradients_shorter_than_the_limit_are_left_alone():
    gradients = [np.array([3.0, 0.0], "float32"), np.array([[4.0]], "float32")]
    tensors = [keras.ops.convert_to_tensor(each) for each in gradients]
    for limit, factor in ((10.0, 1.0), (2.5, 0.5)):
        for found, expected in zip(clipped(tensors, limit), gradients, strict=True):
            np.testing.assert_allclose(keras.ops.convert_to_numpy(found), factor * expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"generator_every": 0}, "every batch"),
        ({"discriminator_every": 1.5}, "every batch"),
        ({"clip_norm": 0.0}, "must be positive"),
        ({"average_decay": 1.0}, "from 0 to below 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        make_tiny(**settings)


def test_one_optimizer_cannot_be_both():
    adam = keras.optimizers.Adam()
    with pytest.raises(UsageError, match="each its own"):
        PairedOptimizer(adam, adam)
    with pytest.raises(UsageError, match="for pix2pix"):
        PairedOptimizer(adam, keras.optimizers.Adam()).build([])
