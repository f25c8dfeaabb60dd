"""The energy of two trial states: a readout that is nearly right where one of them is."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

#: First value of the roughness weights: low, so that an untrained network is not far off.
_FIRST_ROUGHNESS = 0.05

#: Squares that keep quotients and roots smooth where the two states or their energies are the same.
_LEAST_NORM = 1e-6
_LEAST_GAP = 1e-9


@keras.saving.register_keras_serializable(package="keras_qd")
class TrialEnergy(keras.layers.Layer):
    r"""Lowest energy of an electron in the span of two trial states, with a learned kinetic part.

    .. math::

        E = \min_{\psi \in \mathrm{span}(\psi^1, \psi^2)} \Big[ \sum_i V_i \psi_i^2 +
            \sum_k (k a_k c_k)^2 \Big], \qquad
        \psi_i = \sqrt{\tfrac{2}{n + 1}} \sum_k c_k \sin \frac{\pi k i}{n + 1}, \qquad
        \sum_k c_k^2 = 1

    The potential is taken at the nodes of the sine functions, as in their discrete-variable
    representation [1]_, and the minimum is the lower root of a linear variational problem [2]_.
    The trial states come from a network: :math:`c_k` is the share of the k-th sine function in what
    the network gives, over k. The weights :math:`a_k` are trained: the layer is told neither the
    electron's mass nor the length of the line. By the variational principle the error of a
    ground-state energy is of second order in that of the state, so a network that finds states to a
    per cent finds energies to a hundredth of that. Two states, since the electron may change from
    one well to another with the least change of the potential. Adding a constant to the potential
    adds it to the energy.

    Parameters
    ----------
    modes : int
        Sine functions that the states are made of.
    **options
        Options of :class:`keras.layers.Layer`.

    Notes
    -----
    A network that has learnt the kinetic energy of an electron has found
    :math:`a_k = \pi / (\sqrt{2} L)` for all k that matter.

    References
    ----------
    .. [1] D. T. Colbert and W. H. Miller, "A novel discrete variable representation for quantum
       mechanical reactive scattering via the S-matrix Kohn method", J. Chem. Phys. 96, 1982 (1992),
       https://doi.org/10.1063/1.462100
    .. [2] A. Szabo and N. S. Ostlund, "Modern Quantum Chemistry" (Dover, 1996), section 1.3,
       ISBN 978-0-486-69186-2
    """

    def __init__(self, modes: int, **options: Any) -> None:
        super().__init__(**options)
        self.modes = modes

    def build(self, trial_shape: tuple[Any, ...], potential_shape: Any) -> None:
        """Create the weights for states (n, points, 2) and potentials (n, points)."""
        points = trial_shape[1]
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
        """Return energies (n, 1) from trial states (n, points, 2) and potentials (n, points)."""
        first, second = (self._coefficients(trial[..., place]) for place in (0, 1))
        second = _normalized(second - _product(first, second) * first)
        one, two = (self._applied(each, potential) for each in (first, second))
        return _lower_level(_product(first, one), _product(second, two), _product(first, two))

    def _coefficients(self, trial: Any) -> Any:
        """Return the shares of the sine functions in a state, shape (n, modes)."""
        return _normalized(ops.divide(ops.matmul(trial, self._sines), self._modes))

    def _applied(self, coefficients: Any, potential: Any) -> Any:
        """Return the Hamiltonian applied to a state, as shares of the sine functions."""
        state = ops.matmul(coefficients, self._sines.T)
        kinetic = ops.square(ops.multiply(self.roughness, self._modes)) * coefficients
        return kinetic + ops.matmul(potential * state, self._sines)

    def compute_output_shape(self, trial_shape: Any, potential_shape: Any) -> tuple[Any, int]:
        """Return the shape of the energies."""
        return (trial_shape[0], 1)

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same layer again."""
        return {**super().get_config(), "modes": self.modes}


def _product(one: Any, other: Any) -> Any:
    return ops.sum(one * other, axis=-1, keepdims=True)


def _normalized(coefficients: Any) -> Any:
    return coefficients / ops.sqrt(_product(coefficients, coefficients) + _LEAST_NORM)


def _lower_level(first: Any, second: Any, coupling: Any) -> Any:
    """Return the lower eigenvalue of a symmetric matrix of two rows."""
    half_gap = 0.5 * (first - second)
    # The root has no slope at zero, where the levels cross.
    root = ops.sqrt(ops.square(half_gap) + ops.square(coupling) + _LEAST_GAP)
    return 0.5 * (first + second) - root
