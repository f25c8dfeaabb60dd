"""A backend's own Adam moves weights as Keras' Adam does, where a training step uses it."""

from importlib import import_module

import keras
import numpy as np
import pytest

BACKEND = keras.config.backend()
if BACKEND == "jax":
    pytest.skip("it compiles Keras' Adam into one pass", allow_module_level=True)

apply = import_module(f"keras_qd.models.steps.{BACKEND}_adam").apply

SHAPES = [(4, 4, 3, 5), (5,), (4, 4, 1, 2)]
SETTINGS = {"learning_rate": 0.01, "beta_1": 0.5, "beta_2": 0.9}


def gradients(step):
    """Return gradients of very different sizes, as tensors."""
    random = np.random.default_rng(step)
    arrays = [random.normal(size=shape) * 10.0 ** random.integers(-9, 1) for shape in SHAPES]
    return [keras.ops.convert_to_tensor(array.astype("float32")) for array in arrays]


def weights_after(apply, optimizer, reorder=lambda value: value):
    """Return weights, moments and the count after five steps from zero."""
    variables = [keras.Variable(np.zeros(shape, "float32")) for shape in SHAPES]
    optimizer.build(variables)
    for step in range(5):
        own = [reorder(each) for each in gradients(step)]
        apply(optimizer, own, variables)
    return [keras.ops.convert_to_numpy(v) for v in (*variables, *optimizer.variables)]


@pytest.mark.parametrize("beta_2", [0.9, 0.999])
@pytest.mark.parametrize("epsilon", [1e-7, 1e-2])
def test_weights_and_moments_are_those_of_keras(epsilon, beta_2):
    """With the larger epsilon it matters where in the formula it stands."""
    settings = {**SETTINGS, "beta_2": beta_2, "epsilon": epsilon}
    one, two = (keras.optimizers.Adam(**settings) for _ in range(2))
    expected = weights_after(lambda adam, own, variables: adam.apply(own, variables), one)
    found = weights_after(apply, two)

    assert len(found) == len(expected) == len(SHAPES) * 3 + 2
    velocities = range(len(SHAPES) + 3, len(found), 2)
    for index, (a, b) in enumerate(zip(found, expected, strict=True)):
        # TensorFlow's kernel takes 1 - beta_2 in single precision, and steps make up for it.
        rounded = BACKEND == "tensorflow" and index in velocities
        rtol = 2e-5 if rounded else 2e-6
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-7 * np.abs(b).max())


def test_the_place_of_epsilon_matters_in_these_tests():
    """What epsilon does at another place would be seen."""
    near, far = (
        weights_after(apply, keras.optimizers.Adam(epsilon=epsilon, **SETTINGS))
        for epsilon in (1e-2, 1e-2 / np.sqrt(1 - SETTINGS["beta_2"]))
    )
    assert np.abs(near[0] - far[0]).max() > 1e-4


@pytest.mark.skipif(BACKEND != "torch", reason="others keep arrays in one order")
def test_the_order_in_memory_does_not_matter():
    def turned(value):
        axes = tuple(reversed(range(value.ndim)))
        return value.permute(axes).contiguous().permute(axes)

    expected, found = (
        weights_after(apply, keras.optimizers.Adam(**SETTINGS), order)
        for order in (lambda value: value, turned)
    )
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "setting", [{"amsgrad": True}, {"weight_decay": 0.1}, {"clipnorm": 0.1}, {"use_ema": True}]
)
def test_another_adam_is_left_to_keras(setting):
    """The kernels know none of these settings."""
    one, two = (keras.optimizers.Adam(**SETTINGS, **setting) for _ in range(2))
    expected = weights_after(lambda adam, own, variables: adam.apply(own, variables), one)
    for a, b in zip(weights_after(apply, two), expected, strict=True):
        np.testing.assert_array_equal(a, b)
