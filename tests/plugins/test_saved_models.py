"""A run of a plug-in's model is never lost: it loads again, or is refused before it is trained."""

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import DataError, PluginError
from keras_qd.registry import KINDS, components
from tests.wells import make_dataset, make_task

pytestmark = pytest.mark.usefixtures("dataset")


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """Forget after each test what it has registered."""
    for kind in KINDS:
        monkeypatch.setattr(components(kind), "_registered", dict(components(kind)._registered))


def convolution(input_shape, output_shape, loss="mse", free=False, **settings):
    """Build one convolution, on any grid if it is free."""
    shape = (None, None, input_shape[-1]) if free else input_shape
    layer = keras.layers.Conv2D(output_shape[-1], 3, padding="same", **settings)
    model = keras.Sequential([keras.Input(shape), layer])
    model.compile("adam", loss)
    return model


def closure(name="closure"):
    """Return a metric that Keras cannot save by name."""
    return keras.metrics.MeanMetricWrapper(lambda y, p: keras.ops.abs(y - p), name=name)


class Secretive(keras.metrics.Mean):
    """A metric that does not describe itself at all."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(keras.ops.abs(y_true - y_pred))

    def get_config(self):
        raise NotImplementedError("get_config")


def trained(path, **changes):
    task = make_task(**{"epochs": 1, "metrics": ("l1",), "followed": ("l1",), **changes})
    return keras_qd.train(task, path, dataset=make_dataset(), report=lambda *_: None)


def test_a_metric_that_keras_cannot_name_costs_nothing(tmp_path):
    keras_qd.register("metrics", "odd")(closure)
    keras_qd.register("models", "conv")(convolution)
    changes = {"model": "conv", "model_config": {}, "metrics": ("l1", "odd"), "followed": ("odd",)}
    run = trained(tmp_path / "run", **changes)
    model = keras_qd.load_model(run)
    assert np.isfinite(run.history()["val_closure"]).all()
    assert int(model.network.optimizer.iterations) == 3
    scores = keras_qd.evaluate(run, data=make_dataset(), n_draws=10, cost=False).scores
    assert {score.metric for score in scores} == {"l1", "odd"}
    components("metrics")._registered.pop("odd")  # its plug-in is gone
    assert keras_qd.load_model(run).network.loss == "mse"


def test_a_metric_without_a_configuration_costs_the_compilation_alone(tmp_path, caplog):
    keras_qd.register("metrics", "odd")(lambda: Secretive(name="odd"))
    keras_qd.register("models", "conv")(convolution)
    run = trained(tmp_path / "run", model="conv", model_config={}, followed=("odd",))
    assert "saved without its loss and optimizer: get_config" in caplog.text
    potential = make_dataset().split("test")["potential"]
    assert keras_qd.load_model(run).predict_on_batch(potential).shape == (11, 16, 16)


def test_a_loss_that_keras_cannot_name_is_left_out(tmp_path, caplog):
    def absolute(y, p):
        return keras.ops.mean(keras.ops.abs(y - p))

    keras_qd.register("models", "conv")(convolution)
    settings = {"model": "conv", "model_config": {"loss": absolute}}
    task = make_task(**settings, epochs=1)
    model = task.build_model((16, 16, 1), (16, 16, 1))
    run = trained(tmp_path / "run", model="conv", model_config={})
    saved = keras_qd.load_model(run).with_network(model)
    saved.save(tmp_path / "model.keras")
    assert "saved without its loss and optimizer" in caplog.text
    potential = make_dataset().split("test")["potential"]
    np.testing.assert_allclose(
        keras_qd.load_model(tmp_path / "model.keras").predict_on_batch(potential),
        saved.predict_on_batch(potential),
        rtol=1e-5,
        atol=1e-6,
    )


def test_a_layer_that_keras_cannot_name_is_refused_before_training(tmp_path):
    class Odd(keras.layers.Layer):
        def call(self, x):
            return x

    def odd(input_shape, output_shape):
        model = keras.Sequential([keras.Input(input_shape), Odd(), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        return model

    keras_qd.register("models", "odd-net")(odd)
    with pytest.raises(PluginError, match=r"'odd-net' could not be loaded .*class 'Odd'; decorate"):
        trained(tmp_path / "run", model="odd-net", model_config={})
    assert not (tmp_path / "run" / "history.csv").exists()


def test_a_functional_model_with_free_axes_goes_to_another_grid(tmp_path):
    keras_qd.register("models", "conv")(convolution)
    run = trained(tmp_path / "run", model="conv", model_config={"free": True})
    model = keras_qd.load_model(run)
    other = np.random.default_rng(0).normal(size=(3, 24, 20))
    found = model.predict(other, verbose=0)
    assert found.shape == (3, 24, 20)
    shapes = dict.fromkeys(("potential", "density"), (24, 20))
    np.testing.assert_allclose(model.on_grid(shapes).predict_on_batch(other), found, atol=1e-6)
    np.testing.assert_allclose(
        model.predict(other[:, :16, :16], verbose=0)[:, :15, :15], found[:, :15, :15], atol=1e-6
    )


def test_a_functional_model_on_its_grid_alone_says_so(tmp_path):
    keras_qd.register("models", "conv")(convolution)
    model = keras_qd.load_model(trained(tmp_path / "run", model="conv", model_config={}))
    with pytest.raises(DataError, match=r"trained on samples of shape \(16, 16, 1\), not \(24"):
        model.predict(np.zeros((2, 24, 24)), verbose=0)
