"""The mean repulsion of a density in one orbital, from the solver's own table of integrals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.coulomb import ParityBlock, interaction_table
from keras_qd.physics.interactions import as_interaction
from keras_qd.physics.sine_basis import SineBasis, cosine_matrix
from keras_qd.physics.solver import Solver

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Hartree:
    """Mean repulsion of N electrons in one orbital, less that of each with itself: (N - 1) / N.

    Parameters
    ----------
    basis : SineBasis
        Functions that the orbital is expanded in.
    orbital : ndarray, shape (n_pixels, n_pixels)
        The orbital at the pixel centres, in a box that is pi long.
    solver : Solver
        Whose box, electrons and interaction are taken.
    """

    basis: SineBasis
    orbital: Array
    solver: Solver

    def potential(self) -> Array:
        """Potential of N electrons in the orbital at the pixel centres, in Ha*."""
        n_max = self.basis.n_max
        cosines = np.zeros((2 * n_max + 1) ** 2)
        density = self._cosines(self.solver.n_electrons * self.orbital[None] ** 2)[0]
        for block in self._table:
            cosines[block.places] = block.factor @ (block.factor.T @ density[block.places])
        squares = cosines.reshape(2 * n_max + 1, -1)
        norms = np.where(np.arange(2 * n_max + 1) == 0, np.pi, np.pi / 2)
        functions = cosine_matrix(2 * n_max, self.basis.n_pixels) / norms
        return np.asarray(self._factor * (functions @ squares @ functions.T))

    def kernel(self) -> Array:
        """Matrix of ``phi f phi`` between the sine functions, in Ha*."""
        matrix = np.zeros((self.basis.kinetic.size,) * 2)
        if not self._table:
            return matrix
        b, a = self.basis.half_waves.T - 1
        sines = self.basis.sines
        fields = sines.T[b][:, :, None] * sines.T[a][:, None, :] * self.orbital
        cosines = self._cosines(fields)
        for block in self._table:
            half = cosines[:, block.places] @ block.factor
            matrix += half @ half.T
        return matrix * self._factor

    @cached_property
    def _table(self) -> tuple[ParityBlock, ...]:
        interaction = as_interaction(self.solver.interaction)
        if self._factor == 0 or interaction.name == "none":
            return ()
        return interaction_table(interaction.scaled(self._unit), self.basis.n_max)

    @property
    def _unit(self) -> float:
        return np.pi / self.solver.box.length

    @property
    def _factor(self) -> float:
        return (1 - 1 / self.solver.n_electrons) * self.solver.strength * self._unit

    def _cosines(self, fields: Array) -> Array:
        """Cosine coefficients, shape (m, (2 n_max + 1)^2), of products of two sine functions."""
        n_pixels, highest = self.basis.n_pixels, 2 * self.basis.n_max
        averages = cosine_matrix(highest, n_pixels) * (2 / n_pixels)
        averages[:, 0] /= 2
        # What the grid cannot tell from a slower cosine is not counted twice.
        averages[:, n_pixels:] = 0.0
        return np.asarray(averages.T @ fields @ averages).reshape(len(fields), -1)
