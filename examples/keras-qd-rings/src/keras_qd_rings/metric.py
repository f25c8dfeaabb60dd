"""A metric: how far the centre of the density around the ring is off."""

import keras
import numpy as np

from keras_qd.metrics import FieldMetric


@keras.saving.register_keras_serializable(package="keras_qd_rings")
class MomentError(FieldMetric):
    """Mean over systems of the error of the first circular moment, relative to the charge."""

    default_name = "ring-moment-error"
    title = "Moment error"
    unit = ""
    suits = ("lines",)

    def values(self, xp, y, p):
        angles = 2 * np.pi * xp.cumsum(xp.ones_like(y), axis=1) / y.shape[1]
        real = xp.sum((p - y) * xp.cos(angles), axis=1)
        imaginary = xp.sum((p - y) * xp.sin(angles), axis=1)
        return xp.sqrt(real**2 + imaginary**2) / xp.sum(xp.abs(y), axis=1)
