"""Models judged on another grid than their own, where they allow it."""

import numpy as np
import pytest

import keras_qd
from keras_qd.data import ArrayDataset
from keras_qd.errors import DataError
from keras_qd.prediction._predict import model_on_grid, pipeline_on_grid
from keras_qd.tasks import Pipeline


def test_a_convolutional_model_is_judged_on_a_larger_grid(run):
    generator = np.random.default_rng(0)
    larger = {name: generator.normal(size=(5, 24, 24)) for name in ("potential", "density")}
    data = ArrayDataset(train=larger, test=larger)
    found = keras_qd.evaluate(run, data=data, n_draws=10, keep_predictions=True)
    model = keras_qd.build("unet", input_shape=(24, 24, 1), filters=4, depth=2)
    model.set_weights(run.load_model().get_weights())
    pipeline = pipeline_on_grid(run.pipeline, dict.fromkeys(larger, (24, 24)))
    output = model.predict(pipeline.scale_inputs(larger), verbose=0)
    with np.load(found.folder / "predictions.npz") as archive:
        expected = pipeline.restore(output)["density"]
        np.testing.assert_allclose(archive["density"], expected, rtol=1e-4, atol=1e-5)


def lines(n_points):
    """Return the pipeline of a task on lines."""
    task = keras_qd.task("potential-to-energy")
    arrays = {"potential": np.zeros((2, n_points)), "energy": np.zeros(2)}
    return Pipeline.fit(task, arrays)


def test_a_model_bound_to_its_grid_is_refused():
    trained, wanted = lines(16), lines(24)
    assert pipeline_on_grid(trained, {"potential": (24,), "energy": ()}) == wanted
    model = keras_qd.build("energy-cnn", input_shape=(16, 1), output_shape=(1,))
    assert model_on_grid(model, trained, trained) is model
    with pytest.raises(DataError, match="cannot take those of shape"):
        model_on_grid(model, trained, wanted)


def test_a_pipeline_stays_where_the_kind_of_field_differs():
    trained = lines(16)
    assert pipeline_on_grid(trained, {"potential": (4, 4)}) is trained
