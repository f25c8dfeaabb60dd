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
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.integrals import (
    PairInteraction,
    pair_interaction_on_points,
    singlet_pairs,
    triplet_pairs,
)

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Indices = NDArray[np.intp]

#: Relative size of the singular values of A - B that count.
_CUT = 1e-8


@dataclass(frozen=True)
class PairAmplitudes:
    """Amplitudes X of the pairs of few orbitals in those of all g states, of one symmetry."""

    # X = mixing @ functions: `functions` are upper triangles of (g, g) matrices, rows one after the
    # other, to be multiplied by `weights` (g, g), which hold the signs of symmetric (symmetry 1) or
    # antisymmetric (-1) matrices; `inner` are components in the pairs of `inner_orbitals` outside.

    symmetry: int
    mixing: Array
    functions: Single
    weights: Single
    inner: Array
    inner_orbitals: tuple[Indices, Indices]

    def combined(self, factors: Array) -> Single:
        """Combine amplitudes with factors (k, pairs) into matrices (k, g, g), 0 in the orbitals."""
        factors, size = factors @ self.mixing, len(self.weights)
        triangles = factors.astype(np.float32) @ self.functions
        matrices = np.take(triangles, _whole(size), axis=1).reshape(-1, size, size)
        matrices *= self.weights
        i, k = self.inner_orbitals
        parts = np.where(i == k, 1.0, np.sqrt(0.5)) * (factors @ self.inner)
        matrices[:, k, i] = self.symmetry * parts
        matrices[:, i, k] = parts
        return matrices


@lru_cache(maxsize=8)
def _upper(size: int) -> Indices:
    """Flat indices of the upper triangle of a matrix."""
    rows, columns = np.triu_indices(size)
    return np.asarray(rows * size + columns)


@lru_cache(maxsize=8)
def _whole(size: int) -> Indices:
    """Index of each element of a matrix, row by row, in its upper triangle."""
    whole = np.empty((size, size), dtype=np.intp)
    rows, columns = np.triu_indices(size)
    whole[rows, columns] = whole[columns, rows] = np.arange(rows.size)
    return whole.ravel()


@dataclass(frozen=True)
class EffectivePairs:
    """Effective interaction of the pairs of M orbitals, and their amplitudes in all others."""

    # A pair state is a matrix of unit Frobenius norm.

    n_orbitals: int
    interaction: PairInteraction
    singlet: PairAmplitudes
    triplet: PairAmplitudes

    @property
    def n_states(self) -> int:
        """Number g of one-electron states."""
        return len(self.singlet.weights)


class PairSpace:
    """The pairs of M orbitals, and all others of a grid that they are coupled to."""

    # The same tables serve any fewer orbitals: pairs in between move from P to Q. Distances count
    # from the energy `reference` of a pair and are at least `least_distance`, in Ha*; states (g, g)
    # are columns on the points of the grid.

    def __init__(
        self,
        energies: Array,
        states: Array,
        interaction: Array,
        n_orbitals: int,
        reference: float,
        least_distance: float,
    ) -> None:
        self._n_orbitals = n_orbitals
        pair_energies = energies[:, None] + energies
        self._distance = np.maximum(pair_energies - reference, least_distance)
        root = np.sqrt(1.0 / self._distance).astype(np.float32)
        root[:n_orbitals, :n_orbitals] = 0.0
        # Triangles have the norm of the whole: elements off the diagonal stand for two.
        upper = -root * np.where(np.eye(len(states)), 1, np.sqrt(0.5)).astype(np.float32)
        self._weights = {s: np.triu(upper) + s * np.tril(upper, -1) for s in _PAIRS}
        bare = pair_interaction_on_points(states[:, :n_orbitals], interaction)
        self._bare = {1: bare.singlet, -1: bare.triplet}
        driven = _driven(states, interaction, n_orbitals, root)
        self._excited = {symmetry: both[0] for symmetry, both in driven.items()}
        self._orders = {
            symmetry: _orders(both[0], both[1], interaction) for symmetry, both in driven.items()
        }

    def fold(self, n_orbitals: int) -> EffectivePairs:
        """Fold all other pairs into those of the lowest orbitals, at most M."""
        (singlet, of_singlet), (triplet, of_triplet) = (
            self._fold(symmetry, n_orbitals) for symmetry in (1, -1)
        )
        return EffectivePairs(n_orbitals, PairInteraction(singlet, triplet), of_singlet, of_triplet)

    def _fold(self, symmetry: int, n_orbitals: int) -> tuple[Array, PairAmplitudes]:
        """Effective interaction and amplitudes of the pairs of one symmetry."""
        n = n_orbitals * (n_orbitals + symmetry) // 2
        i, k = (orbitals[n:] for orbitals in _PAIRS[symmetry](self._n_orbitals))
        bare, across, between = _blocks(self._bare[symmetry], n)
        inner = -across / self._distance[i, k]
        second, mixed, _ = _blocks(self._orders[symmetry][0], n)
        third = self._orders[symmetry][1][:n, :n]
        second = second + inner @ across.T
        mixed = inner @ mixed.T
        third = third + mixed + mixed.T + inner @ between @ inner.T
        scale = np.linalg.pinv(second - third, rcond=_CUT, hermitian=True) @ second
        effective = bare + second @ scale
        amplitudes = PairAmplitudes(
            symmetry, scale.T, self._excited[symmetry][:n], self._weights[symmetry], inner, (i, k)
        )
        return 0.5 * (effective + effective.T), amplitudes


_PAIRS = {1: singlet_pairs, -1: triplet_pairs}


def _blocks(matrix: Array, n: int) -> tuple[Array, Array, Array]:
    """Divide a symmetric matrix after n rows: (first, first), (first, rest), (rest, rest)."""
    return matrix[:n, :n], matrix[:n, n:], matrix[n:, n:]


def _driven(states: Array, interaction: Array, n_orbitals: int, root: Single) -> dict[int, Single]:
    """Upper triangles of W on pairs of both symmetries, over distances: on states, on points."""
    # On states it is over the roots of the distances, whose product is the second order.
    states, interaction = states.astype(np.float32), interaction.astype(np.float32)
    size, rows = len(states), np.ascontiguousarray(states.T)
    n_elements = size * (size + 1) // 2
    found = {
        s: np.empty((2, n_orbitals * (n_orbitals + s) // 2, n_elements), np.float32) for s in _PAIRS
    }
    second_orbitals = states * rows[:n_orbitals, None, :].swapaxes(1, 2)
    for i in range(n_orbitals):
        # Electron 1 starts from orbital i, electron 2 from each orbital up to it.
        excited = ((rows * rows[i]) @ interaction) @ second_orbitals[: i + 1]
        excited *= root
        on_points = ((states @ (excited * root)).reshape(-1, size) @ rows).reshape(excited.shape)
        for part, matrices in enumerate((excited, on_points)):
            even, odd = (
                found[s][part][i * (i + s) // 2 : (i + 1) * (i + 1 + s) // 2] for s in _PAIRS
            )
            _symmetrise(matrices, even, odd)
    return found


def _symmetrise(matrices: Single, even: Single, odd: Single) -> None:
    """Write upper triangles of pairs (i, 0), ... (i, i) made symmetric and antisymmetric."""
    size = matrices.shape[-1]
    upper = _upper(size)
    own = np.take(matrices.reshape(-1, size**2), upper, axis=1)
    mirrored = np.take(matrices.swapaxes(1, 2).reshape(-1, size**2), upper, axis=1)
    np.add(own, mirrored, out=even)
    np.subtract(own[:-1], mirrored[:-1], out=odd)
    half = np.float32(np.sqrt(0.5))
    even[:, upper % (size + 1) == 0] *= half
    even[-1] *= half


def _orders(functions: Single, on_points: Single, interaction: Array) -> tuple[Array, Array]:
    """Second and third order, A and B, from what `_driven` returns."""
    weights = interaction.ravel()[_upper(len(interaction))].astype(np.float32)
    second = -(functions @ functions.T).astype(np.float64)
    third = on_points @ (on_points * weights).T
    return second, 0.5 * (third + third.T).astype(np.float64)
