"""The training step on TensorFlow: one tape, read twice."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


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
    with tf.GradientTape(persistent=True) as tape:
        y_pred = model(x, training=True)
        losses = model.compute_losses(x, y, y_pred, sample_weight)
        scaled = [model.optimizer.scale_loss(loss) for loss in losses]
    networks = (model.generator.trainable_variables, model.discriminator.trainable_variables)
    gradients = [
        tape.gradient(loss, variables) for loss, variables in zip(scaled, networks, strict=True)
    ]
    model.optimizer.apply(gradients[0] + gradients[1], networks[0] + networks[1])
    logs: dict[str, Any] = model.report(losses[0], x, y, y_pred, sample_weight)
    return logs
