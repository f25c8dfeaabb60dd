"""The training step on torch."""

import keras
import torch


def train_step(model, data):
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    variables = model.trainable_variables

    def differentiate():
        y_pred = model(x, training=True)
        loss = model.compute_loss(x, y, y_pred, sample_weight)
        gradients = torch.autograd.grad(loss, [each.value for each in variables])
        return loss.detach(), y_pred, gradients

    steps = model.ascent(differentiate()[-1])
    with torch.no_grad():
        for variable, step in zip(variables, steps, strict=True):
            variable.assign_add(step)
    loss, y_pred, gradients = differentiate()
    with torch.no_grad():
        for variable, step in zip(variables, steps, strict=True):
            variable.assign_sub(step)
        model.optimizer.apply(gradients, variables)
    return model.report(loss, x, y, y_pred, sample_weight)
