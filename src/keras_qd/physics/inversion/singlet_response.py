r"""How the density of two electrons in a singlet answers to the potential: the complete response.

The state is :math:`\Psi = \sum_{ij} C_{ij}\, \phi_i \phi_j` with the lowest M orbitals of the
potential [1]_, and the excited singlets k have matrices :math:`C^k`. A change :math:`\delta V` of
the potential changes the orbitals, as far as others than the M mix in, by

.. math:: \delta\phi_i = \sum_{a > M} \phi_a D_{ai}, \qquad
          D_{ai} = \frac{\langle a | \delta V | i \rangle}{e_i - e_a},

and the state, in these orbitals, by :math:`\delta C = \sum_k A_k C^k` with

.. math:: A_k = -\frac{\mathrm{tr}(T^k\, \delta V) + 2\, \mathrm{tr}[(X^0 C^k + X^k C)^T D]}
          {E_k - E_0}, \qquad T^k = C C^k + C^k C, \qquad X^k_{al} = \sum_{ij} (ai|lj)\, C^k_{ij} .

The second term is the interaction's: without it, as without D, a tenth of the answer is missing,
and Newton's method stands still at residuals of 1e-3.

Derived here from perturbation theory of first order [2]_, once for the orbitals and once for the
state. The latter is :math:`A_k = -\delta H_{k0} / (E_k - E_0)`, and two things change
:math:`H_{k0}`: the potential, :math:`\mathrm{tr}(T^k\, \delta V)`, and the orbitals in
:math:`\sum C^k_{ij} C_{lm} (il|jm)`. With :math:`\delta\phi` in the place of one of the four, that
is :math:`\mathrm{tr}[(X^0 C^k)^T D]` for either of :math:`C^k`, i and j, and
:math:`\mathrm{tr}[(X^k C)^T D]` for either of C, l and m. The orbitals' own energies bring in
nothing more, as a and i are different eigenstates of one Hamiltonian.

Where orbital M crosses the next, the state jumps and the answer is infinite: denominators d are
replaced by :math:`d + \delta^2 / d` with a shift :math:`\delta`, an imaginary level shift [3]_.

References
----------
.. [1] P.-O. Loewdin and H. Shull, "Natural orbitals in the quantum theory of two-electron systems",
   Phys. Rev. 101, 1730 (1956), https://doi.org/10.1103/PhysRev.101.1730
.. [2] J. J. Sakurai and J. Napolitano, "Modern Quantum Mechanics", 2nd ed. (Addison-Wesley, 2011),
   section 5.1, ISBN 978-0-8053-8291-4
.. [3] N. Forsberg and P.-A. Malmqvist, "Multiconfiguration perturbation theory with imaginary level
   shift", Chem. Phys. Lett. 274, 196 (1997), https://doi.org/10.1016/S0009-2614(97)00669-6
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.coulomb import interaction_table, product_grid
from keras_qd.physics.interactions import as_interaction
from keras_qd.physics.inversion.band import Band
from keras_qd.physics.one_body import Orbitals, solve_orbitals
from keras_qd.physics.pairs import pair_interaction, singlet_pairs
from keras_qd.physics.sine_basis import cosine_matrix
from keras_qd.physics.solver import Solver

Array = NDArray[np.float64]

#: How many orbitals below and above the last one taken are looked at for what is exchanged.
_NEAR = 4

#: Distance of two levels in Ha* below which they count as that far apart there.
_NEAREST = 0.01

#: Most orbitals that are let mix into those that the state is made of.
_MOST_ORBITALS = 320


def has_singlet_response(solver: Solver) -> bool:
    """Whether a solver's ground states are answered for: two electrons that interact."""
    return (
        solver.n_electrons == 2
        and solver.spin in (None, 0)
        and solver.strength != 0
        and as_interaction(solver.interaction).name != "none"
    )


@dataclass(frozen=True, eq=False)
class SingletResponse:
    """The lowest singlet of two electrons in a potential, and the derivative of its density.

    Two electrons have a singlet as their ground state, but where it is degenerate, and where a
    basis of few orbitals puts a triplet below.

    Parameters
    ----------
    solver : Solver
        The exact solver of two interacting electrons.
    band : Band
        The potentials.
    potential : ndarray, shape (n_pixels, n_pixels)
        One of them, at the pixel centres, in Ha*.
    shift : float
        delta, in Ha*; 0 gives the exact derivative.
    """

    solver: Solver
    band: Band
    potential: Array
    shift: float

    def derivative(self) -> Array:
        """Return the derivative of the density at the pixels with the coefficients.

        Returns
        -------
        ndarray, shape (n_pixels^2, n_cosines)
            In 1/a0*^2 per Ha*.
        """
        state, excited = self._states[1][0], self._states[1][1:]
        inside, outside = self._products[: self._n_inside], self._products[self._n_inside :]
        transitions = state @ excited
        transitions += transitions.transpose(0, 2, 1)
        answer = (
            2
            * _flat(inside).T
            @ (transitions.reshape(len(excited), -1).T @ self._amplitudes(transitions))
        )
        # Twice the density matrix 2 C C^T between the change of an orbital and the orbital.
        mixed = np.einsum("ij,ajc->aic", 4 * state @ state, self._mixing, optimize=True)
        answer += _flat(outside).T @ mixed.reshape(-1, mixed.shape[2])
        return self._on_pixels(answer)

    def exchange(self) -> Array:
        """Return how a change of the potential exchanges orbitals at the edge of the lowest M.

        For orbitals i up to M and a above it, the derivatives with the coefficients of the
        amplitude with which a mixes into i, and of their distance relative to what it is. Where the
        first is not small, nor the second well below one, the density is far from linear.

        Returns
        -------
        ndarray, shape (n_rows, n_cosines)
            In 1/Ha*.
        """
        m = self._n_inside
        inside, outside = slice(max(m - _NEAR, 0), m), slice(m, m + _NEAR)
        distance = self._orbitals.energies[outside, None] - self._orbitals.energies[inside]
        scale = 1 / np.hypot(distance, _NEAREST)[:, :, None]
        own = self._own_elements[outside, None] - self._own_elements[inside]
        rows = [self._elements[outside, inside] * scale, own * scale]
        return np.concatenate(rows).reshape(-1, own.shape[2])

    def _amplitudes(self, transitions: Array) -> Array:
        """A_k for each cosine of the band, shape (n_excited, n_cosines)."""
        energies, states = self._states
        relaxed = 2 * np.einsum("ai,kij->kaj", self._pulls[0], states[1:], optimize=True)
        relaxed += 2 * np.einsum("kal,lj->kaj", self._pulls[1:], states[0], optimize=True)
        n_excited = len(transitions)
        answer = transitions.reshape(n_excited, -1) @ _flat(self._elements[: self._n_inside])
        answer += relaxed.reshape(n_excited, -1) @ _flat(self._mixing)
        return np.asarray(-answer / (energies[1:] - energies[0])[:, None])

    @property
    def _n_inside(self) -> int:
        return self.solver.orbital_count

    @property
    def _unit(self) -> float:
        return np.pi / self.solver.box.length

    @cached_property
    def _orbitals(self) -> Orbitals:
        """The orbitals of the state, and above them those that mix in."""
        basis = self.solver.solve_orbitals(self.potential).basis
        n_orbitals = min(basis.kinetic.size, _MOST_ORBITALS)
        return solve_orbitals(self.potential, self.solver.box, basis, n_orbitals)

    @cached_property
    def _states(self) -> tuple[Array, Array]:
        """Energies of all singlets, and their matrices, shape (n, M, M)."""
        orbitals, m = self._orbitals, self._n_inside
        lowest = Orbitals(
            orbitals.basis, orbitals.box, orbitals.energies[:m], orbitals.coefficients[:, :m]
        )
        interaction = as_interaction(self.solver.interaction)
        pairs = pair_interaction(lowest, interaction, self.solver.strength)
        first, second = singlet_pairs(m)
        one_body = np.diag(lowest.energies[first] + lowest.energies[second])
        energies, vectors = np.linalg.eigh(pairs.singlet + one_body)
        matrices = np.zeros((energies.size, m, m))
        matrices[:, first, second] = (vectors / np.where(first == second, 1, np.sqrt(2))[:, None]).T
        matrices[:, second, first] = matrices[:, first, second]
        return energies, matrices

    @cached_property
    def _products(self) -> Array:
        """Cosines of products of each orbital with one of the lowest M, shape (n, M, q * p)."""
        values = self._values
        products = [self._cosines(values * values[i]) for i in range(self._n_inside)]
        return np.stack(products, axis=1)

    @cached_property
    def _values(self) -> Array:
        """Orbitals on a grid that is fine enough for products of two, shape (n, points, points)."""
        orbitals = self._orbitals
        sines, _ = product_grid(orbitals.basis.n_max)
        return np.asarray(sines @ orbitals.basis.as_grids(orbitals.coefficients) @ sines.T)

    def _cosines(self, values: Array) -> Array:
        """Cosines of fields on that grid, shape (n, q * p)."""
        _, averages = product_grid(self._orbitals.basis.n_max)
        return np.asarray((averages.T @ values @ averages).reshape(len(values), -1))

    @cached_property
    def _elements(self) -> Array:
        """Each cosine of the band between the orbitals, shape (n, M, n_cosines)."""
        return self._in_band(self._products)

    @cached_property
    def _own_elements(self) -> Array:
        """Each cosine of the band in the orbitals near the edge, shape (M + a few, n_cosines)."""
        values = self._values[: self._n_inside + _NEAR]
        return self._in_band(self._cosines(values**2))

    def _in_band(self, products: Array) -> Array:
        """Integrals of products with the cosines of the band: (..., q * p) to (..., n_cosines)."""
        n_cosines = 2 * self._orbitals.basis.n_max + 1
        q, p = self.band.orders
        known = (q < n_cosines) & (p < n_cosines)
        norms = np.where(q == 0, np.pi, np.pi / 2) * np.where(p == 0, np.pi, np.pi / 2)
        elements = np.zeros((*products.shape[:-1], q.size))
        elements[..., known] = products[..., (q * n_cosines + p)[known]] * norms[known]
        return elements

    @cached_property
    def _mixing(self) -> Array:
        """D for each cosine of the band, shape (n - M, M, n_cosines)."""
        energies, m = self._orbitals.energies, self._n_inside
        distance = energies[:m] - energies[m:, None]
        distance += self.shift**2 / distance
        return np.asarray(self._elements[m:] / distance[:, :, None])

    @cached_property
    def _pulls(self) -> Array:
        """X of all singlets, shape (n_singlets, n - M, M)."""
        m, n_max = self._n_inside, self._orbitals.basis.n_max
        interaction = as_interaction(self.solver.interaction).scaled(self._unit)
        table = interaction_table(interaction, n_max)
        half = np.concatenate([self._products[:, :, b.places] @ b.factor for b in table], axis=2)
        integrals = _flat(half[m:]) @ _flat(half[:m]).T * (self.solver.strength * self._unit)
        # (ai|lj) as (al, ij)
        integrals = integrals.reshape(-1, m, m, m).transpose(0, 2, 1, 3).reshape(-1, m * m)
        states = self._states[1]
        pulls = states.reshape(len(states), -1) @ integrals.T
        return np.asarray(pulls.reshape(len(states), -1, m))

    def _on_pixels(self, cosines: Array) -> Array:
        """Evaluate sums of cosines at the pixel centres: (q * p, n) to (n_pixels^2, n)."""
        n_cosines = 2 * self._orbitals.basis.n_max + 1
        functions = cosine_matrix(n_cosines - 1, self.band.n_pixels)
        fields = functions @ cosines.T.reshape(-1, n_cosines, n_cosines) @ functions.T
        return np.asarray(fields.reshape(len(fields), -1).T * self._unit**2)


def _flat(pairs: Array) -> Array:
    """Take pairs of orbitals as one axis."""
    return pairs.reshape(-1, pairs.shape[2])
