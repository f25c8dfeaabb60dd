"""The training step on JAX: one forward pass, two vector-Jacobian products."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras


def train_step(model: Any, state: Any, data: Any) -> tuple[dict[str, Any], Any]:
    """Update generator and discriminator from one batch, without side effects."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    trainable, others, optimizer_state, metrics_state = state
    fixed = [
        *zip(model.non_trainable_variables, others, strict=True),
        *zip(model.optimizer.variables, optimizer_state, strict=True),
        *zip(model.metrics_variables, metrics_state, strict=True),
    ]
    adversaries = model.adversaries()

    def forward(trainable: Any) -> Any:
        mapping = [*zip(model.trainable_variables, trainable, strict=True), *fixed]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            y_pred = model(x, training=True)
            losses = model.compute_losses(x, y, y_pred, sample_weight)
            scaled = [
                adversary.optimizer.scale_loss(loss)
                for adversary, loss in zip(adversaries, losses, strict=True)
            ]
            logs = model.report(losses[0], x, y, y_pred, sample_weight)
        others = [scope.get_current_value(v) for v in model.non_trainable_variables]
        metrics = [scope.get_current_value(v) for v in model.metrics_variables]
        return scaled, (logs, others, metrics)

    scaled, pull_back, (logs, others, metrics_state) = jax.vjp(forward, trainable, has_aux=True)
    one, zero = jnp.ones_like(scaled[0]), jnp.zeros_like(scaled[0])
    n_generator = len(adversaries[0].variables)
    gradients = (pull_back([one, zero])[0][:n_generator], pull_back([zero, one])[0][n_generator:])
    start = [
        *zip(model.trainable_variables, trainable, strict=True),
        *zip(model.non_trainable_variables, others, strict=True),
        *zip(model.optimizer.variables, optimizer_state, strict=True),
    ]
    with keras.StatelessScope(state_mapping=start) as scope:
        for adversary, own in zip(adversaries, gradients, strict=True):
            _apply(model, adversary, own, scope)
        model.update_average()
        model.optimizer.iterations.assign_add(1)
    after = [
        [scope.get_current_value(v) for v in variables]
        for variables in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
        )
    ]
    return logs, (*after, metrics_state)


def _apply(model: Any, adversary: Any, gradients: Any, scope: Any) -> None:
    """Update one network if it is due, in the scope that holds the state of both."""
    optimizer = adversary.optimizer
    values = [scope.get_current_value(v) for v in adversary.variables]
    state = [scope.get_current_value(v) for v in optimizer.variables]
    gradients = model.clip(gradients, optimizer)

    def move() -> Any:
        return optimizer.stateless_apply(state, gradients, values)

    if adversary.every == 1:
        values, state = move()
    else:
        due = adversary.is_due(model.optimizer.iterations)
        values, state = jax.lax.cond(due, move, lambda: (values, state))
    for variable, value in zip(
        [*adversary.variables, *optimizer.variables], [*values, *state], strict=True
    ):
        scope.add_update((variable, value))
