"""What every model refuses before a step, its shapes, its export and its graph."""

import logging
import threading

import keras
import numpy as np
import pytest

from keras_qd import registry
from keras_qd.errors import DataError, UsageError
from keras_qd.models.base import _Announcement

#: A small configuration of each kind of model: shape of the inputs, of the outputs, settings.
MODELS = {
    "pix2pix": ((16, 16, 1), (16, 16, 1), {"filters": 2, "depth": 2, "discriminator_levels": 1}),
    "unet": ((16, 16, 1), (16, 16, 1), {"filters": 2, "depth": 2}),
    "residual-unet": ((16, 16, 1), (16, 16, 1), {"filters": 2, "levels": 2, "blocks": 1}),
    "table-mlp": ((4,), (2,), {}),
}


@pytest.fixture(scope="module", params=sorted(MODELS))
def fitted(request):
    """A model after a fit, its inputs and its targets."""
    given, wanted, settings = MODELS[request.param]
    model = registry.build(request.param, input_shape=given, output_shape=wanted, **settings)
    rng = np.random.default_rng(0)
    x, y = (rng.random((4, *shape), dtype="float32") for shape in (given, wanted))
    model.fit(x, y, epochs=1, batch_size=4, verbose=0)
    return model, x, y


def test_shapes(fitted):
    model, x, y = fitted
    assert model.input_shape == (None, *x.shape[1:])
    assert model.output_shape == (None, *y.shape[1:])
    assert tuple(model.compute_output_shape((None, *x.shape[1:]))) == (None, *y.shape[1:])


@pytest.mark.parametrize("form", ["arrays", "generator", "data set", "validation"])
def test_wrong_targets_leave_the_model_as_it_was(fitted, form):
    model, x, y = fitted
    before = [np.array(value) for value in model.get_weights()]
    wrong = np.concatenate([y, y, y], axis=-1)
    arguments = {
        "arrays": lambda: {"x": x, "y": wrong},
        "generator": lambda: {"x": (batch for batch in [(x, wrong)])},
        "data set": lambda: {"x": _Batches(x, wrong)},
        "validation": lambda: {"x": x, "y": y, "validation_data": (x, wrong)},
    }[form]()
    with pytest.raises(DataError, match=r"needs targets of shape .* have"):
        model.fit(**arguments, verbose=0)
    for value, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, old)


def test_wrong_inputs_are_refused(fitted):
    model, x, y = fitted
    with pytest.raises(DataError, match="needs inputs of shape"):
        model.train_on_batch(np.concatenate([x, x], axis=-1), y)


def test_a_generator_keeps_its_first_batch(fitted):
    model, x, y = fitted
    seen = []

    def batches():
        for number in range(2):
            seen.append(number)
            yield x, y

    model.fit(batches(), epochs=1, steps_per_epoch=2, shuffle=False, verbose=0)
    assert seen == [0, 1]


@pytest.mark.filterwarnings("ignore")  # of torch's exporter, as Keras uses it
@pytest.mark.skipif(keras.config.backend() == "jax", reason="Keras needs TensorFlow besides JAX")
def test_export_after_fit(fitted, tmp_path):
    pytest.importorskip("onnx")
    model, _, _ = fitted
    if keras.config.backend() == "tensorflow":
        model.export(tmp_path / "saved", verbose=False)
        assert (tmp_path / "saved" / "saved_model.pb").is_file()
    else:
        model.export(tmp_path / "model.onnx", format="onnx", verbose=False)
        assert (tmp_path / "model.onnx").stat().st_size > 0


def test_a_compiled_loss_is_used(fitted):
    model, x, y = fitted
    weights, old = model.get_weights(), model.optimizer
    model.compile("adam", loss="mse")
    found = model.evaluate(x, y, return_dict=True, verbose=0)
    key = "l1_loss" if "l1_loss" in found else "loss"
    expected = np.mean((model.predict(x, verbose=0).reshape(y.shape) - y) ** 2)
    assert found[key] == pytest.approx(expected, rel=1e-3)
    assert old is not model.optimizer
    model.set_weights(weights)


def test_pix2pix_needs_a_loss():
    given, wanted, settings = MODELS["pix2pix"]
    model = registry.build("pix2pix", input_shape=given, output_shape=wanted, **settings)
    with pytest.raises(UsageError, match="needs a loss between"):
        model.compile("adam", loss=None)
    layers = [layer.name for layer in model.graph.layers]
    assert layers[1:] == ["generator", "discriminator"]
    pytest.importorskip("pydot")
    text = keras.utils.model_to_dot(model.graph).to_string()
    assert "<b>generator</b> (UNet)" in text
    assert "<b>discriminator</b> (PatchGAN)" in text


def test_a_long_compilation_is_announced(monkeypatch, caplog):
    announced = threading.Event()
    monkeypatch.setattr("keras_qd.models.base._PATIENCE", 0.0)
    monkeypatch.setattr("keras_qd.models.base._LOGGER.warning", lambda *text: announced.set())
    callback = _Announcement()
    callback.on_train_begin()
    assert announced.wait(5)
    callback.on_train_end()


def test_a_fast_first_batch_is_not_announced(caplog):
    with caplog.at_level(logging.WARNING):
        callback = _Announcement()
        callback.on_train_begin()
        callback.on_train_batch_end(0)
    assert callback._timer is None
    assert not caplog.records


class _Batches(keras.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self._batch = x, y

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self._batch
