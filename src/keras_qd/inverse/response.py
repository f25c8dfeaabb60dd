r"""Response of the density to the potential in a model with one orbital, regularised.

The density n of N electrons defines the orbital :math:`\phi = \sqrt{n / N}`, the ground state
[1]_ of

.. math:: (-\tfrac12 \nabla^2 + v_s)\,\phi = e\,\phi, \qquad
          v_s = V + \tfrac{N - 1}{N} v_H[n] + \pi (1 - 2 / N)_+\, n .

For N = 1 that is Schroedinger's equation, for a singlet of two electrons the exact Kohn-Sham
equation with exact exchange and without correlation; for more, the last term is the kinetic energy
of a two-dimensional electron gas, :math:`\tfrac{\pi}{2} \int n^2` by Thomas and Fermi [2]_, beyond
that of the orbital: none of it for two electrons in one orbital and all of it for many, hence the
factor 1 - 2 / N, the leading one in [3]_. The equation gives both the potential to start from and
a linear response, exact for one electron, which preconditions the steps,

.. math:: \delta\phi = -(h - e + 2 N \phi f \phi)^{-1} Q\, \phi\, \delta V ,

f the kernel of the terms that depend on n and Q the projector on all that is orthogonal to
:math:`\phi`. This is the equation to first order, :math:`(h - e)\, \delta\phi = -Q\, \delta v_s
\phi` [4]_, with :math:`\delta v_s = \delta V + f\, \delta n` and :math:`\delta n = 2 N \phi\,
\delta\phi`. Both are inverted by least squares over smooth potentials, with a small penalty on
rough ones: where the density is too small to determine the potential, it is smooth.

References
----------
.. [1] M. Levy, J. P. Perdew and V. Sahni, "Exact differential equation for the density and
   ionization energy of a many-particle system", Phys. Rev. A 30, 2745 (1984),
   https://doi.org/10.1103/PhysRevA.30.2745
.. [2] G. F. Giuliani and G. Vignale, "Quantum Theory of the Electron Liquid" (Cambridge University
   Press, 2005), chapter 1, ISBN 978-0-521-82112-4 (the energy of two-dimensional electrons)
.. [3] J. L. Gazquez and J. Robles, "On the atomic kinetic energy functionals with full Weizsacker
   correction", J. Chem. Phys. 76, 1467 (1982)
.. [4] S. Baroni, S. de Gironcoli, A. Dal Corso and P. Giannozzi, "Phonons and related crystal
   properties from density-functional perturbation theory", Rev. Mod. Phys. 73, 515 (2001),
   https://doi.org/10.1103/RevModPhys.73.515
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dstn
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

from keras_qd.physics.box import Box
from keras_qd.physics.integrals import ParityBlock, interaction_table
from keras_qd.physics.interactions import as_interaction
from keras_qd.physics.sine_basis import SineBasis, cosine_matrix, sine_basis
from keras_qd.physics.solver import Solver

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """Fields ``sum_pq c_pq cos(p pi x / L) cos(q pi y / L)``, ``p^2 + q^2 <= half_waves^2``."""

    half_waves: int
    n_pixels: int

    @cached_property
    def orders(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Half waves q along y and p along x of each cosine; the constant comes first."""
        q, p = np.mgrid[0 : self.half_waves + 1, 0 : self.half_waves + 1]
        inside = q**2 + p**2 <= self.half_waves**2
        return q[inside], p[inside]

    @property
    def cosines(self) -> Array:
        """cos(p x_i), shape (n_pixels, half_waves + 1)."""
        return cosine_matrix(self.half_waves, self.n_pixels)

    @cached_property
    def roughness(self) -> Array:
        """Weight ``(1 + (p^2 + q^2) / 16)^2`` of each cosine in the penalty on rough potentials."""
        q, p = self.orders
        return np.asarray((1 + (q**2 + p**2) / 16) ** 2, dtype=np.float64)

    def coefficients(self, field: Array) -> Array:
        """Coefficients of a field's projection on the band."""
        squares = self.cosines.T @ field @ self.cosines * (2 / self.n_pixels) ** 2
        squares[0] /= 2
        squares[:, 0] /= 2
        return np.asarray(squares[self.orders])

    def moments(self, density: Array, box: Box) -> Array:
        """Integrals of a density times each cosine."""
        squares = self.cosines.T @ density @ self.cosines * box.pixel_area(self.n_pixels)
        return np.asarray(squares[self.orders])

    def field(self, coefficients: Array) -> Array:
        """Evaluate at the pixel centres, shape (n_pixels, n_pixels)."""
        squares = np.zeros((self.half_waves + 1, self.half_waves + 1))
        squares[self.orders] = coefficients
        return np.asarray(self.cosines @ squares @ self.cosines.T)


@dataclass(frozen=True)
class Hartree:
    """Mean repulsion of N electrons in one orbital, without self-interaction: (N - 1) / N."""

    basis: SineBasis
    orbital: Array
    solver: Solver

    def potential(self) -> Array:
        """Potential of N electrons in the orbital at the pixel centres, in Ha*."""
        n_max = self.basis.n_max
        cosines = np.zeros((2 * n_max + 1) ** 2)
        density = self._cosines(self.solver.n_electrons * self.orbital[None] ** 2)[0]
        for block in self._table:
            cosines[block.indices] = block.factor @ (block.factor.T @ density[block.indices])
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
            half = cosines[:, block.indices] @ block.factor
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
        # A cosine that the grid aliases to a slower one must not count twice.
        averages[:, n_pixels:] = 0.0
        return np.asarray(averages.T @ fields @ averages).reshape(len(fields), -1)


#: Half waves of the sine functions that the orbital is expanded in; for one electron, where the
#: orbital is exact, as many as the solver uses.
_SINES = 16
_SINES_OF_ONE_ELECTRON = 20

#: Penalties on rough potentials in the closed form, relative to the largest response: the heavier
#: ones are for targets so rough that the potential of the lighter ones is useless.
_START_PENALTIES = (1e-6, 1e-3, 1.0)


@dataclass(frozen=True, eq=False)
class Response:
    """The model of one normalised target, for the box, electrons and interaction of a solver."""

    target: Array
    solver: Solver
    band: Band

    def starts(self) -> Iterator[Array]:
        """Yield coefficients of potentials whose model orbital has the target, ever smoother."""
        for penalty in _START_PENALTIES:
            yield self._one_orbital_potential(penalty) - self._mean_field_potential

    @property
    def left_out(self) -> Array:
        """Norm of the orbital beyond the first k half waves along a side, for k from 0."""
        coefficients = _all_sines(np.sqrt(self.target))
        k = np.indices(coefficients.shape).max(axis=0)
        weights = np.bincount(k.ravel(), weights=(coefficients**2).ravel())
        beyond = np.append(weights.sum(), weights.sum() - np.cumsum(weights))
        return np.asarray(np.sqrt(np.maximum(beyond, 0.0) / weights.sum()))

    @cached_property
    def _basis(self) -> SineBasis:
        n_pixels = self.target.shape[0]
        most = _SINES_OF_ONE_ELECTRON if self.solver.n_electrons == 1 else _SINES
        return sine_basis(min(most, n_pixels - 1), n_pixels)

    @property
    def _unit(self) -> float:
        return math.pi / self.solver.box.length

    @cached_property
    def _orbital(self) -> Array:
        coefficients = self._sine_coefficients(np.sqrt(self.target))
        return np.asarray(coefficients / np.linalg.norm(coefficients))

    @cached_property
    def _orbital_values(self) -> Array:
        """The orbital at the pixel centres, in a box that is pi long."""
        return np.asarray(self._basis.values(self._orbital[:, None])[0])

    def _sine_coefficients(self, field: Array) -> Array:
        b, a = self._basis.half_waves.T - 1
        sines = self._basis.sines
        return np.asarray((sines.T @ field @ sines)[b, a])

    @cached_property
    def _acting(self) -> Array:
        """Sine coefficients of the orbital times each cosine of the band."""
        n_pixels, n_sines = self._basis.sines.shape
        products = self.band.cosines[:, :, None] * self._basis.sines[:, None, :]
        products = products.reshape(n_pixels, -1) * (math.pi / n_pixels)
        n_cosines = self.band.half_waves + 1
        table = (products.T @ self._orbital_values @ products).reshape(
            n_cosines, n_sines, n_cosines, n_sines
        )
        (q, p), (b, a) = self.band.orders, self._basis.half_waves.T[:, :, None] - 1
        return np.asarray(table[q, b, p, a])

    def _one_orbital_potential(self, penalty: float) -> Array:
        """``V - e = 1/2 lap(phi) / phi`` as the smooth V with the smallest ``(T + V) phi``."""
        overlap = self._acting.T @ self._acting
        weights = penalty * overlap.diagonal().max() * self.band.roughness
        weights[0] *= 1e-8
        kinetic = self._basis.kinetic * self._unit**2 * self._orbital
        return np.asarray(np.linalg.solve(overlap + np.diag(weights), -self._acting.T @ kinetic))

    @cached_property
    def _hartree(self) -> Hartree:
        return Hartree(self._basis, self._orbital_values, self.solver)

    @cached_property
    def _pauli(self) -> float:
        """Factor of the density in the Thomas-Fermi potential, in this unit."""
        return math.pi * max(1 - 2 / self.solver.n_electrons, 0.0) * self._unit**2

    @cached_property
    def _mean_field_potential(self) -> Array:
        density = self.solver.n_electrons * self._orbital_values**2
        return self.band.coefficients(self._hartree.potential() + self._pauli * density)

    @property
    def repulsion(self) -> float:
        """Mean repulsion of an electron by the others in the one orbital, in Ha*."""
        return float(np.average(self.band.field(self._mean_field_potential), weights=self.target))

    @cached_property
    def softest(self) -> Array:
        """Field between -1 and 1 that mixes the orbital with the next one: of two wells, a step."""
        _, orbitals = eigh(self._one_orbital_hamiltonian, subset_by_index=[1, 1])
        values = np.asarray(self._basis.values(orbitals)[0])
        floor = np.finfo(float).eps * self._orbital_values.max()
        return np.asarray(np.clip(values / np.maximum(self._orbital_values, floor), -1.0, 1.0))

    @cached_property
    def _one_orbital_hamiltonian(self) -> Array:
        """Matrix of which the orbital is the ground state, in Ha*."""
        matrix = self._basis.potential_matrix(
            self.band.field(self._one_orbital_potential(_START_PENALTIES[0]))
        )
        np.einsum("ii->i", matrix)[:] += self._basis.kinetic * self._unit**2
        return matrix

    @cached_property
    def _orbital_response(self) -> Array:
        """Minus the derivative of the model's orbital by the potential."""
        stiffness = self._one_orbital_hamiltonian.copy()
        energy = self._orbital @ stiffness @ self._orbital
        np.einsum("ii->i", stiffness)[:] -= energy
        n_electrons = self.solver.n_electrons
        stiffness += 2 * n_electrons * self._hartree.kernel()
        if self._pauli:
            local = self._basis.potential_matrix(self._orbital_values**2)
            stiffness += 2 * n_electrons * self._pauli * local
        along = np.outer(self._orbital, self._orbital)
        projector = np.eye(self._orbital.size) - along
        stiffness = projector @ stiffness @ projector + along
        return _solve_positive(stiffness, projector @ self._acting, 0.05 * self._unit**2)

    @cached_property
    def density_response(self) -> Array:
        """Minus the derivative of `gradient` by the potential in the model, symmetric."""
        matrix = 2 * self.solver.n_electrons * (self._acting.T @ self._orbital_response)
        return np.asarray((matrix + matrix.T) / 2)


def _all_sines(field: Array) -> Array:
    """Coefficients of a field in as many half waves along each side as there are pixels."""
    return np.asarray(dstn(field, type=2, norm="ortho"))


def _solve_positive(matrix: Array, right: Array, smallest: float) -> Array:
    """Solve; where the matrix is not positive, raise small eigenvalues to the smallest allowed."""
    try:
        return np.asarray(cho_solve(cho_factor(matrix), right))
    except LinAlgError:
        values, vectors = eigh(matrix)
        return np.asarray((vectors / np.maximum(values, smallest)) @ (vectors.T @ right))
