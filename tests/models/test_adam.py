"""The Adam of the training step on torch moves weights as Keras' Adam does."""

import keras
import numpy as np
import pytest

if keras.config.backend() != "torch":
    pytest.skip("the other backends use Keras' Adam", allow_module_level=True)

from keras_qd.models.steps.torch import _is_plain, apply_adam

SHAPES = [(4, 4, 3, 5), (5,), (4, 4, 1, 2)]
SETTINGS = {"learning_rate": 0.01, "beta_1": 0.5, "beta_2": 0.9}


def gradients(step):
    """Return gradients of very different sizes, as tensors."""
    random = np.random.default_rng(step)
    arrays = [random.normal(size=shape) * 10.0 ** random.integers(-9, 1) for shape in SHAPES]
    return [keras.ops.convert_to_tensor(array.astype("float32")) for array in arrays]


def weights_after(update, optimizer, reorder=lambda value: value):
    """Return weights, moments and the count after five steps from zero."""
    variables = [keras.Variable(np.zeros(shape, "float32")) for shape in SHAPES]
    optimizer.build(variables)
    for step in range(5):
        own = [reorder(each) for each in gradients(step)]
        update(optimizer, own, variables)
    return [keras.ops.convert_to_numpy(v) for v in (*variables, *optimizer.variables)]


@pytest.mark.parametrize("beta_2", [0.9, 0.999])
@pytest.mark.parametrize("epsilon", [1e-7, 1e-2])
def test_weights_and_moments_are_those_of_keras(epsilon, beta_2):
    """With the larger epsilon it matters where in the formula it stands."""
    settings = {**SETTINGS, "beta_2": beta_2, "epsilon": epsilon}
    one, two = (keras.optimizers.Adam(**settings) for _ in range(2))
    expected = weights_after(lambda adam, own, variables: adam.apply(own, variables), one)
    found = weights_after(apply_adam, two)

    assert len(found) == len(expected) == len(SHAPES) * 3 + 2
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7 * np.abs(b).max())


def test_the_place_of_epsilon_matters_in_these_tests():
    """What epsilon does at another place would be seen."""
    near, far = (
        weights_after(apply_adam, keras.optimizers.Adam(epsilon=epsilon, **SETTINGS))
        for epsilon in (1e-2, 1e-2 / np.sqrt(1 - SETTINGS["beta_2"]))
    )
    assert np.abs(near[0] - far[0]).max() > 1e-4


def test_the_order_in_memory_does_not_matter():
    def turned(value):
        axes = tuple(reversed(range(value.ndim)))
        return value.permute(axes).contiguous().permute(axes)

    expected, found = (
        weights_after(apply_adam, keras.optimizers.Adam(**SETTINGS), order)
        for order in (lambda value: value, turned)
    )
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "setting", [{"amsgrad": True}, {"weight_decay": 0.1}, {"clipnorm": 0.1}, {"use_ema": True}]
)
def test_another_adam_is_left_to_keras(setting):
    """The kernel knows none of these settings."""
    one, two = (keras.optimizers.Adam(**SETTINGS, **setting) for _ in range(2))
    expected = weights_after(lambda adam, own, variables: adam.apply(own, variables), one)
    for a, b in zip(weights_after(apply_adam, two), expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_only_keras_own_adam_is_plain():
    variable = keras.Variable(np.zeros(2, "float32"))
    gradient = keras.ops.zeros(2)

    class Mine(keras.optimizers.Adam):
        """May do something else."""

    for optimizer, expected in (
        (keras.optimizers.Adam(), True),
        (keras.optimizers.AdamW(), False),
        (keras.optimizers.SGD(), False),
        (keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), False),
        (Mine(), False),
    ):
        assert _is_plain(optimizer, [gradient], [variable]) == expected
    assert not _is_plain(keras.optimizers.Adam(), [None], [variable])
