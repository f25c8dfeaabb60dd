"""SSIM, MS-SSIM and PSNR against scikit-image or definitions, and what they refuse."""

import numpy as np
import pytest
from skimage.filters import gaussian
from skimage.measure import block_reduce
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from keras_qd.errors import DataError, UsageError
from keras_qd.metrics import PSNR, SSIM, Context, MultiScaleSSIM


def scikit_image_ssim(reference, prediction, data_range):
    return structural_similarity(
        reference.astype(float),
        prediction.astype(float),
        data_range=data_range,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )


def factors(a, b, data_range):
    """Return the mean contrast-structure factor and the mean index, written out."""

    def blurred(x):
        return gaussian(x, 1.5, truncate=3.5, mode="reflect")[5:-5, 5:-5]

    mean_a, mean_b = blurred(a), blurred(b)
    variances = blurred(a * a) - mean_a**2 + blurred(b * b) - mean_b**2
    covariance = blurred(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    contrast = (2 * covariance + c2) / (variances + c2)
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return contrast.mean(), (luminance * contrast).mean()


def multi_scale(a, b, data_range, weights):
    """Return the index of Wang, Simoncelli and Bovik with these exponents."""
    index = 1.0
    for scale, weight in enumerate(weights):
        contrast, whole = factors(a, b, data_range)
        last = scale == len(weights) - 1
        index *= max(whole if last else contrast, 0.0) ** (weight / sum(weights))
        a, b = (
            block_reduce(x[: len(x) // 2 * 2, : x.shape[1] // 2 * 2], 2, np.mean) for x in (a, b)
        )
    return index


def each(function, reference, prediction, data_range):
    pairs = zip(reference, prediction, strict=True)
    return [function(a.astype(float), b.astype(float), data_range=data_range) for a, b in pairs]


@pytest.mark.parametrize(
    ("metric", "function"), [(SSIM, scikit_image_ssim), (PSNR, peak_signal_noise_ratio)]
)
@pytest.mark.parametrize("data_range", [1.0, 0.3, 36.0])
def test_equals_scikit_image(metric, function, data_range, densities, stream):
    reference, prediction = densities(5)
    expected = each(function, reference, prediction, data_range)
    configured = metric(data_range=data_range)
    np.testing.assert_allclose(configured.per_sample(reference, prediction), expected, rtol=1e-12)
    streamed = stream(configured, reference, prediction)
    assert streamed == pytest.approx(np.mean(expected), rel=1e-6)


@pytest.mark.parametrize(
    ("size", "weights"),
    [
        ((11, 30), [1.0]),
        ((23, 24), [0.0448, 0.2856]),
        ((24, 47), [0.0448, 0.2856]),
        ((64, 64), [0.0448, 0.2856, 0.3001]),
        ((177, 180), [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]),
    ],
)
def test_multi_scale_ssim_is_its_definition(size, weights, rng, stream):
    n_images = 2 if size[0] > 100 else 5
    reference = gaussian(rng.normal(size=(n_images, *size)), (0, 2, 2)).astype("float32")
    noise = 0.05 * rng.normal(size=reference.shape)
    prediction = (0.02 + 0.9 * reference + noise).astype("float32")
    pairs = zip(reference.astype(float), prediction.astype(float), strict=True)
    expected = [multi_scale(a, b, 0.7, weights) for a, b in pairs]
    metric = MultiScaleSSIM(data_range=0.7)
    np.testing.assert_allclose(metric.per_sample(reference, prediction), expected, rtol=1e-10)
    if len(weights) == 2:  # as more would be, at the cost of compiling every shape
        streamed = stream(metric, reference, prediction, (3, 1))
        assert streamed == pytest.approx(np.mean(expected), rel=2e-6)


def test_one_scale_is_ssim(densities):
    reference, prediction = (values[:, :20] for values in densities(5))
    one = SSIM(1.0).per_sample(reference, prediction)
    np.testing.assert_allclose(MultiScaleSSIM(1.0).per_sample(reference, prediction), one)


def test_the_negative_of_an_image_counts_nothing(rng, stream):
    reference = rng.normal(size=(3, 23, 24)).astype("float32")
    assert MultiScaleSSIM(6.0).over_set(reference, -reference) == 0.0
    assert stream(MultiScaleSSIM(6.0), reference, -reference, (3,)) == 0.0


@pytest.mark.parametrize("offset", [-5.0, 2.0])
@pytest.mark.parametrize("size", [(11, 11), (11, 30), (33, 20)])
def test_streaming_ssim_of_noise_on_an_offset(offset, size, rng, stream):
    reference = (offset + rng.normal(size=(6, *size))).astype("float32")
    prediction = (reference + 0.5 * rng.normal(size=reference.shape)).astype("float32")
    expected = np.mean(each(scikit_image_ssim, reference, prediction, 6.0))
    assert stream(SSIM(6.0), reference, prediction) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("metric", "one"),
    [
        (SSIM, scikit_image_ssim),
        (MultiScaleSSIM, lambda a, b, r: multi_scale(a, b, r, [0.0448, 0.2856])),
    ],
)
def test_channels_are_averaged(metric, one, rng, stream):
    reference = rng.normal(size=(4, 24, 24, 2)).astype("float32")
    prediction = (reference + 0.5 * rng.normal(size=reference.shape)).astype("float32")
    a, b = reference[1].astype(float), prediction[1].astype(float)
    parts = [one(a[..., c], b[..., c], 5.0) for c in (0, 1)]
    assert metric(5.0).per_sample(reference, prediction)[1] == pytest.approx(np.mean(parts))
    expected = metric(5.0).over_set(reference, prediction)
    assert stream(metric(5.0), reference, prediction) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("metric", [SSIM, MultiScaleSSIM, PSNR])
def test_range_is_the_references_over_the_set(metric, densities):
    reference, prediction = densities(6)
    data_range = float(reference.max()) - float(reference.min())
    expected = metric(data_range).over_set(reference, prediction)
    assert metric().over_set(reference, prediction) == pytest.approx(expected)
    context = Context(data_range=data_range)
    assert metric().over_set(reference, prediction, context) == expected
    # What was configured wins.
    assert metric(data_range).over_set(reference, prediction, Context(data_range=9.0)) == expected


@pytest.mark.parametrize("metric", [SSIM, MultiScaleSSIM, PSNR])
def test_streaming_needs_a_range(metric, densities):
    with pytest.raises(UsageError, match="needs the range of the whole set"):
        metric().update_state(*densities(6))


@pytest.mark.parametrize("metric", [SSIM, MultiScaleSSIM, PSNR])
@pytest.mark.parametrize("data_range", [0.0, -1.0, float("nan"), float("inf")])
def test_senseless_ranges_are_refused(metric, data_range):
    with pytest.raises(UsageError, match="must be a positive number"):
        metric(data_range=data_range)


@pytest.mark.parametrize("metric", [SSIM, MultiScaleSSIM, PSNR])
def test_constant_references_have_no_range(metric, rng):
    reference = np.ones((3, 16, 16))
    assert np.isnan(metric().over_set(reference, reference + rng.normal(size=reference.shape)))


def test_exact_predictions(densities, stream):
    reference, prediction = densities(7)
    prediction[0] = reference[0]
    assert SSIM().per_sample(reference, prediction)[0] == 1.0
    assert MultiScaleSSIM().per_sample(reference, prediction)[0] == 1.0
    assert PSNR().per_sample(reference, prediction)[0] == np.inf
    assert PSNR().over_set(reference, prediction) == np.inf
    assert stream(PSNR(1.0), reference, prediction, (3,)) == np.inf


def test_an_exact_prediction_of_weight_zero_does_not_count(densities, stream):
    reference, prediction = densities(7)
    prediction[0] = reference[0]
    weights = np.array([0.0] + [1.0] * 10)
    expected = PSNR(1.0).over_set(reference[1:], prediction[1:])
    streamed = stream(PSNR(1.0), reference, prediction, (4,), weights)
    assert streamed == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 10, 30), "window of 11 x 11 pixels, but the images have only 10 x 30"),
        ((4, 30), "compares images"),
        ((4, 30, 1), "compares images"),
        ((4,), "compares images"),
    ],
)
def test_ssim_refuses_what_is_no_image(shape, message, rng):
    fields = rng.normal(size=(2, *shape))
    for metric in (SSIM, MultiScaleSSIM):
        with pytest.raises(DataError, match=message):
            metric().over_set(*fields)
        with pytest.raises(DataError, match=message):
            metric(1.0).update_state(*fields)
