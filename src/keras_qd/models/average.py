"""An exponential average of a network's weights, kept in a second network."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def average_of(network: keras.Model) -> keras.Model:
    """Return a copy of a network, which is not trained, to hold the average of its weights.

    Parameters
    ----------
    network : keras.Model
        That its own configuration makes again.
    """
    average = type(network).from_config(network.get_config())
    average.set_weights(network.get_weights())
    average.trainable = False
    return average


def move_average(average: keras.Model, network: keras.Model, decay: float, batch: Any) -> None:
    r"""Make every weight of the average :math:`d a + (1 - d) w`; see `keras_qd.models.Pix2Pix`.

    Parameters
    ----------
    average, network : keras.Model
        With the weights a, and with the weights w.
    decay : float
        In the end; :math:`d = \min(\mathrm{decay}, (1 + t) / (10 + t))`.
    batch : scalar tensor
        How many batches t were before this one.
    """
    batch = ops.cast(batch, "float32")
    decay = ops.minimum(decay, (1.0 + batch) / (10.0 + batch))
    for mean, value in zip(average.weights, network.weights, strict=True):
        mean.assign(decay * mean + (1.0 - decay) * value)
