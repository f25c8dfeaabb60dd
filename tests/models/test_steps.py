"""One step moves each network along the gradient of its own loss, both from the same start.

With plain gradient descent the change of the weights is the gradient, up to the learning rate.
"""

import keras
import numpy as np
import pytest

RATE = 1e-2
NETWORKS = ("generator", "discriminator")


@pytest.fixture
def make_descending(make_model):
    """Return a maker of models without randomness or running statistics, under gradient descent."""

    def make(frozen=(), **settings):
        model = make_model(normalization="instance", **settings)
        for name in frozen:
            getattr(model, name).trainable = False
        model.compile(keras.optimizers.SGD(RATE))
        return model

    return make


def weights_of(model, name):
    return [keras.ops.convert_to_numpy(v).copy() for v in getattr(model, name).weights]


def gradient_of(model, name, data):
    """Return minus the change of the weights in one step, over the learning rate."""
    before = weights_of(model, name)
    model.fit(*data, batch_size=len(data[0]), verbose=0)
    after = weights_of(model, name)
    return [(b - a) / RATE for b, a in zip(before, after, strict=True)]


def set_weights(model, name, weights):
    for variable, value in zip(getattr(model, name).weights, weights, strict=True):
        variable.assign(value)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradient_is_that_of_the_networks_own_loss(make_descending, make_data, name):
    data, model = make_data(), make_descending()
    start = weights_of(model, name)
    gradient = gradient_of(make_descending(), name, data)
    length = np.sqrt(sum((g**2).sum() for g in gradient))
    step = 5e-4
    losses = []
    for sign in (1, -1):
        moved = [w + sign * step * g / length for w, g in zip(start, gradient, strict=True)]
        set_weights(model, name, moved)
        losses.append(model.evaluate(*data, verbose=0, return_dict=True)[f"{name}_loss"])

    assert (losses[0] - losses[1]) / (2 * step) == pytest.approx(length, rel=2e-2)


@pytest.mark.parametrize(("name", "other"), [NETWORKS, NETWORKS[::-1]])
def test_both_start_from_the_same_weights(make_descending, make_data, name, other):
    """Freezing one network changes nothing for the other, in the step in which both would move."""
    data = make_data()
    together = gradient_of(make_descending(), name, data)
    alone = gradient_of(make_descending(frozen=(other,)), name, data)

    for one, two in zip(together, alone, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_frozen_network_stays(make_descending, make_data, name):
    assert not any(g.any() for g in gradient_of(make_descending((name,)), name, make_data()))


def test_lambda_weighs_the_l1_gradient(make_descending, make_data):
    data = make_data()
    none, one, three = (
        np.concatenate(
            [g.ravel() for g in gradient_of(make_descending(lambda_l1=value), "generator", data)]
        )
        for value in (0.0, 1.0, 3.0)
    )

    np.testing.assert_allclose(three - none, 3 * (one - none), rtol=1e-2, atol=1e-3)
    assert np.abs(one - none).max() > 1e-2


def test_lambda_is_nothing_to_the_discriminator(make_descending, make_data):
    data = make_data()
    weak, strong = (
        gradient_of(make_descending(lambda_l1=value), "discriminator", data) for value in (0, 100)
    )

    for one, two in zip(weak, strong, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-4)
