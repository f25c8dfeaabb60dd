"""Scaling: reversible, fitted as its name says, the same after JSON."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_qd.datasets import Field, Scaling, fit_scaling, scaling_from_config
from keras_qd.datasets.scaling import SCALINGS
from keras_qd.errors import DataError, UnknownNameError

values = arrays(np.float64, (5, 4, 4), elements=st.floats(-1e6, 1e6, width=32))
names = st.sampled_from(SCALINGS)


@given(names, values, values)
def test_inverse_undoes_forward_up_to_the_gauge(name, training, other):
    scaling = fit_scaling(name, training)
    expected = other - other.mean(axis=(1, 2), keepdims=True) if scaling.centered else other
    returned = scaling.inverse(scaling.forward(other))
    scale = max(np.abs(other).max(), abs(scaling.offset), 1.0)
    np.testing.assert_allclose(returned, expected, rtol=0, atol=1e-12 * scale)


@given(names, values)
def test_json_keeps_every_bit(name, training):
    scaling = fit_scaling(name, training)
    assert scaling_from_config(json.loads(json.dumps(scaling.to_config()))) == scaling


def test_each_does_what_its_name_says():
    training = np.random.default_rng(0).gamma(2.0, size=(3000, 4, 4))
    scaled = {name: fit_scaling(name, training).forward(training) for name in SCALINGS}
    np.testing.assert_array_equal(scaled["none"], training)
    assert scaled["standard"].mean() == pytest.approx(0, abs=1e-12)
    assert scaled["standard"].std() == pytest.approx(1)
    assert (scaled["minmax"].min(), scaled["minmax"].max()) == pytest.approx((-1, 1))
    assert scaled["max"].max() == 1
    np.testing.assert_allclose(scaled["max"], training / training.max())
    for name in SCALINGS[4:]:
        means = fit_scaling(name, training).inverse(scaled[name]).mean(axis=(1, 2))
        np.testing.assert_allclose(means, 0, atol=1e-12)
    assert scaled["centered-standard"].std() == pytest.approx(1)


def test_max_leaves_zero_and_sign():
    scaling = fit_scaling("max", np.array([0.0, -4.0, 2.0]))
    np.testing.assert_array_equal(scaling.forward([0.0, -4.0, 8.0]), [0, -1, 2])


def test_centering_makes_shifted_potentials_equal():
    training = np.random.default_rng(0).normal(size=(8, 4, 4))
    scaling = fit_scaling("centered-standard", training)
    np.testing.assert_allclose(scaling.forward(training + 7), scaling.forward(training), atol=1e-12)


def test_statistics_keep_digits_where_the_mean_is_large():
    training = 1e8 + np.random.default_rng(0).normal(size=5000)
    assert fit_scaling("standard", training).factor == pytest.approx(training.std(), rel=1e-9)


def test_constant_fields_do_not_divide_by_zero():
    for name in SCALINGS:
        assert np.isfinite(fit_scaling(name, np.zeros((3, 2))).forward(np.ones((1, 2)))).all()


def test_only_known_limits_bound():
    training = np.array([10.0, 250.0])
    assert not fit_scaling("minmax", training).bounded
    scaling = fit_scaling("minmax", training, limits=(0, 255))
    assert scaling.bounded
    np.testing.assert_array_equal(scaling.forward([0, 255]), [-1, 1])
    assert Scaling("none").bounded is False
    assert Field((), limits=(0, 255)).limits == (0, 255)


def test_misuse_is_told():
    with pytest.raises(UnknownNameError, match="did you mean 'standard'"):
        fit_scaling("standart", np.ones(3))
    with pytest.raises(DataError, match="no samples"):
        fit_scaling("standard", np.ones((0, 4)))
    with pytest.raises(DataError, match="not finite"):
        fit_scaling("max", np.array([1.0, np.nan]))
