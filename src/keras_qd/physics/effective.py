r"""An effective interaction for few orbitals, from the pair space of a whole grid.

Full CI in M orbitals converges slowly with M since the cusp of the wave function, where two
electrons meet, needs ever higher orbitals. Here the pairs of the M lowest orbitals (P) keep the
configuration interaction, and all other pairs of the grid (Q) are folded into it [1]_ [2]_: with

.. math:: Y = \frac{Q}{E_{ref} - H_0} W P, \quad A = P W Y, \quad B = Y^T W Y,

the terms of second and third order, and the amplitudes of first order with their best scale,

.. math:: T = (A - B)^{-1} A, \quad X = Y T, \quad W_{eff} = P W P + A T .

`X` minimises the second-order functional of each pair, so that :math:`A T` sums the ladder as a
[1/1] Pade approximant does. One reference energy for all pairs keeps the matrices symmetric and
free of intruder states. What is left out are terms of three and more electrons.

References
----------
.. [1] S. Kvaal, "Harmonic oscillator eigenfunction expansions, quantum dots, and effective
   interactions", Phys. Rev. B 80, 045321 (2009), https://doi.org/10.1103/PhysRevB.80.045321
.. [2] M. P. Lohne, G. Hagen, M. Hjorth-Jensen, S. Kvaal and F. Pederiva, "Ab initio computation of
   the energies of circular quantum dots", Phys. Rev. B 84, 115302 (2011),
   https://doi.org/10.1103/PhysRevB.84.115302
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.integrals import PairInteraction, singlet_pairs, triplet_pairs

Array = NDArray[np.float64]
Single = NDArray[np.float32]

#: Least distance, in Ha*, of the reference energy below the pairs that are folded in.
_LEAST_DISTANCE = 0.3

#: Relative size of the singular values of A - B that count.
_CUT = 1e-8


@dataclass(frozen=True)
class EffectivePairs:
    """Effective interaction of the pairs of M orbitals, and what it stands for in the other pairs.

    Parameters
    ----------
    interaction : PairInteraction
        Between the pairs of M orbitals, in Ha*.
    singlet, triplet : ndarray of float32, shape (pairs, g, g)
        Amplitudes X of each pair in the pairs of all g one-electron states: symmetric and
        antisymmetric matrices, zero where both states are among the M orbitals. A pair state is a
        matrix of unit Frobenius norm.
    """

    interaction: PairInteraction
    singlet: Single
    triplet: Single

    @cached_property
    def opposite(self) -> Single:
        """Amplitudes of two electrons of opposite spin in orbitals i and k, shape (m, m, g, g)."""
        n_states = self.singlet.shape[1]
        i, k = singlet_pairs(_n_orbitals(len(self.singlet)))
        n_orbitals = int(i[-1]) + 1
        amplitudes = np.zeros((n_orbitals, n_orbitals, n_states, n_states), np.float32)
        share = np.where(i == k, 1.0, np.sqrt(0.5)).astype(np.float32)[:, None, None]
        amplitudes[i, k] = amplitudes[k, i] = share * self.singlet
        i, k = triplet_pairs(n_orbitals)
        half = np.float32(np.sqrt(0.5)) * self.triplet
        amplitudes[i, k] += half
        amplitudes[k, i] -= half
        return amplitudes


def _n_orbitals(n_singlet_pairs: int) -> int:
    return int(np.sqrt(2 * n_singlet_pairs))


def effective_pairs(
    energies: Array, states: Array, interaction: Array, n_orbitals: int, reference: float
) -> EffectivePairs:
    """Fold the pairs of a grid into those of its lowest orbitals.

    Parameters
    ----------
    energies : ndarray, shape (g,)
        Energies of all one-electron states of the grid, rising, in Ha*.
    states : ndarray, shape (g, g)
        Those states, in columns, on the points of the grid.
    interaction : ndarray, shape (g, g)
        Interaction between electrons at two points, in Ha*.
    n_orbitals : int
        Number M of orbitals that keep the configuration interaction.
    reference : float
        Energy of a pair from which distances are taken, in Ha*.

    Returns
    -------
    EffectivePairs
    """
    space = _PairSpace(energies, states, interaction, n_orbitals, reference)
    singlet, singlet_amplitudes = space.fold(symmetry=1)
    triplet, triplet_amplitudes = space.fold(symmetry=-1)
    return EffectivePairs(PairInteraction(singlet, triplet), singlet_amplitudes, triplet_amplitudes)


class _PairSpace:
    """The pairs of all one-electron states, in single precision."""

    def __init__(
        self,
        energies: Array,
        states: Array,
        interaction: Array,
        n_orbitals: int,
        reference: float,
    ) -> None:
        self.n_orbitals = n_orbitals
        self._states = states.astype(np.float32)
        self._rows = np.ascontiguousarray(self._states.T)
        self._interaction = interaction.astype(np.float32)
        distance = np.minimum(reference - (energies[:, None] + energies), -_LEAST_DISTANCE)
        distance[:n_orbitals, :n_orbitals] = np.inf
        self._resolvent = (1 / distance).astype(np.float32)

    def fold(self, symmetry: int) -> tuple[Array, Single]:
        """Return effective interaction and amplitudes of the symmetric or antisymmetric pairs."""
        bare, driven = self._driven(symmetry)
        first = driven * self._resolvent
        flat = first.reshape(len(first), -1)
        second = flat @ driven.reshape(len(first), -1).T
        third = flat @ self._interact(first).reshape(len(first), -1).T
        second, third = (0.5 * (each + each.T).astype(np.float64) for each in (second, third))
        scale = np.linalg.pinv(second - third, rcond=_CUT, hermitian=True) @ second
        effective = bare + second @ scale
        amplitudes = (scale.T.astype(np.float32) @ flat).reshape(first.shape)
        return 0.5 * (effective + effective.T), amplitudes

    def _driven(self, symmetry: int) -> tuple[Array, Single]:
        """Return P W P, and W on each pair of P in the basis of all states, without its P part."""
        pairs = singlet_pairs if symmetry > 0 else triplet_pairs
        i, k = pairs(self.n_orbitals)
        norms = np.where(i == k, 0.5, np.sqrt(0.5)).astype(np.float32)[:, None, None]
        products = self._rows[i][:, :, None] * self._rows[k][:, None, :]
        products = (products + symmetry * products.transpose(0, 2, 1)) * norms
        driven = self._rows @ (products * self._interaction) @ self._states
        small = slice(None), slice(self.n_orbitals), slice(self.n_orbitals)
        factor = np.where(i == k, 1.0, np.sqrt(2.0))
        bare = factor * driven[small][:, i, k].astype(np.float64)
        driven[small] = 0.0
        return bare, driven

    def _interact(self, pairs: Single) -> Single:
        """Apply W to pairs in the basis of all states."""
        on_points = (self._states @ pairs @ self._rows) * self._interaction
        return np.asarray(self._rows @ on_points @ self._states, dtype=np.float32)
