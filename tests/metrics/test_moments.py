"""Charge, centre and extent of densities."""

import numpy as np
import pytest

from keras_qd.errors import DataError, UsageError
from keras_qd.metrics import CentreOfMassError, ChargeError, Context, SecondMomentError, unit_of

MOMENTS = [ChargeError, CentreOfMassError, SecondMomentError]


def gaussian(centre, widths, charge=2.0, n=64, length=10.0):
    """A normal distribution on the pixels of the box, in units of 1/length^2."""
    x = (np.arange(n) + 0.5) * length / n - length / 2
    y, x = np.meshgrid(x, x, indexing="ij")
    exponent = ((x - centre[0]) / widths[0]) ** 2 + ((y - centre[1]) / widths[1]) ** 2
    return charge * np.exp(-exponent / 2) / (2 * np.pi * widths[0] * widths[1])


# Narrow enough that the walls cut off less than one part in 10^10.
def test_known_moments():
    exact = gaussian((0.0, 0.0), (0.5, 0.5))[None]
    moved = gaussian((0.3, -0.4), (0.5, 0.7), charge=2.5)[None]
    assert ChargeError(10.0).over_set(exact, moved) == pytest.approx(0.5, rel=1e-8)
    assert CentreOfMassError(10.0).over_set(exact, moved) == pytest.approx(0.5, rel=1e-8)
    assert SecondMomentError(10.0).over_set(exact, moved) == pytest.approx(0.49 - 0.25, rel=1e-8)


def test_orientation_counts():
    a, b = gaussian((0, 0), (0.5, 0.7))[None], gaussian((0, 0), (0.7, 0.5))[None]
    expected = np.sqrt(2) * (0.49 - 0.25)
    assert SecondMomentError(10.0).over_set(a, b) == pytest.approx(expected, rel=1e-8)


def test_one_dimension():
    length, n = 5.0, 99
    x = np.arange(1, n + 1) * length / (n + 1)
    state = 2 / length * np.sin(np.pi * x / length) ** 2
    excited = 2 / length * np.sin(2 * np.pi * x / length) ** 2
    exact, other = state[None], 3 * excited[None]
    assert ChargeError(length).over_set(exact, other) == pytest.approx(2.0)
    assert CentreOfMassError(length).over_set(exact, other) == pytest.approx(0.0, abs=1e-12)
    # Variance of the k-th state of a box: L^2 (1/12 - 1/(2 pi^2 k^2)).
    expected = length**2 * (1 - 1 / 4) / (2 * np.pi**2)
    assert SecondMomentError(length).over_set(exact, other) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("metric", MOMENTS)
@pytest.mark.parametrize("size", [1e-1, 1e-4])
def test_small_errors_keep_their_digits_while_streaming(metric, size, densities, rng, stream):
    reference, _ = densities(8)
    noise = np.sin(np.arange(12 * 12)).reshape(12, 12) + rng.normal(size=reference.shape)
    prediction = (reference * (1 + size * (1 + noise))).astype("float32")
    expected = metric(10.0).over_set(reference, prediction)
    streamed = stream(metric(10.0), reference[..., None], prediction[..., None])
    assert streamed == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("metric", MOMENTS)
def test_length_from_the_context(metric, densities, monkeypatch):
    pair = densities(9)
    expected = metric(length=7.0).per_sample(*pair)
    np.testing.assert_allclose(metric().per_sample(*pair, Context(length=7.0)), expected)
    monkeypatch.setattr("keras_qd.metrics.base.BLOCK_VALUES", 2 * 12 * 12)
    each = metric().per_sample(*pair, Context(length=np.linspace(7.0, 8.0, 6)))
    assert each[0] == pytest.approx(expected[0])
    assert each[-1] == pytest.approx(metric(length=8.0).per_sample(*pair)[-1])


@pytest.mark.parametrize("metric", MOMENTS)
def test_what_is_refused(metric, densities):
    pair = densities(9)
    with pytest.raises(UsageError, match="needs the side of the box"):
        metric().over_set(*pair)
    with pytest.raises(UsageError, match="needs the side of the box"):
        metric().update_state(*pair)
    with pytest.raises(UsageError, match="must be a positive number"):
        metric(length=-1.0)
    for shape in ((4,), (4, 8, 8, 2)):
        with pytest.raises(DataError, match="needs densities"):
            metric(1.0).over_set(np.ones(shape), np.ones(shape))


def test_empty_densities_have_no_centre(densities, stream):
    reference, _ = densities(9)
    nothing = np.zeros_like(reference)
    for metric in (CentreOfMassError, SecondMomentError):
        assert np.isnan(metric(1.0).over_set(reference, nothing))
        assert np.isnan(stream(metric(1.0), reference, nothing))


def test_units():
    units = [unit_of(metric(), field="1/a0*^2", length="a0*") for metric in MOMENTS]
    assert units == ["electrons", "a0*", "a0*^2"]
