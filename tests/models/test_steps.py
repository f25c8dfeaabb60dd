"""One step moves each network along the gradient of its own loss, both from the same start.

With plain gradient descent the change of the weights is the gradient, up to the learning rate.
"""

from functools import cache

import keras
import numpy as np
import pytest

from keras_qd.models.pix2pix import pix2pix

from .conftest import not_on_jax

RATE = 1e-2
GRID = (16, 16, 1)
NETWORKS = ("generator", "discriminator")


def make(frozen=None, lambda_l1=100.0):
    """Return a model without randomness or running statistics, under gradient descent."""
    model = pix2pix(
        GRID,
        filters=2,
        depth=2,
        discriminator_levels=1,
        dropout=0.0,
        normalization="instance",
        lambda_l1=lambda_l1,
        seed=0,
    )
    if frozen is not None:
        getattr(model, frozen).trainable = False
    model.compile(keras.optimizers.SGD(RATE))
    return model


def data():
    x = np.random.default_rng(5).standard_normal((4, *GRID)).astype("float32")
    return x, np.tanh(2 * x)


def weights_of(model, name):
    return [keras.ops.convert_to_numpy(v).copy() for v in getattr(model, name).weights]


@cache
def gradients(**settings):
    """Return minus the change of both networks' weights in one step, over the learning rate."""
    model = make(**settings)
    before = {name: weights_of(model, name) for name in NETWORKS}
    model.fit(*data(), batch_size=4, verbose=0)
    return {
        name: [(b - a) / RATE for b, a in zip(before[name], weights_of(model, name), strict=True)]
        for name in NETWORKS
    }


def test_gradients_are_those_of_the_networks_own_losses():
    model = make()
    # The generator's loss is a hundred times larger, and so is what single precision leaves of it.
    for name, step in (("generator", 2e-3), ("discriminator", 2e-4)):
        gradient = gradients()[name]
        start, length = weights_of(model, name), np.sqrt(sum((g**2).sum() for g in gradient))
        losses = []
        for sign in (1, -1, 0):
            for variable, w, g in zip(getattr(model, name).weights, start, gradient, strict=True):
                variable.assign(w + sign * step * g / length)
            losses.append(model.evaluate(*data(), verbose=0, return_dict=True)[f"{name}_loss"])
        assert (losses[0] - losses[1]) / (2 * step) == pytest.approx(length, rel=2e-2)


@pytest.mark.parametrize(("name", "other"), [NETWORKS, NETWORKS[::-1]])
def test_a_frozen_network_stays_and_changes_nothing_for_the_other(name, other):
    """So both start from the same weights in the step in which both move."""
    alone = gradients(frozen=other)
    assert not any(g.any() for g in alone[other])
    for one, two in zip(gradients()[name], alone[name], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-4)


@not_on_jax
def test_lambda_weighs_the_l1_gradient_of_the_generator_alone():
    none, half, whole = (
        {name: np.concatenate([g.ravel() for g in found[name]]) for name in NETWORKS}
        for found in (gradients(lambda_l1=0.0), gradients(lambda_l1=50.0), gradients())
    )
    slope = half["generator"] - none["generator"]
    np.testing.assert_allclose(
        whole["generator"] - none["generator"], 2 * slope, rtol=1e-2, atol=1e-2
    )
    assert np.abs(slope).max() > 0.1
    for other in (none, half):
        np.testing.assert_allclose(
            other["discriminator"], whole["discriminator"], rtol=1e-3, atol=1e-4
        )
