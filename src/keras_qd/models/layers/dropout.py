"""Dropout whose random state is saved with the model."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="keras_qd")
class Dropout(keras.layers.Dropout):
    """Dropout that goes on with the same masks after a model is saved and loaded.

    Keras saves no seed states, so training that resumes from a saved model would draw other masks
    than training that never stopped. Takes the arguments of :class:`keras.layers.Dropout`; the rate
    is not zero.
    """

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Write the seed and the count of draws."""
        # A copy: a variable that is mirrored on several devices is no array.
        state = keras.ops.copy(self.seed_generator.state)
        store["seed"] = keras.ops.convert_to_numpy(state).astype(np.int64)

    def load_own_variables(self, store: dict[str, Any]) -> None:
        """Read what :meth:`save_own_variables` wrote."""
        self.seed_generator.state.assign(np.asarray(store["seed"]))
