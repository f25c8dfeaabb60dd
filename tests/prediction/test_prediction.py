"""Predictions are physical fields, the same however they are batched; bad input is refused."""

import keras
import numpy as np
import pytest
from tests.wells import N_PIXELS, make_wells

import keras_qd
from keras_qd.errors import DataError, RunError, UsageError
from keras_qd.prediction._predict import iterate_predictions


class Recorder:
    """Stands for a model: doubles its input and remembers the shapes it was called with."""

    def __init__(self, pipeline, factor=2.0):
        self.pipeline = pipeline
        self.factor = factor
        self.batches = set()

    def predict_on_batch(self, fields):
        self.batches.add(len(fields["potential"]))
        return self.factor * fields["potential"]


def test_it_is_the_network_between_the_scalings(trained):
    arrays = make_wells(5, 77)
    pipeline, network = trained.pipeline, trained.load_model().network
    output = keras.ops.convert_to_numpy(network(pipeline.scale_inputs(arrays), training=False))
    expected = pipeline.restore(output)["density"]
    found = keras_qd.predict(trained, arrays)
    assert list(found) == ["density"]
    assert found["density"].shape == (5, N_PIXELS, N_PIXELS)
    np.testing.assert_allclose(found["density"], expected, rtol=1e-5, atol=1e-6)


def test_the_batch_size_does_not_matter(trained):
    potentials = make_wells(7, 78)["potential"]
    expected = keras_qd.predict(trained.path, potentials)["density"]
    for batch_size in (1, 3):
        found = keras_qd.predict(trained, potentials, batch_size=batch_size)["density"]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((N_PIXELS, N_PIXELS), (N_PIXELS, N_PIXELS)),
        ((N_PIXELS, N_PIXELS, 1), (N_PIXELS, N_PIXELS)),
        ((1, N_PIXELS, N_PIXELS), (1, N_PIXELS, N_PIXELS)),
        ((1, N_PIXELS, N_PIXELS, 1), (1, N_PIXELS, N_PIXELS)),
    ],
)
def test_one_potential_many_or_with_a_channel_axis(trained, shape, expected):
    potential = make_wells(1, 78)["potential"]
    reference = keras_qd.predict(trained, potential)["density"]
    found = [
        keras_qd.predict(trained, potential.reshape(shape))["density"],
        trained.load_model().predict(potential.reshape(shape), verbose=0),
        trained.load_model().predict({"potential": potential.reshape(shape)}, verbose=0),
    ]
    for each in found:
        assert each.shape == expected
        np.testing.assert_allclose(each.reshape(reference.shape), reference, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("n_samples", [1, 5, 16, 33, 300])
def test_the_model_sees_one_shape_alone(trained, n_samples):
    recorder = Recorder(trained.pipeline)
    potential = np.random.default_rng(0).normal(size=(n_samples, 16, 16)).astype(np.float32)
    parts = list(iterate_predictions(recorder, {"potential": potential}, batch_size=16))
    assert len(recorder.batches) == 1
    joined = np.concatenate([part["density"] for part in parts])
    np.testing.assert_array_equal(joined, 2 * potential)


def test_large_input_goes_through_in_parts(trained):
    potentials = {"potential": np.zeros((40, N_PIXELS, N_PIXELS))}
    parts = list(iterate_predictions(Recorder(trained.pipeline), potentials, batch_size=1))
    assert [len(part["density"]) for part in parts] == [16, 16, 8]


def with_nan(values):
    values[2, 0, 0] = np.nan
    return values


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (np.zeros((3, 8, 8)), r"shape \(3, 8, 8\); expected \(n, 16, 16\)"),
        (np.zeros(16), r"shape \(16,\); expected \(n, 16, 16\)"),
        (np.zeros((16, 8)), r"shape \(1, 16, 8\); expected \(n, 16, 16\)"),
        (np.zeros((3, 16, 16, 2)), r"shape \(3, 16, 16, 2\); expected \(n, 16, 16\)"),
        (np.zeros((0, 16, 16)), "no samples"),
        (with_nan(np.zeros((3, 16, 16))), "NaN or infinity in 1 of 3 samples, first in sample 2"),
        ({"density": np.zeros((3, 16, 16))}, "'potential' is missing; given: density"),
    ],
)
def test_bad_input_is_refused(trained, arrays, message):
    with pytest.raises(DataError, match=message):
        keras_qd.predict(trained, arrays)


def test_a_bad_batch_size_is_refused(trained):
    with pytest.raises(UsageError, match="batch size"):
        keras_qd.predict(trained, np.zeros((1, 16, 16)), batch_size=0)


def test_an_unfinished_run_is_refused(run):
    run.model_path.unlink()
    with pytest.raises(RunError, match="no trained model"):
        keras_qd.predict(run, np.zeros((1, 16, 16)))


def test_a_broken_model_is_reported(trained):
    broken = Recorder(trained.pipeline, np.nan)
    with pytest.raises(DataError, match="the model gives NaN"):
        list(iterate_predictions(broken, {"potential": np.ones((3, 16, 16))}))
