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

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.integrals import PairInteraction, singlet_pairs, triplet_pairs

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Places = NDArray[np.intp]

#: Relative size of the singular values of A - B that count.
_CUT = 1e-8


@dataclass(frozen=True)
class PairAmplitudes:
    """Amplitudes X of the pairs of few orbitals in those of all g states, of one symmetry.

    Parameters
    ----------
    symmetry : int
        1 for symmetric (singlet), -1 for antisymmetric (triplet) pairs.
    mixing : ndarray, shape (pairs, functions)
        Weights of the functions in each pair's amplitudes.
    functions : ndarray of float32, shape (functions, g, g)
        Pair states beyond a number of orbitals, up to `weights`.
    weights : ndarray of float32, shape (g, g)
        Factor on each element of the functions.
    inner : ndarray, shape (functions, inner pairs)
        Components of the functions in pairs of further orbitals, in the order of `places`.
    places : tuple of ndarray
        The two orbitals of each of these.
    """

    symmetry: int
    mixing: Array
    functions: Single
    weights: Single
    inner: Array
    places: tuple[Places, Places]

    def combined(self, factors: Array) -> Single:
        """Linear combinations of the amplitudes of all pairs, as matrices.

        Parameters
        ----------
        factors : ndarray, shape (k, pairs)
            Factor on each pair.

        Returns
        -------
        ndarray of float32, shape (k, g, g)
            Symmetric or antisymmetric; zero where both states are among the few orbitals.
        """
        factors = factors @ self.mixing
        flat = self.functions.reshape(len(self.functions), -1)
        matrices = (factors.astype(np.float32) @ flat).reshape(-1, *self.weights.shape)
        matrices *= self.weights
        i, k = self.places
        parts = np.where(i == k, 1.0, np.sqrt(0.5)) * (factors @ self.inner)
        matrices[:, i, k] = parts
        matrices[:, k, i] = np.where(i == k, 1, self.symmetry) * parts
        return matrices


@dataclass(frozen=True)
class EffectivePairs:
    """Effective interaction of the pairs of M orbitals, and what it stands for in the other pairs.

    Parameters
    ----------
    n_orbitals : int
        M.
    interaction : PairInteraction
        Between the pairs of M orbitals, in Ha*.
    singlet, triplet : PairAmplitudes
        Amplitudes X of each pair in the pairs of all one-electron states. A pair state is a matrix
        of unit Frobenius norm.
    """

    n_orbitals: int
    interaction: PairInteraction
    singlet: PairAmplitudes
    triplet: PairAmplitudes

    @property
    def n_states(self) -> int:
        """Number g of one-electron states."""
        return len(self.singlet.weights)


class PairSpace:
    """The pairs of M orbitals, and all others of a grid that they are coupled to.

    Pairs of M orbitals or fewer can be folded with the same tables: the pairs in between are
    moved from P to Q.

    Parameters
    ----------
    energies : ndarray, shape (g,)
        Energies of all one-electron states of the grid, rising, in Ha*.
    states : ndarray, shape (g, g)
        Those states, in columns, on the points of the grid.
    interaction : ndarray, shape (g, g)
        Interaction between electrons at two points, in Ha*.
    n_orbitals : int
        Number M of orbitals.
    reference : float
        Energy of a pair from which distances are taken, in Ha*.
    least_distance : float
        Least distance of the reference energy below the pairs that are folded in, in Ha*.
    """

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
        self._root = root
        self._couplings = _couplings(states, interaction, n_orbitals, root)

    def fold(self, n_orbitals: int) -> EffectivePairs:
        """Fold all other pairs into those of the lowest orbitals, at most M."""
        (singlet, of_singlet), (triplet, of_triplet) = (
            self._fold(symmetry, n_orbitals) for symmetry in (1, -1)
        )
        return EffectivePairs(
            n_orbitals, PairInteraction(singlet, triplet), of_singlet, of_triplet
        )

    def _fold(self, symmetry: int, n_orbitals: int) -> tuple[Array, PairAmplitudes]:
        """Effective interaction and amplitudes of the pairs of one symmetry."""
        coupling = self._couplings[symmetry]
        n = n_orbitals * (n_orbitals + symmetry) // 2
        i, k = (orbitals[n:] for orbitals in _PAIRS[symmetry](self._n_orbitals))
        bare, across, between = (
            coupling.bare[:n, :n], coupling.bare[:n, n:], coupling.bare[n:, n:]
        )
        inner = -across / self._distance[i, k]
        second = coupling.second[:n, :n] + inner @ across.T
        mixed = inner @ coupling.second[n:, :n]
        third = coupling.third[:n, :n] + mixed + mixed.T + inner @ between @ inner.T
        scale = np.linalg.pinv(second - third, rcond=_CUT, hermitian=True) @ second
        effective = bare + second @ scale
        amplitudes = PairAmplitudes(
            symmetry, scale.T, coupling.functions[:n], -self._root, inner, (i, k)
        )
        return 0.5 * (effective + effective.T), amplitudes


_PAIRS = {1: singlet_pairs, -1: triplet_pairs}


@dataclass(frozen=True)
class _Coupling:
    """P W P, the rows of P W Q over the roots of the distances, A and B of one symmetry."""

    bare: Array
    functions: Single
    second: Array
    third: Array


def _couplings(
    states: Array, interaction: Array, n_orbitals: int, root: Single
) -> dict[int, _Coupling]:
    """Couple the pairs of the lowest orbitals to all others, in single precision."""
    states, interaction = states.astype(np.float32), interaction.astype(np.float32)
    size = len(states)
    kept = {
        s: np.empty((2, len(_PAIRS[s](n_orbitals)[0]), size, size), np.float32) for s in (1, -1)
    }
    bare = {s: np.empty((kept[s].shape[1],) * 2) for s in (1, -1)}
    rows = np.ascontiguousarray(states.T)
    weighted = states * rows[:n_orbitals, None, :].swapaxes(1, 2)
    for i in range(n_orbitals):
        # Electron 1 starts from orbital i, electron 2 from each orbital up to it.
        driven = ((rows * rows[i]) @ interaction) @ weighted[: i + 1]
        excited = driven * root
        on_points = ((states @ (excited * root)).reshape(-1, size) @ rows).reshape(driven.shape)
        for s in (1, -1):
            n = i + (s > 0)
            norms = np.where(np.arange(n) == i, 0.5, np.sqrt(0.5)).astype(np.float32)[:, None, None]
            pairs = slice(i * (i + s) // 2, i * (i + s) // 2 + n)
            small = driven[:n, :n_orbitals, :n_orbitals]
            a, b = _PAIRS[s](n_orbitals)
            factor = np.where(a == b, 1.0, np.sqrt(2.0))
            small = (small + s * small.swapaxes(1, 2)) * norms
            bare[s][pairs] = factor * small[:, a, b]
            for part, matrices in zip(kept[s], (excited, on_points), strict=True):
                np.add(matrices[:n], np.float32(s) * matrices[:n].swapaxes(1, 2), out=part[pairs])
                part[pairs] *= norms
    return {s: _coupling(bare[s], *kept[s], interaction) for s in (1, -1)}


def _coupling(bare: Array, functions: Single, on_points: Single, interaction: Single) -> _Coupling:
    """Second and third order from the excited pairs, on states and on points."""
    flat, points = (each.reshape(len(each), -1) for each in (functions, on_points))
    second = -(flat @ flat.T).astype(np.float64)
    third = points @ (points * interaction.ravel()).T
    third = 0.5 * (third + third.T).astype(np.float64)
    return _Coupling(0.5 * (bare + bare.T), functions, second, third)
