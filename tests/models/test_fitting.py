"""What every model refuses before a step, its shapes, its export and its graph."""

import logging
import threading

import keras
import numpy as np
import pytest

from keras_qd import registry
from keras_qd.errors import DataError, UsageError
from keras_qd.models import Pix2Pix
from keras_qd.models.base import _Announcement
from tests.small_models import MODELS

#: Tried on each backend; where one compiles, the others run with -m slow.
QUICK = ("pix2pix", "residual-unet", "table-mlp", "unet")
COMPILES = keras.config.backend() != "torch"


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.slow) if COMPILES and name not in QUICK else name
        for name in sorted(MODELS)
    ],
)
def fitted(request):
    """A model after a fit, its inputs and its targets."""
    given = MODELS[request.param]["input_shape"]
    wanted = MODELS[request.param].get("output_shape", given)
    model = build(request.param)
    rng = np.random.default_rng(0)
    x, y = (rng.random((4, *shape), dtype="float32") for shape in (given, wanted))
    model.fit(x, y, epochs=1, batch_size=4, verbose=0)
    return model, x, y


def build(name):
    """Build a model in its small configuration."""
    settings = {"output_shape": None, "config": {}, **MODELS[name]}
    config = settings.pop("config")
    return registry.build(name, **settings, **config)


#: Where one model is enough, the one that compiles fastest.
one_model = pytest.mark.parametrize("fitted", ["table-mlp"], indirect=True)


def test_every_registered_model_is_tried():
    origins = registry.components("models").origins()
    assert set(MODELS) == {name for name, each in origins.items() if each.startswith("keras-qd ")}


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


@one_model
def test_a_generator_keeps_its_first_batch(fitted):
    model, x, y = fitted
    seen = []

    def batches():
        for number in range(2):
            seen.append(number)
            yield x, y

    model.fit(batches(), epochs=1, steps_per_epoch=2, shuffle=False, verbose=0)
    assert seen == [0, 1]


@pytest.mark.filterwarnings("ignore")  # of exporters, as Keras uses them
def test_export_after_fit(fitted, tmp_path):
    model, _, _ = fitted
    name, file = {
        "tensorflow": ("tf_saved_model", "saved_model.pb"),
        "torch": ("torch", "model.pt2"),
        "jax": ("onnx", "model.onnx"),
    }[keras.config.backend()]
    if name == "onnx":
        pytest.importorskip("jax2onnx")
        if model.name == "fno-1d":
            pytest.skip("ONNX cannot hold its Fourier transforms: docs/export.md")
    model.export(str(tmp_path / ("" if name == "tf_saved_model" else file)), name, verbose=False)
    assert (tmp_path / file).stat().st_size > 0


def test_a_compiled_loss_is_used(fitted):
    model, x, y = fitted
    old = model.optimizer
    model.compile("adam", loss="mse")
    assert old is not model.optimizer
    model.reset_metrics()
    given = (keras.ops.convert_to_tensor(each) for each in (x, y, 0.5 * y))
    found = model.compute_loss(*given)
    if isinstance(model, Pix2Pix):  # its loss is also the adversary's
        found = model.get_metrics_result()["l1_loss"]
    found = keras.ops.convert_to_numpy(found)
    assert found == pytest.approx(np.mean((0.5 * y) ** 2), rel=1e-4)


def test_pix2pix_needs_a_loss():
    model = build("pix2pix")
    with pytest.raises(UsageError, match="needs a loss between"):
        model.compile("adam", loss=None)
    layers = [layer.name for layer in model.graph.layers]
    assert layers[1:] == ["generator", "discriminator"]
    pytest.importorskip("pydot")
    assert "<b>generator</b>" not in keras.utils.model_to_dot(model).to_string()
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
