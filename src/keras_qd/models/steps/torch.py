"""The training step on torch: one graph, differentiated twice."""

from __future__ import annotations

from typing import Any

import keras
import torch

from keras_qd.models.steps import torch_adam


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
                torch_adam.apply(adversary.optimizer, clipped, adversary.variables)
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
