"""The training step on TensorFlow: one tape, two gradients."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


def train_step(model: Any, data: Any) -> dict[str, Any]:
    """Update generator and discriminator from one batch."""
    # Under tf.distribute every replica processes its own part of the batch.
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    adversaries = model.adversaries()
    with tf.GradientTape(persistent=True) as tape:
        y_pred = model(x, training=True)
        losses = model.compute_losses(x, y, y_pred, sample_weight)
        scaled = [
            adversary.optimizer.scale_loss(loss)
            for adversary, loss in zip(adversaries, losses, strict=True)
        ]
    gradients = [
        tape.gradient(loss, adversary.variables)
        for adversary, loss in zip(adversaries, scaled, strict=True)
    ]
    for adversary, own in zip(adversaries, gradients, strict=True):
        if own:
            _apply(model, adversary, own)
    model.update_average()
    model.optimizer.iterations.assign_add(1)
    logs: dict[str, Any] = model.report(losses[0], x, y, y_pred, sample_weight)
    return logs


def _apply(model: Any, adversary: Any, gradients: list[Any]) -> None:
    """Update one network if it is due."""
    if model.n_replicas > 1:
        _apply_to_replicas(model, adversary, gradients)
        return
    clipped = model.clip(gradients, adversary.optimizer)

    def move() -> None:
        adversary.optimizer.apply(clipped, adversary.variables)

    if adversary.every == 1:
        move()
    else:
        tf.cond(adversary.is_due(model.optimizer.iterations), move, lambda: None)


def _apply_to_replicas(model: Any, adversary: Any, gradients: list[Any]) -> None:
    """Update one network, if it is due, with the mean of the replicas' gradients."""
    context = tf.distribute.get_replica_context()
    gradients = context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
    gradients = model.clip(gradients, adversary.optimizer)
    gradients = [each / model.n_replicas for each in gradients]  # Keras adds them up
    if adversary.every == 1:
        _move_replica(adversary, gradients)
        return
    due = adversary.is_due(model.optimizer.iterations)
    # All replicas must take a branch that updates their variables together.
    context.merge_call(_apply_together, args=(adversary, due, gradients))


def _apply_together(strategy: Any, adversary: Any, due: Any, gradients: Any) -> None:
    due = strategy.experimental_local_results(due)[0]

    def move() -> None:
        strategy.extended.call_for_each_replica(_move_replica, args=(adversary, gradients))

    tf.cond(due, move, lambda: None)


def _move_replica(adversary: Any, gradients: list[Any]) -> None:
    adversary.optimizer.apply(gradients, adversary.variables)
