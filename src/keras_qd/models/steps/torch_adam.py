"""Adam on torch in one pass over memory, where Keras takes nine; on a CPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.optim.adam import adam

from keras_qd.models.steps.plain_adam import is_plain_adam


def apply(optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
    r"""Move variables along their gradients, as ``optimizer.apply`` does.

    After t steps Keras moves by :math:`\alpha_t m / (\sqrt v + \epsilon)`, and torch divides
    by :math:`\sqrt{v} / \sqrt{1 - \beta_2^t} + \epsilon` instead. Both agree when torch is given
    :math:`\epsilon / \sqrt{1 - \beta_2^t}`.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Built. All but a plain Adam applies the gradients itself, and so does every one on an
        accelerator, which would have to be asked for the count of steps.
    gradients : sequence of torch.Tensor
        In any order in memory.
    variables : sequence of keras.Variable
        What they belong to.
    """
    on_cpu = all(variable.value.device.type == "cpu" for variable in variables)
    plain = is_plain_adam(optimizer, gradients, variables)
    if torch.compiler.is_compiling() or not (on_cpu and plain and variables):
        optimizer.apply(gradients, variables)
        return
    count = int(optimizer.iterations)
    values = [variable.value for variable in variables]
    indices = [optimizer._get_variable_index(variable) for variable in variables]
    ordered = [_ordered_like(value, each) for value, each in zip(values, gradients, strict=True)]
    moments = (
        [_order_like(values[i], kept[index].value) for i, index in enumerate(indices)]
        for kept in (optimizer._momentums, optimizer._velocities)
    )
    adam(
        *([_as_it_lies(each) for each in tensors] for tensors in (values, ordered, *moments)),
        max_exp_avg_sqs=[],
        state_steps=[torch.tensor(float(count)) for _ in values],
        fused=True,
        foreach=False,
        amsgrad=False,
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        lr=_rate(optimizer, count + 1),
        weight_decay=0.0,
        eps=optimizer.epsilon / math.sqrt(1 - optimizer.beta_2 ** (count + 1)),
        maximize=False,
    )
    optimizer.iterations.assign_add(1)


def _rate(optimizer: Any, step: int) -> float:
    """Return the learning rate that makes torch's steps as long as those of Keras.

    Keras takes the powers of both betas in single precision: early on that is seen.
    """
    betas = (optimizer.beta_1, optimizer.beta_2)
    first, second = (float(1 - np.float32(b) ** np.float32(step)) / (1 - b**step) for b in betas)
    return float(optimizer.learning_rate) * float(math.sqrt(second) / first)


def _ordered_like(value: Any, gradient: Any) -> Any:
    """Return a gradient in the order in memory that a variable has."""
    if gradient.stride() == value.stride():
        return gradient
    return torch.empty_like(value).copy_(gradient)


def _order_like(value: Any, moment: Any) -> Any:
    """Store a moment in the order in memory that a variable has, for this step and all others."""
    if moment.stride() != value.stride():
        moment.data = torch.empty_like(value).copy_(moment)
    return moment


def _as_it_lies(tensor: Any) -> Any:
    """Return a view on all numbers in the order of memory, which the kernel need not copy."""
    return tensor.as_strided((tensor.numel(),), (1,))
