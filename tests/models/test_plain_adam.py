"""Which optimizers a backend's own Adam may stand for."""

import keras
import numpy as np

from keras_qd.models.steps.plain_adam import is_plain_adam


def test_only_keras_own_adam_is_plain():
    variable = keras.Variable(np.zeros(2, "float32"))
    gradient = keras.ops.zeros(2)

    class Mine(keras.optimizers.Adam):
        """May do something else."""

    for optimizer, expected in (
        (keras.optimizers.Adam(), True),
        (keras.optimizers.AdamW(), False),
        (keras.optimizers.SGD(), False),
        (keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), False),
        (Mine(), False),
    ):
        assert is_plain_adam(optimizer, [gradient], [variable]) == expected
    assert not is_plain_adam(keras.optimizers.Adam(), [None], [variable])
