"""The training step on TensorFlow."""

import keras
import tensorflow as tf


def train_step(model, data):
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    variables = model.trainable_variables

    def differentiate():
        with tf.GradientTape() as tape:
            y_pred = model(x, training=True)
            loss = model.compute_loss(x, y, y_pred, sample_weight)
        return loss, y_pred, tape.gradient(loss, variables)

    steps = model.ascent(differentiate()[-1])
    for variable, step in zip(variables, steps, strict=True):
        variable.assign_add(step)
    loss, y_pred, gradients = differentiate()
    for variable, step in zip(variables, steps, strict=True):
        variable.assign_sub(step)
    model.optimizer.apply(gradients, variables)
    return model.report(loss, x, y, y_pred, sample_weight)
