"""Symmetric pairs of orbitals: the singlets of two electrons."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

#: In Ha*: the pairs left to perturbation theory lie so far above the ground state, or are taken to.
_LEAST_DISTANCE = 0.2


class OrbitalPairs:
    r"""The singlets of two electrons, exact among the lowest orbitals, approximate among more.

    The Hamiltonian of symmetric pairs, with the integrals in the chemists' order [2]_, is

    .. math::

        H_{ij,kl} = (\epsilon_i + \epsilon_j) \delta_{ij,kl} +
            \frac{(ik|jl) + (il|jk)}{\sqrt{(1 + \delta_{ij}) (1 + \delta_{kl})}}, \qquad
        i \le j, \quad k \le l

    Pairs P of the lowest orbitals are taken exactly; of all others, Q, the coupling to these, but
    not that among themselves [1]_:

    .. math::

        H_{\mathrm{eff}} = H_{PP} + H_{PQ} \, (E - D_Q)^{-1} \, H_{QP}, \qquad
        C_Q = (E - D_Q)^{-1} H_{QP} C_P

    with the diagonal D of H, and the ground state's energy E to second order.

    Parameters
    ----------
    lowest : int
        Orbitals whose pairs are P.
    orbitals : int
        All of them.

    References
    ----------
    .. [1] Z. Gershgorn and I. Shavitt, "An application of perturbation theory ideas in
       configuration interaction calculations", Int. J. Quantum Chem. 2, 751 (1968),
       https://doi.org/10.1002/qua.560020603
    .. [2] A. Szabo and N. S. Ostlund, "Modern Quantum Chemistry" (Dover, 1996), section 2.3,
       ISBN 978-0-486-69186-2
    """

    def __init__(self, lowest: int, orbitals: int) -> None:
        first, second = np.triu_indices(orbitals)
        order = np.argsort(second >= lowest, kind="stable")
        self._n_exact = lowest * (lowest + 1) // 2
        self.members = first[order], second[order]
        self._place = _places_of_pairs(orbitals, self.members)
        exact, others = np.split(np.arange(len(first)), [self._n_exact])
        self._among_exact = self._coupling(exact[:, None], exact)
        self._to_others = self._coupling(exact[:, None], others)
        self._within_others = self._coupling(others, others)
        self._one = np.eye(self._n_exact, dtype="float32")
        same = self.members[0] == self.members[1]
        self._share = np.where(same, 1.0, np.sqrt(0.5)).astype("float32")

    def _coupling(self, rows: Any, columns: Any) -> tuple[Any, Any, Any]:
        """Return where the two integrals between pairs are, and their weights."""
        first, second = self.members
        i, j, k, m = first[rows], second[rows], first[columns], second[columns]
        place, n_pairs = self._place, len(first)
        direct = place[i, k] * n_pairs + place[j, m]
        exchanged = place[i, m] * n_pairs + place[j, k]
        once = np.where(first == second, np.sqrt(0.5), 1.0)
        return direct, exchanged, (once[rows] * once[columns]).astype("float32")

    def solve(self, levels: Any, integrals: Any, n_states: int) -> tuple[Any, Any, Any, Any]:
        """Solve for the lowest singlets.

        Parameters
        ----------
        levels : tensor, shape (n, orbitals)
            Energies of the orbitals, ascending.
        integrals : tensor, shape (n, pairs, pairs)
            (ij|kl), in the order of ``members``.
        n_states : int
            How many singlets.

        Returns
        -------
        energies : tensor, shape (n, n_states)
        shares : tensor, shape (n, pairs, n_states)
            Of the pairs in each of them.
        poorer_energy, poorer_shares : tensor, shape (n, 1) and (n, pairs, 1)
            Of the ground state among the pairs of the lowest orbitals alone.
        """
        exact, coupling, others = self._blocks(levels, integrals)
        energies, states = ops.linalg.eigh(exact)
        ground, poorer = energies[:, :1], states[:, :, :1]
        followed = _followed(coupling, others - ground, poorer)
        energies, states = ops.linalg.eigh(exact + ops.matmul(coupling, followed))
        states = states[:, :, :n_states]
        shares = ops.concatenate([states, ops.matmul(followed, states)], axis=1)
        shares = shares / ops.sqrt(ops.sum(ops.square(shares), axis=1, keepdims=True))
        nothing = ops.zeros_like(shares[:, self._n_exact :, :1])
        poorer = ops.concatenate([poorer, nothing], axis=1)
        return energies[:, :n_states], shares, ground, poorer

    def _blocks(self, levels: Any, integrals: Any) -> tuple[Any, Any, Any]:
        """Return H among P, H between P and Q, and the diagonal of H among Q."""
        first, second = self.members
        alone = ops.take(levels, first, axis=1) + ops.take(levels, second, axis=1)
        flat = ops.reshape(integrals, (-1, len(first) ** 2))
        exact = _table(flat, self._among_exact)
        exact = exact + ops.multiply(alone[:, None, : self._n_exact], self._one)
        others = _table(flat, self._within_others) + alone[:, self._n_exact :]
        return exact, _table(flat, self._to_others), others

    def density(self, orbitals: Any, shares: Any) -> Any:
        """Return the density of a singlet, shape (n, points).

        Parameters
        ----------
        orbitals : tensor, shape (n, points, orbitals)
            On a grid.
        shares : tensor, shape (n, pairs)
            Of the pairs in the state.
        """
        matrix = ops.take(ops.multiply(shares, self._share), self._place, axis=1)
        # The amplitude of one electron where the other is in orbital j.
        return 2.0 * ops.sum(ops.square(ops.matmul(orbitals, matrix)), axis=-1)


def _followed(coupling: Any, above: Any, ground: Any) -> Any:
    """Return what each pair in P brings along in Q, shape (n, others, exact).

    Parameters
    ----------
    coupling : tensor, shape (n, exact, others)
        H between P and Q.
    above : tensor, shape (n, others)
        Diagonal of H among Q, above the energy of the ground state in P.
    ground : tensor, shape (n, exact, 1)
        That state.
    """
    coupling = ops.transpose(coupling, (0, 2, 1))
    response = ops.matmul(coupling, ground)[..., 0]
    distance = ops.maximum(above, _LEAST_DISTANCE)
    gained = ops.sum(ops.square(response) / distance, axis=-1, keepdims=True)
    return -coupling / (distance + gained)[..., None]


def _places_of_pairs(orbitals: int, members: tuple[Any, Any]) -> Any:
    """Return where each pair of orbitals, in either order, is among the pairs."""
    first, second = members
    place = np.zeros((orbitals, orbitals), dtype="int64")
    place[first, second] = place[second, first] = np.arange(len(first))
    return place


def _table(integrals: Any, coupling: tuple[Any, Any, Any]) -> Any:
    direct, exchanged, weights = coupling
    both = ops.take(integrals, direct, axis=1) + ops.take(integrals, exchanged, axis=1)
    return ops.multiply(both, weights)
