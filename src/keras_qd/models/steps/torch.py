"""The training step on torch: one graph, differentiated twice."""

from __future__ import annotations

from typing import Any

import keras
import torch


def train_step(model: Any, data: Any) -> dict[str, Any]:
    """Update generator and discriminator from one batch.

    Parameters
    ----------
    model : Pix2Pix
        Compiled.
    data : tuple
        (x, y) or (x, y, sample_weight).

    Returns
    -------
    dict
        Name -> value of every metric.
    """
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    y_pred = model(x, training=True)
    losses = model.compute_losses(x, y, y_pred, sample_weight)
    networks = (model.generator.trainable_variables, model.discriminator.trainable_variables)
    gradients = []
    for loss, variables in zip(losses, networks, strict=True):
        scaled = model.optimizer.scale_loss(loss)
        values = [variable.value for variable in variables]
        if values:  # none in a frozen network
            gradients += torch.autograd.grad(scaled, values, retain_graph=loss is losses[0])
    with torch.no_grad():
        model.optimizer.apply(gradients, networks[0] + networks[1])
    logs: dict[str, Any] = model.report(losses[0].detach(), x, y, y_pred, sample_weight)
    return logs
