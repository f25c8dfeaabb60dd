"""The training step on torch: one graph, differentiated twice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import torch
from torch.optim.adam import adam


def train_step(model: Any, data: Any) -> dict[str, Any]:
    """Update generator and discriminator from one batch."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    adversaries = model.adversaries()
    for adversary in adversaries:
        _lay_out_kernels(adversary.variables)
    y_pred = model(x, training=True)
    losses = model.compute_losses(x, y, y_pred, sample_weight)
    gradients = [
        _gradients(adversary, loss, retain_graph=loss is losses[0])
        for adversary, loss in zip(adversaries, losses, strict=True)
    ]
    with torch.no_grad():
        for adversary, own in zip(adversaries, gradients, strict=True):
            # The number of the batch is read only where it matters: it may be on a GPU.
            if adversary.every == 1 or bool(adversary.is_due(model.optimizer.iterations)):
                clipped = model.clip(own, adversary.optimizer)
                apply_adam(adversary.optimizer, clipped, adversary.variables)
        model.update_average()
        model.optimizer.iterations.assign_add(1)
    logs: dict[str, Any] = model.report(losses[0].detach(), x, y, y_pred, sample_weight)
    return logs


def _gradients(adversary: Any, loss: Any, retain_graph: bool) -> list[Any]:
    """Return the gradient of a network's own loss, with the loss scale of its optimizer."""
    values = [variable.value for variable in adversary.variables]
    if not values:  # a frozen network
        return []
    scaled = adversary.optimizer.scale_loss(loss)
    return list(torch.autograd.grad(scaled, values, retain_graph=retain_graph))


def _lay_out_kernels(variables: list[Any]) -> None:
    """Store kernels (rows, columns, channels, filters) in the memory order of torch's on a CPU."""
    # Keras transposes kernels for torch, which would copy every kernel and gradient in each step.
    for variable in variables:
        value = variable.value
        if value.ndim != 4 or value.device.type != "cpu":
            continue
        kernel = value.data.permute(3, 2, 0, 1)
        if not kernel.is_contiguous():
            value.data = kernel.contiguous().permute(2, 3, 1, 0)


# Kept since with Keras' Adam a step of the task image-to-image takes 1.30 times the processor time.

#: Settings of Keras' optimizers that the kernel does not support.
_EXTRAS = (
    "amsgrad",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "gradient_accumulation_steps",
    "loss_scale_factor",
    "use_ema",
    "weight_decay",
)


def apply_adam(optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
    """Move variables along their gradients, as ``optimizer.apply`` does."""
    # After t steps Keras moves by alpha_t m / (sqrt(v) + epsilon), and torch divides by sqrt(v) /
    # sqrt(1 - beta_2^t) + epsilon instead: both agree when torch is given epsilon / sqrt(1 -
    # beta_2^t). Any other than a plain Adam on a CPU applies the gradients itself: reading the
    # number of steps from an accelerator would wait for it.
    on_cpu = all(variable.value.device.type == "cpu" for variable in variables)
    plain = _is_plain(optimizer, gradients, variables)
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


def _is_plain(optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any]) -> bool:
    """Return whether a step is Adam's formula in single precision, and nothing else."""
    kind = type(optimizer)
    if kind.__name__ != "Adam" or not kind.__module__.startswith("keras.src."):
        return False
    if any(getattr(optimizer, name) for name in _EXTRAS):
        return False
    return all(
        gradient is not None and variable.dtype == "float32" and variable.constraint is None
        for gradient, variable in zip(gradients, variables, strict=True)
    )


def _rate(optimizer: Any, step: int) -> float:
    """Return the learning rate with which torch's steps equal those of Keras."""
    # Keras computes the powers of both betas in single precision, which is visible at first.
    betas = (optimizer.beta_1, optimizer.beta_2)
    first, second = (float(1 - np.float32(b) ** np.float32(step)) / (1 - b**step) for b in betas)
    return float(optimizer.learning_rate) * float(math.sqrt(second) / first)


def _ordered_like(value: Any, gradient: Any) -> Any:
    """Return a gradient in the memory order of a variable."""
    if gradient.stride() == value.stride():
        return gradient
    return torch.empty_like(value).copy_(gradient)


def _order_like(value: Any, moment: Any) -> Any:
    """Store a moment in the memory order of a variable, once and for all."""
    if moment.stride() != value.stride():
        moment.data = torch.empty_like(value).copy_(moment)
    return moment


def _as_it_lies(tensor: Any) -> Any:
    """Return a flat view in memory order, which the kernel need not copy."""
    return tensor.as_strided((tensor.numel(),), (1,))
