"""Scalings: reversible, fitted as their names say, the same after JSON and on tensors."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_qd.data import (
    Field,
    LinearScaling,
    OneHot,
    Scaling,
    fit_scaling,
    scaling_from_config,
)
from keras_qd.data.scaling import LINEAR
from keras_qd.errors import DataError, UnknownNameError

values = arrays(np.float64, (5, 4, 4), elements=st.floats(-1e6, 1e6, width=32))
names = st.sampled_from(LINEAR)
positive = arrays(np.float64, (5, 4, 4), elements=st.floats(0, 1e6, width=32))
classes = arrays(np.int64, (7,), elements=st.integers(0, 9))


@given(names, values, values)
def test_inverse_undoes_forward_up_to_the_gauge(name, training, other):
    scaling = fit_scaling(name, training)
    expected = other - other.mean(axis=(1, 2), keepdims=True) if scaling.centered else other
    returned = scaling.inverse(scaling.forward(other))
    scale = max(np.abs(other).max(), abs(scaling.offset), 1.0)
    np.testing.assert_allclose(returned, expected, rtol=0, atol=1e-12 * scale)


@given(positive, positive)
def test_inverse_undoes_the_logarithm(training, other):
    scaling = fit_scaling("log", training)
    # Below the floor the round-off is that of the floor.
    returned = scaling.inverse(scaling.forward(other))
    np.testing.assert_allclose(returned, other, rtol=1e-11, atol=1e-12 * scaling.floor)


potentials = arrays(np.float64, (5, 4, 4), elements=st.floats(-50, 50, width=32))


@given(potentials, potentials)
def test_potentials_come_back_above_their_soft_minimum(training, other):
    scaling = fit_scaling("above-minimum", training)
    returned = scaling.inverse(scaling.forward(other))
    np.testing.assert_allclose(np.exp(-2 * returned).mean(axis=(1, 2)), 1.0, rtol=1e-9)
    difference = returned - other
    np.testing.assert_allclose(difference - difference[:, :1, :1], 0.0, atol=1e-9)


@given(classes, classes)
def test_inverse_undoes_one_hot(training, other):
    scaling = fit_scaling("one-hot", training, limits=(0, 9))
    forward = scaling.forward(other)
    assert forward.shape == (7, 10)
    np.testing.assert_array_equal(forward.sum(axis=1), 1)
    np.testing.assert_array_equal(scaling.inverse(forward), other)


@given(st.sampled_from((*LINEAR, "above-minimum", "log", "one-hot")), classes)
def test_json_keeps_every_bit(name, training):
    scaling = fit_scaling(name, training / 3 if name in LINEAR else training)
    assert scaling_from_config(json.loads(json.dumps(scaling.to_config()))) == scaling


def test_each_does_what_its_name_says():
    training = np.random.default_rng(0).gamma(2.0, size=(3000, 4, 4))
    scaled = {name: fit_scaling(name, training).forward(training) for name in (*LINEAR, "log")}
    np.testing.assert_array_equal(scaled["none"], training)
    assert scaled["standard"].mean() == pytest.approx(0, abs=1e-12)
    assert scaled["standard"].std() == pytest.approx(1)
    assert (scaled["minmax"].min(), scaled["minmax"].max()) == pytest.approx((-1, 1))
    assert scaled["max"].max() == 1
    np.testing.assert_allclose(scaled["max"], training / training.max())
    for name in LINEAR[4:]:
        means = fit_scaling(name, training).inverse(scaled[name]).mean(axis=(1, 2))
        np.testing.assert_allclose(means, 0, atol=1e-12)
    assert scaled["centered-standard"].std() == pytest.approx(1)
    assert scaled["log"].std() == pytest.approx(1)
    floor = fit_scaling("log", training).floor
    assert floor == pytest.approx(1e-4 * training.max())
    shape = np.log1p(training / floor)
    np.testing.assert_allclose(scaled["log"], (shape - shape.mean()) / shape.std())


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
    for name in (*LINEAR, "log"):
        assert np.isfinite(fit_scaling(name, np.zeros((3, 2))).forward(np.ones((1, 2)))).all()


def test_only_known_limits_bound():
    training = np.array([10.0, 250.0])
    assert not fit_scaling("minmax", training).bounded
    scaling = fit_scaling("minmax", training, limits=(0, 255))
    assert scaling.bounded
    np.testing.assert_array_equal(scaling.forward([0, 255]), [-1, 1])
    assert LinearScaling("none").bounded is False
    assert Field((), limits=(0, 255)).limits == (0, 255)


def test_misuse_is_told():
    with pytest.raises(UnknownNameError, match="did you mean 'standard'"):
        fit_scaling("standart", np.ones(3))
    with pytest.raises(DataError, match="without samples"):
        fit_scaling("standard", np.ones((0, 4)))
    with pytest.raises(DataError, match="not finite"):
        fit_scaling("max", np.array([1.0, np.nan]))
    with pytest.raises(DataError, match=r"smallest is -0.5; use another one"):
        fit_scaling("log", np.array([1.0, -0.5]))
    with pytest.raises(UnknownNameError, match="did you mean 'log'"):
        scaling_from_config({"name": "logg"})


@pytest.mark.parametrize("wrong", [[0, 1.5], [-1, 0], [0, 10]])
def test_what_is_no_class_is_told(wrong):
    with pytest.raises(DataError, match="whole numbers from 0 to 9"):
        OneHot("one-hot", 10).forward(wrong)
    with pytest.raises(DataError):
        fit_scaling("one-hot", np.array(wrong), limits=(0, 9))


def test_the_most_probable_class_comes_back_with_the_probabilities():
    probabilities = np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]])
    found = OneHot("one-hot", 3).from_network(np, probabilities, ())
    np.testing.assert_array_equal(found[""], [1, 0])
    np.testing.assert_array_equal(found["probabilities"], probabilities)


def test_the_baseline_knows_no_input():
    np.testing.assert_allclose(OneHot("one-hot", 3).baseline([1, 1, 2, 0]), [[0.25, 0.5, 0.25]])
    images = np.arange(8.0).reshape(2, 2, 2)
    np.testing.assert_array_equal(LinearScaling("none").baseline(images), images.mean(0)[None])
    centred = fit_scaling("centered-standard", images).baseline(images)
    np.testing.assert_allclose(centred, (images.mean(0) - images.mean())[None])


def test_what_comes_lower_than_zero_is_zero():
    scaling = fit_scaling("log", np.array([0.0, 0.5, 2.0]))
    assert scaling.inverse(scaling.forward([0.0]) - 1)[0] == 0


@pytest.mark.parametrize("name", [*LINEAR, "log", "one-hot"])
def test_tensors_are_scaled_as_arrays_are(name):
    from keras import ops

    values = np.random.default_rng(0).integers(0, 5, (6, 4)).astype(np.float32)
    scaling = fit_scaling(name, values, limits=(0, 4))
    scaled = ops.convert_to_numpy(scaling.scale(ops, ops.convert_to_tensor(values)))
    np.testing.assert_allclose(scaled, scaling.forward(values), rtol=1e-5, atol=1e-5)
    restored = ops.convert_to_numpy(scaling.restore(ops, ops.convert_to_tensor(scaled)))
    np.testing.assert_allclose(restored, scaling.inverse(scaled), rtol=1e-5, atol=1e-5)


def test_a_scaling_defines_three_methods():
    with pytest.raises(TypeError, match="abstract"):
        Scaling("nothing")
