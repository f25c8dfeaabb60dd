"""A trained network between its scalings takes and returns fields in physical units."""

import shutil
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from tests.wells import make_dataset, make_task, make_wells

import keras_qd
from keras_qd.data import Scaling, fit_scaling
from keras_qd.errors import DataError, RunError, UnknownNameError
from keras_qd.models.base import save_model
from keras_qd.tasks import PhysicalModel, Pipeline


class Channels(keras.Model):
    """Stands for a network: it mixes the channels."""

    def __init__(self, n_outputs):
        super().__init__()
        self.mix = keras.layers.Dense(n_outputs, kernel_initializer="ones")

    def call(self, x, training=None):
        return self.mix(x)


@pytest.mark.parametrize(
    ("scaling", "shape"),
    [
        ("none", ()),
        ("log", (5,)),
        ("minmax", (4, 6)),
        ("centered-standard", (4, 6)),
        ("above-minimum", (4, 6)),
    ],
)
def test_it_does_what_the_pipeline_does(scaling, shape):
    rng = np.random.default_rng(1)
    arrays = {name: rng.uniform(0.5, 3.0, (7, *shape)) for name in ("one", "other")}
    fitted = {name: fit_scaling(scaling, values) for name, values in arrays.items()}
    pipeline = Pipeline({"one": shape, "other": shape}, {"one": shape, "other": shape}, fitted)
    network = Channels(2)
    output = keras.ops.convert_to_numpy(network(pipeline.scale_inputs(arrays)))
    found = PhysicalModel(network, pipeline).predict(arrays, verbose=0)
    assert list(found) == ["one", "other"]
    for name, expected in pipeline.restore(output).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-5)


def test_classes_come_with_their_probabilities():
    fitted = {
        "image": fit_scaling("none", np.ones((2, 3))),
        "digit": fit_scaling("one-hot", [0, 3]),
    }
    pipeline = Pipeline({"image": (3,)}, {"digit": ()}, fitted)
    inputs = keras.Input((3, 1))
    outputs = keras.layers.Dense(4, activation="softmax")(keras.layers.Flatten()(inputs))
    model = PhysicalModel(keras.Model(inputs, outputs), pipeline)
    found = model.predict(np.random.default_rng(0).normal(size=(5, 3)), verbose=0)
    assert found["digit"].dtype == np.int32
    np.testing.assert_array_equal(found["digit"], found["digit_probabilities"].argmax(axis=-1))
    assert found["digit_probabilities"].shape == (5, 4)


def test_a_run_its_directory_and_a_copied_file_load_the_same(trained, tmp_path):
    potential = make_wells(3, 7)["potential"]
    copied = shutil.copy(trained.model_path, tmp_path / "mine.keras")
    expected = keras_qd.predict(trained, potential)["density"]
    for source in (trained, str(trained.path), copied):
        model = keras_qd.load_model(source)
        for given in (potential, {"potential": potential}):
            found = model.predict_on_batch(given)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    # The network inside goes on training where it stopped.
    assert int(model.network.optimizer.iterations) == 6
    # With its classes imported, by keras_qd.load_model above, Keras itself can load it.
    again = keras.saving.load_model(copied)
    np.testing.assert_array_equal(again.predict_on_batch(potential), found)


@dataclass(frozen=True)
class Cubed(Scaling):
    """A third party's scaling."""

    unit: float = 1.0

    @classmethod
    def fit(cls, name, array, limits=None):
        return cls(name, float(np.max(np.abs(array))))

    def scale(self, xp, values):
        return xp.power(values / self.unit, 3)

    def restore(self, xp, values):
        return self.unit * xp.sign(values) * xp.power(xp.absolute(values), 1 / 3)


def test_a_scaling_of_a_third_party_works_everywhere(tmp_path):
    keras_qd.register("scalings", "cubed")(Cubed)
    task = make_task(scaling={"potential": "cubed", "density": "cubed"}, epochs=1)
    data = make_dataset()
    run = keras_qd.train(task, tmp_path / "run", dataset=data, report=lambda *_: None)
    model, pipeline = keras_qd.load_model(run.path), run.pipeline
    test = data.split("test")
    scaled = model.network.predict_on_batch(pipeline.scale_inputs(test))
    expected = pipeline.restore(scaled)["density"]
    found = model.predict_on_batch(test["potential"])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    assert keras_qd.evaluate(run, data=data, n_draws=10, cost=False).score("l1").value > 0


def test_what_cannot_be_loaded_is_refused(trained, tmp_path):
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    save_model(plain, tmp_path / "plain.keras")
    with pytest.raises(RunError, match="was not saved by keras-qd; load it with keras"):
        keras_qd.load_model(tmp_path / "plain.keras")
    (tmp_path / "broken.keras").write_bytes(trained.model_path.read_bytes()[:1000])
    with pytest.raises(RunError, match=r"broken\.keras cannot be loaded"):
        keras_qd.load_model(tmp_path / "broken.keras")
    with pytest.raises(RunError, match="not a run directory"):
        keras_qd.load_model(tmp_path / "missing")
    model = trained.load_model()
    save_model(PhysicalModel(plain, model.pipeline, {"models": ["gone"]}), tmp_path / "gone.keras")
    with pytest.raises(UnknownNameError, match="gone"):
        keras_qd.load_model(tmp_path / "gone.keras")


def test_a_convolution_goes_to_another_grid(trained):
    model = keras_qd.load_model(trained)
    shapes = dict.fromkeys(("potential", "density"), (24, 24))
    potential = np.random.default_rng(0).normal(size=(2, 24, 24))
    network = keras_qd.build("unet", input_shape=(24, 24, 1), filters=4, depth=2)
    network.set_weights(model.network.get_weights())
    pipeline = trained.pipeline.on_grid(shapes)
    output = network.predict_on_batch(pipeline.scale_inputs({"potential": potential}))
    found = model.on_grid(shapes).predict_on_batch(potential)
    np.testing.assert_allclose(found, pipeline.restore(output)["density"], rtol=1e-4, atol=1e-6)
    assert model.on_grid({"potential": (16, 16)}) is model


def test_a_model_bound_to_its_grid_is_refused():
    arrays = {"potential": np.zeros((2, 16)), "energy": np.zeros(2)}
    pipeline = Pipeline.fit(keras_qd.task("potential-to-energy"), arrays)
    network = keras_qd.build("energy-cnn", input_shape=(16, 1), output_shape=(1,))
    with pytest.raises(DataError, match="cannot take those of shape"):
        PhysicalModel(network, pipeline).on_grid({"potential": (24,)})
