"""What holds for every metric: any batching gives the value of the whole set, also inside fit."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_qd.errors import DataError
from keras_qd.metrics import (
    L1,
    L2,
    MAE,
    MSE,
    NMAE,
    NRMSE,
    PSNR,
    R2,
    RMSE,
    SSIM,
    AlignedL1,
    AlignedL2,
    AlignedR2,
    CentreOfMassError,
    ChargeError,
    Linf,
    Measure,
    PeakError,
    R2PerSystem,
    R2ScalarMean,
    SecondMomentError,
)

IMAGE_METRICS = [L1, L2, Linf, R2, lambda: PSNR(data_range=1.0), lambda: SSIM(data_range=1.0)]
ALL = [
    *IMAGE_METRICS,
    *[MAE, MSE, RMSE, NMAE, NRMSE, PeakError, R2PerSystem, R2ScalarMean],
    *[AlignedL1, AlignedL2, AlignedR2],
    lambda: ChargeError(length=10.0),
    lambda: CentreOfMassError(length=10.0),
    lambda: SecondMomentError(length=10.0),
]
# One of each way to stream: a mean over systems, the spread about a mean, and a sliding window.
KINDS = [L2, R2, lambda: SSIM(data_range=1.0)]

batch_sizes = st.lists(st.sampled_from([1, 2, 5]), min_size=1, max_size=3)


def name_of(make):
    return make().name


@pytest.mark.parametrize("make", ALL, ids=name_of)
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), sizes=batch_sizes)
def test_any_batching_gives_the_whole_set(make, seed, sizes, densities, stream):
    reference, prediction = densities(seed)
    expected = make().over_set(reference, prediction)
    assert stream(make(), reference, prediction, sizes) == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("make", ALL, ids=name_of)
@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), sizes=st.lists(st.integers(1, 11), min_size=1, max_size=5))
def test_many_batchings_give_the_whole_set(make, seed, sizes, densities, stream):
    reference, prediction = densities(seed)
    expected = make().over_set(reference, prediction)
    assert stream(make(), reference, prediction, sizes) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("make", [L1, R2, R2ScalarMean, AlignedR2], ids=name_of)
@settings(max_examples=3, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=batch_sizes,
    mean=st.sampled_from([0.0, 10.0, 1e4]),
    shape=st.sampled_from([(13, 5, 6, 3), (13, 70), (13,)]),
)
def test_any_shape_and_mean(make, seed, sizes, mean, shape, stream):
    generator = np.random.default_rng(seed)
    reference = (mean + generator.normal(size=shape)).astype("float32")
    prediction = (reference + 0.3 * generator.normal(size=shape)).astype("float32")
    expected = make().over_set(reference, prediction)
    streamed = stream(make(), reference, prediction, sizes)
    assert streamed == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("make", KINDS, ids=name_of)
def test_whole_weights_repeat_systems(make, densities, stream):
    reference, prediction = densities(1)
    weights = np.array([1, 0, 2, 1, 3, 0, 1, 1, 2, 1, 1])
    repeated = make().over_set(np.repeat(reference, weights, 0), np.repeat(prediction, weights, 0))
    for shape in ((11,), (11, 1), (11, 1, 1)):
        weighted = stream(make(), reference, prediction, (4,), weights.reshape(shape))
        assert weighted == pytest.approx(repeated, rel=1e-6)


@pytest.mark.parametrize("make", KINDS, ids=name_of)
def test_pixel_weights_are_refused(make, densities):
    reference, prediction = densities(1)
    with pytest.raises(DataError, match="one weight per system"):
        make().update_state(reference, prediction, sample_weight=reference)


@pytest.mark.parametrize("make", KINDS, ids=name_of)
def test_shapes_that_differ_are_refused(make, densities):
    reference, prediction = densities(1)
    for other in (prediction[:, :-1], prediction[..., None].repeat(2, -1), prediction[:5]):
        with pytest.raises(DataError, match=r"differ in shape: \(11, 24, 24\)"):
            make().update_state(reference, other)
        with pytest.raises(DataError, match=r"differ in shape: \(11, 24, 24\)"):
            make().over_set(reference, other)


@pytest.mark.parametrize("make", KINDS, ids=name_of)
def test_a_channel_axis_may_be_missing_in_one(make, densities, stream):
    reference, prediction = densities(1)
    expected = make().over_set(reference, prediction)
    assert make().over_set(reference[..., None], prediction) == expected
    assert make().over_set(reference, prediction[..., None]) == expected
    for a, b in ((reference[..., None], prediction), (reference, prediction[..., None])):
        assert stream(make(), a, b) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("make", ALL, ids=name_of)
def test_no_systems_give_nan(make, densities):
    reference, prediction = densities(1)
    metric = make()
    assert np.isnan(metric.over_set(reference[:0], prediction[:0]))
    assert metric.per_sample(reference[:0], prediction[:0]).shape == (0,)
    assert np.isnan(float(metric.result()))
    metric.update_state(reference, prediction)
    metric.reset_state()
    assert np.isnan(float(metric.result()))


@pytest.mark.parametrize("make", KINDS, ids=name_of)
def test_nan_in_a_prediction_shows(make, densities, stream):
    reference, prediction = densities(1)
    prediction[3, 7, 7] = np.nan
    assert np.isnan(make().over_set(reference, prediction))
    assert np.isnan(stream(make(), reference, prediction))
    values = make().per_sample(reference, prediction)
    assert np.isnan(values[3])
    assert np.isfinite(np.delete(values, 3)).all()


@pytest.mark.parametrize("make", IMAGE_METRICS, ids=name_of)
def test_many_blocks_are_as_one(make, densities, monkeypatch):
    reference, prediction = densities(1)
    whole = make().per_sample(reference, prediction)
    monkeypatch.setattr("keras_qd.metrics.arrays.BLOCK_VALUES", 2 * 24 * 24)
    np.testing.assert_allclose(make().per_sample(reference, prediction), whole, rtol=1e-12)


@pytest.mark.parametrize("make", ALL, ids=name_of)
def test_config_makes_an_equal_metric(make, densities, stream):
    metric = make()
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(copy) is type(metric)
    assert copy.get_config() == metric.get_config()
    assert stream(copy, *densities(2)) == stream(metric, *densities(2))


@pytest.mark.parametrize("make", ALL, ids=name_of)
def test_every_metric_is_a_measure(make):
    metric = make()
    assert isinstance(metric, Measure)
    assert metric.title
    assert not isinstance(keras.metrics.MeanSquaredError(), Measure)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_networks_are_measured_in_single(dtype, densities, stream):
    reference, prediction = densities(3)
    half = keras.ops.cast(keras.ops.convert_to_tensor(prediction), dtype)
    rounded = keras.ops.convert_to_numpy(keras.ops.cast(half, "float32"))
    metric = L2(dtype=dtype)
    assert metric.dtype == "float32"
    assert stream(metric, reference, half) == pytest.approx(L2().over_set(reference, rounded))


def tiny_model(**compile_settings):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((24, 24, 1)), keras.layers.Conv2D(1, 3, padding="same")])
    model.compile(optimizer="sgd", loss="mse", **compile_settings)
    return model


@pytest.mark.parametrize(
    "makers", [KINDS, pytest.param(ALL, marks=pytest.mark.slow)], ids=["kinds", "all"]
)
def test_inside_fit_and_evaluate(makers, densities, tmp_path):
    x, y = (values[..., None] for values in densities(4))
    model = tiny_model(metrics=[make() for make in makers])
    history = model.fit(x, y, batch_size=4, epochs=2, validation_data=(x, y), verbose=0).history
    logs = model.evaluate(x, y, batch_size=3, verbose=0, return_dict=True)
    prediction = model.predict(x, verbose=0)
    for make in makers:
        expected = make().over_set(y, prediction)
        assert logs[make().name] == pytest.approx(expected, rel=1e-6)
        assert history[f"val_{make().name}"][-1] == pytest.approx(expected, rel=1e-6)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.evaluate(x, y, batch_size=5, verbose=0, return_dict=True) == pytest.approx(
        logs, rel=1e-6
    )


def test_sample_weights_inside_evaluate(densities):
    x, y = (values[..., None] for values in densities(4))
    weights = np.arange(11) % 3
    # Keras wants weights that broadcast against the loss of every pixel.
    model = tiny_model(weighted_metrics=[make() for make in KINDS])
    logs = model.evaluate(
        x,
        y,
        sample_weight=weights.astype("float32")[:, None, None],
        batch_size=4,
        verbose=0,
        return_dict=True,
    )
    prediction = model.predict(x, verbose=0)
    for make in KINDS:
        expected = make().over_set(np.repeat(y, weights, 0), np.repeat(prediction, weights, 0))
        assert logs[make().name] == pytest.approx(expected, rel=1e-6)
