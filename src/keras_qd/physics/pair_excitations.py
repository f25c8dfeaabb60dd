r"""One-body density matrices of a state of M orbitals with its pair excitations into a grid.

A state of full CI in M orbitals, with the amplitudes X of `effective`, stands for

.. math:: \Psi = \Phi + \sum_{p, Q} X_{pQ}\, P_Q^\dagger P_p \Phi ,

where :math:`P_p` takes the pair p out of the M orbitals and :math:`P_Q^\dagger` puts a pair of the
grid instead, with one or two electrons outside the M orbitals. Sorted by the electrons
outside,

.. math:: \Psi = \Phi + \sum_{q \sigma} c_{q\sigma}^\dagger \chi_{q\sigma}
    + \sum_{q r} c_{q\uparrow}^\dagger c_{r\downarrow}^\dagger \xi_{qr} + \dots ,

with states chi and xi of N - 1 and N - 2 electrons in the M orbitals. All terms of the density
matrix up to the second order in X are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import comb, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from keras_qd.physics.determinants import annihilator
from keras_qd.physics.effective import EffectivePairs
from keras_qd.physics.integrals import singlet_pairs, triplet_pairs

Array = NDArray[np.float64]
Single = NDArray[np.float32]


def density_matrices(
    amplitudes: Array, n_up: int, n_down: int, pairs: EffectivePairs
) -> tuple[Array, Array]:
    """Density matrices (g, g) of the up and down electrons of a state (up, down strings)."""
    up, down, norm = quadratic_forms(amplitudes, n_up, n_down, pairs)
    return up / norm, down / norm


def quadratic_forms(
    amplitudes: Array, n_up: int, n_down: int, pairs: EffectivePairs
) -> tuple[Array, Array, float]:
    """Density matrices times the norm, and the norm; all quadratic in amplitudes of norm 1."""
    excited = _Excited(amplitudes, n_up, n_down, pairs)
    up = excited.density_matrix(of_up=True)
    # States of as many electrons up as down are even under the exchange of up and down.
    down = up if n_up == n_down else excited.density_matrix(of_up=False)
    return up, down, excited.weight


@dataclass(frozen=True)
class _Ladder:
    """Ladder operators on states (..., up strings, down strings), up operators to the left."""

    n_orbitals: int

    def lower_up(self, states: Array, n_up: int) -> Array:
        """``a_i`` on each state, shape (n_orbitals, ..., up strings, down strings)."""
        return _lowered(annihilator(self.n_orbitals, n_up), states, self.n_orbitals, axis=-2)

    def lower_down(self, states: Array, n_up: int, n_down: int) -> Array:
        """Lower the down electrons, which pass the `n_up` others."""
        lowered = _lowered(annihilator(self.n_orbitals, n_down), states, self.n_orbitals, axis=-1)
        return np.asarray((-1) ** n_up * lowered)

    def raise_up(self, states: Array, n_up: int) -> Array:
        """``sum_i a+_i states[i]`` into states of `n_up` up electrons."""
        return _raised(annihilator(self.n_orbitals, n_up), states, axis=-2)

    def raise_down(self, states: Array, n_up: int, n_down: int) -> Array:
        """Raise down electrons, the counterpart of `raise_up`."""
        raised = _raised(annihilator(self.n_orbitals, n_down), states, axis=-1)
        return np.asarray((-1) ** n_up * raised)


def _lowered(operator: csr_array, states: Array, n_orbitals: int, axis: int) -> Array:
    moved = np.moveaxis(states, axis, 0)
    result = operator @ moved.reshape(moved.shape[0], -1)
    return np.moveaxis(result.reshape(n_orbitals, -1, *moved.shape[1:]), 1, axis)


def _raised(operator: csr_array, states: Array, axis: int) -> Array:
    moved = np.moveaxis(states, axis, 1)
    result = operator.T @ moved.reshape(moved.shape[0] * moved.shape[1], -1)
    return np.moveaxis(result.reshape(-1, *moved.shape[2:]), 0, axis)


class _Excited:
    """A state and its excitations."""

    def __init__(self, state: Array, n_up: int, n_down: int, pairs: EffectivePairs) -> None:
        self._state, self._n_up, self._n_down, self._pairs = state, n_up, n_down, pairs
        self._m, self._n_states = pairs.n_orbitals, pairs.n_states
        self._ladder = _Ladder(self._m)
        self._kinds = self._removed()
        self._one_up, self._one_down = self._one_outside()

    def density_matrix(self, *, of_up: bool) -> Array:
        """``<a+_i a_j>`` of the up or the down electrons times the norm, between all states."""
        m = self._m
        matrix = np.zeros((self._n_states, self._n_states))
        if not (self._n_up if of_up else self._n_down):
            return matrix
        matrix[:m, :m] = self._inside(of_up)
        matrix[:m, m:] = across = self._across(of_up)
        matrix[m:, :m] = across.T
        one = self._one_up if of_up else self._one_down
        flat = one.reshape(len(one), -1)
        matrix[m:, m:] = flat @ flat.T
        for kind in self._kinds:
            if kind.has(of_up):
                matrix[m:, m:] += kind.outer(of_up)
        return matrix

    @cached_property
    def weight(self) -> float:
        """Norm of the whole state."""
        both = sum(kind.share * kind.weight for kind in self._kinds)
        return 1.0 + float(np.sum(self._one_up**2) + np.sum(self._one_down**2)) + both

    def _inside(self, of_up: bool) -> Array:
        """Density matrix between the M orbitals, whatever is outside."""
        matrix = self._matrix(self._state[None], 0, 0, of_up)
        matrix += self._matrix(self._one_up, 1, 0, of_up)
        matrix += self._matrix(self._one_down, 0, 1, of_up)
        for kind in self._kinds:
            rest = self._matrix(kind.spectators, kind.ups, 2 - kind.ups, of_up)
            matrix += kind.share * rest
        return matrix

    def _across(self, of_up: bool) -> Array:
        """Density matrix between the M orbitals and the states outside."""
        one = self._one_up if of_up else self._one_down
        lowered = self._lowered(self._state, 0, 0, of_up)
        across = np.tensordot(lowered, one, ((1, 2), (1, 2)))
        for kind in self._kinds:
            if kind.opposite:
                # The ladder passes the up electron outside, in chi as in xi, or the down one.
                other = self._one_down if of_up else self._one_up
                lowered = self._lowered(other, 1 - of_up, of_up, of_up)
                across += (-1 if of_up else 1) * kind.mixed(lowered, of_up)
            elif kind.has(of_up):
                lowered = self._lowered(one, of_up, 1 - of_up, of_up)
                across -= kind.mixed(lowered, of_up=True)
        return across

    def _lowered(self, states: Array, ups_out: int, downs_out: int, of_up: bool) -> Array:
        """``c_a`` on states with so many electrons less than the whole."""
        n_up, n_down = self._n_up - ups_out, self._n_down - downs_out
        if of_up:
            return self._ladder.lower_up(states, n_up)
        return self._ladder.lower_down(states, n_up, n_down)

    def _removed(self) -> list[_Removed]:
        """Take a pair out of the state: of opposite spins, two up, two down."""
        ladder, n_up, n_down, m = self._ladder, self._n_up, self._n_down, self._m
        i, k = np.tril_indices(m, -1)
        kinds = []
        if n_up and n_down:
            rest = ladder.lower_down(ladder.lower_up(self._state, n_up), n_up - 1, n_down)
            # rest[k, i] = a_k(down) a_i(up) state
            kinds.append(_natural(rest.swapaxes(0, 1), self._opposite, 1, m))
        if n_up > 1:
            rest = ladder.lower_up(ladder.lower_up(self._state, n_up), n_up - 1)
            kinds.append(_natural(sqrt(2) * rest[k, i], self._pairs.triplet.combined, 2, m))
        if n_down > 1:
            once = ladder.lower_down(self._state, n_up, n_down)
            rest = ladder.lower_down(once, n_up, n_down - 1)
            kinds.append(_natural(sqrt(2) * rest[k, i], self._pairs.triplet.combined, 0, m))
        return kinds

    def _opposite(self, factors: Array) -> Single:
        """Combine amplitudes of electrons of opposite spin in orbitals i (up) and k (down)."""
        factors = factors.reshape(-1, self._m, self._m)
        i, k = singlet_pairs(self._m)
        even = np.where(i == k, 0.5, sqrt(0.5)) * (factors[:, i, k] + factors[:, k, i])
        i, k = triplet_pairs(self._m)
        odd = sqrt(0.5) * (factors[:, i, k] - factors[:, k, i])
        return self._pairs.singlet.combined(even) + self._pairs.triplet.combined(odd)

    def _one_outside(self) -> tuple[Array, Array]:
        """States chi with one up or one down electron outside, shape (outside, ...)."""
        n_outside = self._n_states - self._m
        n_up, n_down, ladder = self._n_up, self._n_down, self._ladder
        strings_up, strings_down = self._state.shape
        up = np.zeros((n_outside, _strings(self._m, n_up - 1), strings_down))
        down = np.zeros((n_outside, strings_up, _strings(self._m, n_down - 1)))
        for kind in self._kinds:
            if kind.opposite:
                up += ladder.raise_down(kind.inner(last=True), n_up - 1, n_down)
                down -= ladder.raise_up(kind.inner(last=False), n_up)
            elif kind.ups:
                up += ladder.raise_up(kind.inner(last=True), n_up - 1)
            else:
                down += ladder.raise_down(kind.inner(last=True), n_up, n_down - 1)
        return up, down

    def _matrix(self, states: Array, ups_out: int, downs_out: int, of_up: bool) -> Array:
        """Sum of the density matrices of states in the M orbitals."""
        n_left = self._n_up - ups_out if of_up else self._n_down - downs_out
        if n_left < 1 or not states.size:
            return np.zeros((self._m, self._m))
        lowered = self._lowered(states, ups_out, downs_out, of_up).reshape(self._m, -1)
        return np.asarray(lowered @ lowered.T)


def _strings(n_orbitals: int, n_electrons: int) -> int:
    """Count the strings; none where an electron too many was taken out."""
    return comb(n_orbitals, n_electrons) if n_electrons >= 0 else 0


#: Share of the weight of all pairs below which a natural pair is left out.
_CUT = 1e-9


def _natural(
    states: Array, combined: Callable[[Array], Single], ups: int, n_orbitals: int
) -> _Removed:
    """Combine pairs into natural ones, with orthogonal states: few of them have any weight."""
    shape = states.shape[-2:]
    flat = states.reshape(-1, shape[0] * shape[1])
    if len(flat) < flat.shape[1]:
        values, vectors = np.linalg.eigh(flat @ flat.T)
        vectors = vectors[:, values > _CUT * values.sum()].T
        states = vectors @ flat
    else:
        values, vectors = np.linalg.eigh(flat.T @ flat)
        kept = values > _CUT * values.sum()
        states = (vectors[:, kept] * np.sqrt(values[kept])).T
        vectors = states @ flat.T / values[kept, None]
    return _Removed(states.reshape(-1, *shape), combined(vectors), ups, n_orbitals)


@dataclass(frozen=True)
class _Removed:
    """A state with each natural pair p taken out, and the pairs of states put in instead."""

    # `states` (pairs, up strings, down strings) are P_p Phi, orthogonal; `amplitudes` (pairs, g, g)
    # are in the order of the electrons that are put in, `ups` of which point up. The first
    # `n_orbitals` of the g states are inside.

    states: Array
    amplitudes: Single
    ups: int
    n_orbitals: int

    @property
    def opposite(self) -> bool:
        """Whether the pair has one electron of each spin."""
        return self.ups == 1

    @property
    def share(self) -> float:
        """Share of each ordered pair of states in the norm: equal spins count them twice."""
        return 1.0 if self.opposite else 0.5

    def has(self, of_up: bool) -> bool:
        """Whether an electron of this spin is among the pair."""
        return self.ups > 0 if of_up else self.ups < 2

    @cached_property
    def _norms(self) -> Array:
        return np.asarray(np.sum(self.states**2, axis=(1, 2)))

    @cached_property
    def _outside(self) -> Single:
        """Amplitudes of two electrons outside, shape (pairs, outside, outside)."""
        m = self.n_orbitals
        return np.ascontiguousarray(self.amplitudes[:, m:, m:])

    def inner(self, *, last: bool) -> Array:
        """``sum_p X_p[q, b] P_p Phi``, b the last or first electron inside: (b, q, ...)."""
        m = self.n_orbitals
        part = self.amplitudes[:, m:, :m] if last else self.amplitudes[:, :m, m:].swapaxes(1, 2)
        return np.tensordot(part, self.states, ((0,), (0,))).swapaxes(0, 1)

    @cached_property
    def weight(self) -> float:
        """Norm of the part with both electrons outside."""
        return float(self._norms @ np.sum(self._outside**2, axis=(1, 2)))

    @cached_property
    def spectators(self) -> Array:
        """States whose density matrices add up to those that two electrons outside leave behind."""
        flat = self._outside.reshape(len(self.states), -1)
        values, vectors = np.linalg.eigh((flat @ flat.T).astype(np.float64))
        return np.tensordot((vectors * np.sqrt(np.maximum(values, 0.0))).T, self.states, 1)

    def outer(self, of_up: bool) -> Array:
        """``sum_r <xi_qr | xi_q'r>`` over the other electron, shape (outside, outside)."""
        both = self._outside * np.sqrt(self._norms)[:, None, None].astype(np.float32)
        n_outside = both.shape[-1]
        rows = (
            both.swapaxes(0, 1).reshape(n_outside, -1) if of_up else both.reshape(-1, n_outside).T
        )
        return np.asarray(rows @ rows.T, dtype=np.float64)

    def mixed(self, lowered: Array, of_up: bool) -> Array:
        """``sum_r <chi_r | c+_a xi_qr>`` from ``lowered = c_a chi_r``, shape (m, outside)."""
        overlaps = np.tensordot(self.states, lowered, ((1, 2), (2, 3)))  # (p, a, r)
        outside = self._outside.swapaxes(1, 2) if of_up else self._outside
        return np.asarray((overlaps.astype(np.float32) @ outside).sum(axis=0), dtype=np.float64)
