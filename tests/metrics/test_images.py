"""PSNR, SSIM, MS-SSIM and mutual information against scikit-image or definitions."""

import numpy as np
import pytest
from skimage.filters import gaussian
from skimage.measure import block_reduce
from skimage.metrics import (
    normalized_mutual_information,
    peak_signal_noise_ratio,
    structural_similarity,
)

from keras_qd.errors import DataError, UsageError
from keras_qd.metrics import PSNR, SSIM, Context, MultiScaleSSIM, NormalizedMutualInformation

IN_RANGE = [SSIM, MultiScaleSSIM, PSNR]


def scikit_image_ssim(y, p, data_range):
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return structural_similarity(y, p, data_range=data_range, **settings)


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


@pytest.fixture
def images(densities):
    """Exact and predicted densities of 24 x 24 pixels, in double precision."""
    return tuple(values.astype(float) for values in densities(5, size=24))


@pytest.mark.parametrize(
    ("metric", "function"), [(SSIM, scikit_image_ssim), (PSNR, peak_signal_noise_ratio)]
)
@pytest.mark.parametrize("data_range", [1.0, 36.0])
def test_equals_scikit_image(metric, function, data_range, images):
    expected = [function(*pair, data_range=data_range) for pair in zip(*images, strict=True)]
    found = metric(data_range=data_range).per_sample(*images)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


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
def test_multi_scale_ssim_is_its_definition(size, weights, rng):
    reference = gaussian(rng.normal(size=(2, *size)), (0, 2, 2))
    prediction = 0.02 + 0.9 * reference + 0.05 * rng.normal(size=reference.shape)
    pairs = zip(reference, prediction, strict=True)
    expected = [multi_scale(*pair, 0.7, weights) for pair in pairs]
    found = MultiScaleSSIM(data_range=0.7).per_sample(reference, prediction)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_the_negative_of_an_image_counts_zero(rng):
    noise = rng.normal(size=(2, 23, 24))
    assert MultiScaleSSIM(6.0).over_set(noise, -noise) == 0.0


def test_channels_are_averaged(rng):
    reference = rng.normal(size=(2, 24, 24, 2))
    prediction = reference + 0.5 * rng.normal(size=reference.shape)
    for metric in (SSIM, MultiScaleSSIM):
        channels = [metric(5.0).per_sample(reference[..., c], prediction[..., c]) for c in (0, 1)]
        found = metric(5.0).per_sample(reference, prediction)
        np.testing.assert_allclose(found, np.mean(channels, axis=0))


@pytest.mark.parametrize("metric", IN_RANGE)
def test_range_is_the_references_over_the_set(metric, images):
    data_range = images[0].max() - images[0].min()
    expected = metric(data_range).over_set(*images)
    assert metric().over_set(*images) == pytest.approx(expected)
    assert metric().over_set(*images, Context(data_range=data_range)) == expected
    # The configured range takes precedence.
    assert metric(data_range).over_set(*images, Context(data_range=9.0)) == expected
    assert np.isnan(metric().over_set(np.ones((3, 16, 16)), images[1][:3, :16, :16]))


@pytest.mark.parametrize("metric", IN_RANGE)
def test_exact_predictions_and_bad_ranges(metric, images):
    reference, prediction = images
    prediction[0] = reference[0]
    best = np.inf if metric is PSNR else 1.0
    assert metric().per_sample(reference, prediction)[0] == best
    assert metric().over_set(reference, reference) == best
    for data_range in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="must be a positive number"):
            metric(data_range=data_range)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 10, 30), "window of 11 x 11 pixels, but the images have only 10 x 30"),
        ((4, 30), "compares images"),
        ((4, 30, 1), "compares images"),
        ((4,), "compares images"),
    ],
)
def test_what_is_not_an_image(shape, message, rng):
    fields = rng.normal(size=(2, *shape))
    for metric in (SSIM, MultiScaleSSIM):
        with pytest.raises(DataError, match=message):
            metric().over_set(*fields)


def test_mutual_information(images):
    pairs = zip(*images, strict=True)
    expected = [normalized_mutual_information(*pair, bins=20) for pair in pairs]
    found = NormalizedMutualInformation(bins=20).per_sample(*images)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    halves = np.zeros((1, 4, 4))
    halves[:, 2:] = 1.0
    found = NormalizedMutualInformation(bins=2).over_set(halves, 1 - halves)
    assert found == pytest.approx(2.0)
    with pytest.raises(UsageError, match="at least 2"):
        NormalizedMutualInformation(bins=1)
