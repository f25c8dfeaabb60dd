"""SSIM and PSNR against scikit-image, and what they refuse."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from keras_qd.errors import DataError, UsageError
from keras_qd.metrics import PSNR, SSIM, Context


def scikit_image_ssim(reference, prediction, data_range):
    return structural_similarity(
        reference.astype(float),
        prediction.astype(float),
        data_range=data_range,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )


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


@pytest.mark.parametrize("offset", [-5.0, 2.0])
@pytest.mark.parametrize("size", [(11, 11), (11, 30), (33, 20)])
def test_streaming_ssim_of_noise_on_an_offset(offset, size, rng, stream):
    reference = (offset + rng.normal(size=(6, *size))).astype("float32")
    prediction = (reference + 0.5 * rng.normal(size=reference.shape)).astype("float32")
    expected = np.mean(each(scikit_image_ssim, reference, prediction, 6.0))
    assert stream(SSIM(6.0), reference, prediction) == pytest.approx(expected, rel=1e-6)


def test_channels_are_averaged(rng, stream):
    reference = rng.normal(size=(4, 16, 16, 2)).astype("float32")
    prediction = (reference + 0.5 * rng.normal(size=reference.shape)).astype("float32")
    parts = [scikit_image_ssim(reference[1, ..., c], prediction[1, ..., c], 5.0) for c in (0, 1)]
    assert SSIM(5.0).per_sample(reference, prediction)[1] == pytest.approx(np.mean(parts))
    expected = SSIM(5.0).over_set(reference, prediction)
    assert stream(SSIM(5.0), reference, prediction) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("metric", [SSIM, PSNR])
def test_range_is_the_references_over_the_set(metric, densities):
    reference, prediction = densities(6)
    data_range = float(reference.max()) - float(reference.min())
    expected = metric(data_range).over_set(reference, prediction)
    assert metric().over_set(reference, prediction) == pytest.approx(expected)
    context = Context(data_range=data_range)
    assert metric().over_set(reference, prediction, context) == expected
    # What was configured wins.
    assert metric(data_range).over_set(reference, prediction, Context(data_range=9.0)) == expected


@pytest.mark.parametrize("metric", [SSIM, PSNR])
def test_streaming_needs_a_range(metric, densities):
    with pytest.raises(UsageError, match="needs the range of the whole set"):
        metric().update_state(*densities(6))


@pytest.mark.parametrize("metric", [SSIM, PSNR])
@pytest.mark.parametrize("data_range", [0.0, -1.0, float("nan"), float("inf")])
def test_senseless_ranges_are_refused(metric, data_range):
    with pytest.raises(UsageError, match="must be a positive number"):
        metric(data_range=data_range)


@pytest.mark.parametrize("metric", [SSIM, PSNR])
def test_constant_references_have_no_range(metric, rng):
    reference = np.ones((3, 16, 16))
    assert np.isnan(metric().over_set(reference, reference + rng.normal(size=reference.shape)))


def test_exact_predictions(densities, stream):
    reference, prediction = densities(7)
    prediction[0] = reference[0]
    assert SSIM().per_sample(reference, prediction)[0] == 1.0
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
    with pytest.raises(DataError, match=message):
        SSIM().over_set(*fields)
    with pytest.raises(DataError, match=message):
        SSIM(1.0).update_state(*fields)
