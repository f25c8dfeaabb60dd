"""What the orbitals of a small basis lack of shorter waves, to first order."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from keras_qd.physics.sine_basis import SineBasis, sine_matrix

#: In Ha*: the waves left out lie so far above the orbitals, or are taken to.
_LEAST_DISTANCE = 1.0


class ShortWaves:
    r"""Add to orbitals the waves up to half as long as the shortest of their basis.

    What is left out is coupled to the orbitals to first order, by Loewdin's partitioning [1]_, with
    the mean of the potential in the place of that of each wave:

    .. math:: \phi \to \phi + \sum_q
              \frac{\langle q | V | \phi \rangle}{\epsilon - \bar V - q^2 / 2} |q\rangle

    Parameters
    ----------
    basis : SineBasis
        What the orbitals are made of.
    box_length : float
        Side of the box, in a0*.

    References
    ----------
    .. [1] P.-O. Loewdin, "A note on the quantum-mechanical perturbation theory", J. Chem. Phys. 19,
       1396 (1951), https://doi.org/10.1063/1.1748067
    """

    def __init__(self, basis: SineBasis, box_length: float) -> None:
        self._points = basis.n_pixels
        self._area = (box_length / basis.n_pixels) ** 2
        order = np.arange(1, 2 * basis.n_max + 1)
        # Orthonormal on the pixels.
        waves = np.sqrt(np.pi / basis.n_pixels) * sine_matrix(2 * basis.n_max, basis.n_pixels)
        self._waves = waves.astype("float32")
        squares = (np.pi / box_length * order) ** 2
        self._kinetic = (0.5 * (squares[:, None] + squares)).astype("float32")
        self._left_out = np.ones_like(self._kinetic)
        b, a = basis.half_waves.T - 1
        self._left_out[b, a] = 0.0

    def added(self, potential: Any, levels: Any, orbitals: Any) -> Any:
        """Return orbitals with their shorter waves, normalised.

        Parameters
        ----------
        potential : tensor, shape (n, points, points)
            In Ha*.
        levels : tensor, shape (n, m)
            Energies of the orbitals, in Ha*.
        orbitals : tensor, shape (n, points^2, m)
            At the pixels, in 1/a0*.
        """
        m, points = levels.shape[1], self._points
        images = ops.reshape(ops.transpose(orbitals, (0, 2, 1)), (-1, m, points, points))
        driven = ops.matmul(potential[:, None] * images, self._waves)
        driven = ops.matmul(ops.transpose(self._waves), driven)
        mean = ops.mean(potential, axis=(1, 2))[:, None, None, None]
        distance = ops.add(mean - levels[:, :, None, None], self._kinetic)
        shares = -ops.multiply(driven, self._left_out) / ops.maximum(distance, _LEAST_DISTANCE)
        size = ops.sqrt(1.0 + self._area * ops.sum(ops.square(shares), axis=(2, 3)))
        more = ops.matmul(ops.matmul(self._waves, shares), ops.transpose(self._waves))
        more = ops.transpose(ops.reshape(more, (-1, m, points**2)), (0, 2, 1))
        return (orbitals + more) / size[:, None]
