"""Adam on TensorFlow in one pass over memory, where Keras takes nine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_qd.models.steps.plain_adam import is_plain_adam


def apply(optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
    r"""Move variables along their gradients, as ``optimizer.apply`` does.

    Where Keras adds :math:`(1 - \beta_2) (g^2 - v)` to :math:`v`, the kernel takes :math:`b`,
    which is :math:`\beta_2` in single precision. After t steps its :math:`v` is about
    :math:`s = (1 - b^t) / (1 - \beta_2^t)` times that of Keras, at first 1 - 1.3e-5 times where
    :math:`\beta_2` is 0.999. It moves by :math:`\alpha_t m / (\sqrt v + \epsilon)` as Keras does
    once :math:`\alpha_t` and :math:`\epsilon` are multiplied by :math:`\sqrt s`.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Built. All but a plain Adam applies the gradients itself.
    gradients : sequence of tf.Tensor
        One for each variable.
    variables : sequence of keras.Variable
        What they belong to, on one device.
    """
    if not is_plain_adam(optimizer, gradients, variables):
        optimizer.apply(gradients, variables)
        return
    step = tf.cast(optimizer.iterations + 1, "float32")
    root = tf.cast(_root_of_s(optimizer.beta_2, step), "float32")
    settings = {
        "beta1_power": tf.pow(tf.constant(optimizer.beta_1, "float32"), step),
        "beta2_power": tf.pow(tf.constant(optimizer.beta_2, "float32"), step),
        "lr": tf.convert_to_tensor(optimizer.learning_rate) * root,
        "beta1": optimizer.beta_1,
        "beta2": optimizer.beta_2,
        "epsilon": optimizer.epsilon * root,
    }
    for variable, gradient in zip(variables, gradients, strict=True):
        index = optimizer._get_variable_index(variable)
        moments = (optimizer._momentums[index], optimizer._velocities[index])
        var, m, v = (each.value.handle for each in (variable, *moments))
        tf.raw_ops.ResourceApplyAdam(var=var, m=m, v=v, grad=gradient, **settings)
    optimizer.iterations.assign_add(1)


def _root_of_s(beta: float, step: Any) -> Any:
    """Return the root of s in double precision, in which it is not lost to rounding."""
    single, double = (tf.constant(float(each), "float64") for each in (np.float32(beta), beta))
    count = tf.cast(step, "float64")
    return tf.sqrt((1 - single**count) / (1 - double**count))
