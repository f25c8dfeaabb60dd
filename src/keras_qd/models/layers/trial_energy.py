"""The energy of a trial state: a readout that cannot be far off where the state is nearly right."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

#: First value of the roughness weights: low, so that an untrained network is not far off.
_FIRST_ROUGHNESS = 0.05


@keras.saving.register_keras_serializable(package="keras_qd")
class TrialEnergy(keras.layers.Layer):
    r"""Energy that a potential gives a trial state between two walls, with a learned kinetic part.

    .. math::

        E = \sum_i V_i \psi_i^2 + \sum_k (k a_k c_k)^2, \qquad
        \psi_i = \sqrt{\tfrac{2}{n + 1}} \sum_k c_k \sin \frac{\pi k i}{n + 1}, \qquad
        c_k \propto \frac{1}{k} \sum_i \sin \frac{\pi k i}{n + 1} f_i, \quad \sum_k c_k^2 = 1

    The trial state :math:`f` comes from a network, and the weights :math:`a_k` are trained: the
    layer is told neither the electron's mass nor the length of the line. By the variational
    principle the error of a ground-state energy is of second order in that of the state, so a
    network that finds states to a per cent finds energies to a hundredth of that. Adding a constant
    to the potential adds it to the energy.

    Parameters
    ----------
    modes : int
        Sine functions that the state is made of.
    **options
        Options of :class:`keras.layers.Layer`.

    Notes
    -----
    A network that has learnt the kinetic energy of an electron has found
    :math:`a_k = \pi / (\sqrt{2} L)` for all k that matter.
    """

    def __init__(self, modes: int, **options: Any) -> None:
        super().__init__(**options)
        self.modes = modes

    def build(self, trial_shape: tuple[Any, ...], potential_shape: Any) -> None:
        """Create the weights for states and potentials of shape (n, points)."""
        points = trial_shape[-1]
        modes = np.arange(1, self.modes + 1)
        places = np.arange(1, points + 1)[:, None]
        sines = np.sqrt(2 / (points + 1)) * np.sin(np.pi * places * modes / (points + 1))
        self._sines = sines.astype("float32")
        self._modes = modes.astype("float32")
        self.roughness = self.add_weight(
            name="roughness",
            shape=(self.modes,),
            initializer=keras.initializers.Constant(_FIRST_ROUGHNESS),
        )

    def call(self, trial: Any, potential: Any) -> Any:
        """Return the energies, shape (n, 1), of trial states in potentials of shape (n, points)."""
        sines = ops.cast(ops.convert_to_tensor(self._sines), trial.dtype)
        modes = ops.cast(ops.convert_to_tensor(self._modes), trial.dtype)
        coefficients = ops.matmul(trial, sines) / modes
        norm = ops.sum(ops.square(coefficients), axis=-1, keepdims=True)
        coefficients = coefficients / ops.sqrt(norm + keras.config.epsilon() ** 2)
        state = ops.matmul(coefficients, ops.transpose(sines))
        kinetic = ops.square(coefficients * self.roughness * modes)
        return ops.sum(potential * ops.square(state), axis=-1, keepdims=True) + ops.sum(
            kinetic, axis=-1, keepdims=True
        )

    def compute_output_shape(self, trial_shape: Any, potential_shape: Any) -> tuple[Any, int]:
        """Return the shape of the energies."""
        return (trial_shape[0], 1)

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same layer again."""
        return {**super().get_config(), "modes": self.modes}
