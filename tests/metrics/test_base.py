"""What holds for every metric: any batching gives the value of the whole set, also inside fit."""

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd import metrics
from keras_qd.errors import DataError, UsageError
from keras_qd.metrics import L1, L2, R2, Context, FieldMetric, unit_of

LENGTH = {"length": 10.0}
SETTINGS = {
    "charge-error": LENGTH,
    "centre-of-mass-error": LENGTH,
    "second-moment-error": LENGTH,
    "normalized-mutual-information": {"bins": 9},
    "ssim": {"data_range": 2.0},
}
BUILT_IN = [
    *["l1", "l2", "linf", "mae", "mse", "rmse", "nmae", "nrmse", "peak-error"],
    *["r2", "r2-per-system", "r2-scalar-mean", "aligned-l1", "aligned-l2", "aligned-r2"],
    *["charge-error", "centre-of-mass-error", "second-moment-error", "misplaced-charge"],
]
WEIGHTED = ["density-weighted-l1", "density-weighted-l2", "density-weighted-r2"]
ON_ARRAYS = ["ssim", "ms-ssim", "psnr", "normalized-mutual-information"]


def make(name):
    return keras_qd.metric(name, **SETTINGS.get(name, {}))


@pytest.mark.parametrize("name", [*BUILT_IN, *WEIGHTED])
def test_any_batching_gives_the_value_of_the_set(name, densities, stream):
    reference, prediction = densities(1)
    density = reference + 0.1 if name in WEIGHTED else None
    metric = make(name)
    expected = metric.over_set(reference, prediction, Context(density=density))
    assert np.isnan(float(metric.result()))
    for size in (3, 6):
        found = stream(metric, reference, prediction, size, density)
        assert found == pytest.approx(expected, rel=1e-5)
        metric.reset_state()
    assert np.isnan(float(metric.result()))


@pytest.mark.parametrize("name", [*BUILT_IN, *WEIGHTED, *ON_ARRAYS])
def test_config_blocks_and_empty_sets(name, densities, monkeypatch):
    reference, prediction = densities(2)
    context = Context(density=reference + 0.1)
    metric = make(name)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(copy) is type(metric)
    assert copy.get_config() == metric.get_config()
    assert (metric.name, bool(metric.title)) == (name, True)
    each = metric.per_sample(reference, prediction, context)
    monkeypatch.setattr("keras_qd.metrics.base.BLOCK_VALUES", 2 * 12 * 12)
    np.testing.assert_allclose(copy.per_sample(reference, prediction, context), each, rtol=1e-9)
    none = metric.per_sample(reference[:0], prediction[:0], context.block(slice(0)))
    assert none.shape == (0,)
    assert np.isnan(metric.over_set(reference[:0], prediction[:0], context.block(slice(0))))


@pytest.mark.parametrize("name", ["l2", "r2", "second-moment-error"])
def test_weights_shapes_and_nan(name, densities, stream):
    reference, prediction = densities(1)
    expected = make(name).over_set(reference, prediction)
    assert make(name).over_set(reference[..., None], prediction) == expected
    found = stream(make(name), reference, prediction[..., None])
    assert found == pytest.approx(expected, rel=1e-5)

    weights = np.array([1, 0, 2, 1, 3, 0])
    repeated = (np.repeat(values, weights, axis=0) for values in (reference, prediction))
    expected = make(name).over_set(*repeated)
    for shape in ((6,), (6, 1, 1)):
        found = stream(make(name), reference, prediction, 3, weights.reshape(shape))
        assert found == pytest.approx(expected, rel=1e-5)
    with pytest.raises(DataError, match="one weight per system"):
        make(name).update_state(reference, prediction, sample_weight=reference)

    for other in (prediction[:, :-1], prediction[..., None].repeat(2, -1), prediction[:5]):
        for compare in (make(name).update_state, make(name).over_set):
            with pytest.raises(DataError, match=r"differ in shape: \(6, 12, 12\)"):
                compare(reference, other)

    prediction[3, 7, 7] = np.nan
    assert np.isnan(make(name).over_set(reference, prediction))
    assert np.isnan(stream(make(name), reference, prediction))
    assert np.flatnonzero(np.isnan(make(name).per_sample(reference, prediction))).tolist() == [3]


def test_an_infinite_value_of_weight_zero_does_not_count(stream):
    exact, predicted = np.array([[0.0], [2.0]]), np.array([[1.0], [3.0]])
    assert stream(make("nmae"), exact, predicted, 2) == np.inf
    assert stream(make("nmae"), exact, predicted, 2, np.array([0.0, 1.0])) == 0.5


def test_numbers_lists_and_what_is_neither(rng, stream):
    energies, predicted = rng.normal(size=(2, 6)).astype("float32")
    expected = np.abs(predicted - energies).mean()
    # Shapes (n,) and (n, 1) do not broadcast against each other.
    assert stream(L1(), energies, predicted[:, None]) == pytest.approx(expected, rel=1e-5)
    assert L1().over_set(energies, predicted[:, None]) == pytest.approx(expected, rel=1e-6)
    assert L1().over_set([[0, 1], [2, 3]], [[0, 2], [2, 1]]) == 0.75
    with pytest.raises(DataError, match="leading sample axis"):
        L1().over_set(1.0, 2.0)


def test_precision_is_at_least_single(densities, stream):
    found = [L2(dtype=dtype).dtype for dtype in (None, "float16", "bfloat16", "float64")]
    assert found == ["float32", "float32", "float32", "float64"]
    reference, prediction = densities(3)
    half = prediction.astype("float16")
    expected = L2().over_set(reference, half)
    assert stream(L2(dtype="float16"), reference, half) == pytest.approx(expected, rel=1e-5)


@keras.saving.register_keras_serializable(package="test")
class CubeRoot(FieldMetric):
    """A third party's metric: one formula, and a function of its mean."""

    default_name, title, unit = "cube-root", "Cube root", "{field}"

    def values(self, xp, y, p):
        return xp.mean(xp.abs(p - y) ** 3, axis=1)

    def combine(self, means, xp=np):
        return means[..., 0] ** (1 / 3)


def test_a_metric_is_one_formula(densities, stream):
    reference, prediction = densities(4)
    expected = (np.abs(prediction.astype(float) - reference) ** 3).mean() ** (1 / 3)
    assert CubeRoot().over_set(reference, prediction) == pytest.approx(expected, rel=1e-12)
    assert stream(CubeRoot(), reference, prediction) == pytest.approx(expected, rel=1e-5)
    assert unit_of(CubeRoot(), field="Ha*") == "Ha*"


def make_model(**settings):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Conv2D(1, 3, padding="same")])
    model.compile(optimizer="sgd", loss="mse", **settings)
    return model


def test_inside_fit_evaluate_and_a_saved_model(densities, tmp_path):
    x, y = (values[..., None] for values in densities(4))
    model = make_model(metrics=[make(name) for name in BUILT_IN])
    history = model.fit(x, y, batch_size=3, epochs=1, validation_data=(x, y), verbose=0).history
    prediction = model.predict(x, verbose=0)
    for name in BUILT_IN:
        expected = make(name).over_set(y, prediction)
        assert history[f"val_{name}"] == [pytest.approx(expected, rel=1e-5)]
    model.save(tmp_path / "model.keras")
    logs = keras.saving.load_model(tmp_path / "model.keras").evaluate(
        x, y, batch_size=3, verbose=0, return_dict=True
    )
    for name in BUILT_IN:
        assert logs[name] == pytest.approx(history[f"val_{name}"][0], rel=1e-5)


@pytest.mark.parametrize("kind", ["systems", "places"])
def test_sample_weights_inside_evaluate(kind, densities):
    x, y = (values[..., None] for values in densities(4))
    names = {"systems": ["l1", "r2"], "places": WEIGHTED}[kind]
    # Keras wants weights that broadcast against the loss of every pixel.
    repeats = np.array([2, 0, 1, 3, 1, 1])
    weights = repeats[:, None, None].astype("float32") if kind == "systems" else x[..., 0] + 0.1
    model = make_model(weighted_metrics=[make(name) for name in names])
    logs = model.evaluate(x, y, sample_weight=weights, batch_size=3, verbose=0, return_dict=True)
    fields = (y, model.predict(x, verbose=0))
    if kind == "systems":
        fields = [np.repeat(values, repeats, axis=0) for values in fields]
    for name in names:
        expected = make(name).over_set(*fields, Context(density=weights))
        assert logs[name] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ON_ARRAYS)
def test_metrics_of_whole_arrays_refuse_batches(name, densities):
    with pytest.raises(UsageError, match="computed on whole arrays only"):
        make(name).update_state(*densities(1))


def test_units_and_names():
    assert unit_of(L2(), field="1/a0*^2") == "1/a0*^2"
    assert unit_of(R2(), field="1/a0*^2") == ""
    assert unit_of(make("mse"), field="Ha*") == "Ha*^2"
    assert [name for name in metrics.__all__ if getattr(metrics, name) is None] == []
    with pytest.raises(AttributeError, match="L3"):
        _ = metrics.L3
