"""The training step on JAX."""

import jax
import keras


def train_step(model, state, data):
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    trainable, others, optimizer, metrics = state

    def loss_of(trainable, others, metrics):
        mapping = [
            *zip(model.trainable_variables, trainable, strict=True),
            *zip(model.non_trainable_variables, others, strict=True),
            *zip(model.metrics_variables, metrics, strict=True),
        ]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            y_pred = model(x, training=True)
            loss = model.compute_loss(x, y, y_pred, sample_weight)
        others = [scope.get_current_value(each) for each in model.non_trainable_variables]
        metrics = [scope.get_current_value(each) for each in model.metrics_variables]
        return loss, (y_pred, others, metrics)

    differentiate = jax.value_and_grad(loss_of, has_aux=True)
    (_, (_, others, metrics)), gradients = differentiate(trainable, others, metrics)
    steps = model.ascent(gradients)
    moved = [value + step for value, step in zip(trainable, steps, strict=True)]
    (loss, (y_pred, others, metrics)), gradients = differentiate(moved, others, metrics)
    trainable, optimizer = model.optimizer.stateless_apply(optimizer, gradients, trainable)
    mapping = zip(model.metrics_variables, metrics, strict=True)
    with keras.StatelessScope(state_mapping=mapping) as scope:
        logs = model.report(loss, x, y, y_pred, sample_weight)
    metrics = [scope.get_current_value(each) for each in model.metrics_variables]
    return logs, (trainable, others, optimizer, metrics)
