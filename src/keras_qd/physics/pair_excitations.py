r"""One-body density matrices of a state of M orbitals with its pair excitations into a grid.

A state of full CI in M orbitals, with the amplitudes X of `effective`, stands for

.. math:: \Psi = \Phi + \sum_{p, Q} X_{pQ}\, P_Q^\dagger P_p \Phi ,

where :math:`P_p` takes the pair p out of the M orbitals and :math:`P_Q^\dagger` puts a pair of the
grid in its place, with one or two electrons outside the M orbitals. Sorted by the electrons
outside,

.. math:: \Psi = \Phi + \sum_{q \sigma} c_{q\sigma}^\dagger \chi_{q\sigma}
    + \sum_{q r} c_{q\uparrow}^\dagger c_{r\downarrow}^\dagger \xi_{qr} + \dots ,

with states chi and xi of N - 1 and N - 2 electrons in the M orbitals. All terms of the density
matrix up to the second order in X are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import comb, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from keras_qd.physics.determinants import annihilator
from keras_qd.physics.effective import EffectivePairs

Array = NDArray[np.float64]
Single = NDArray[np.float32]


def density_matrices(
    amplitudes: Array, n_up: int, n_down: int, pairs: EffectivePairs
) -> tuple[Array, Array]:
    """Density matrices of the up and down electrons, in the basis of all one-electron states.

    Parameters
    ----------
    amplitudes : ndarray, shape (up strings, down strings)
        Of a normalised state of `n_up` and `n_down` electrons in the M orbitals.
    n_up, n_down : int
        Numbers of electrons.
    pairs : EffectivePairs
        The amplitudes of the excitations.

    Returns
    -------
    up, down : ndarray, shape (g, g)
        ``<a+_i a_j>``; their traces are `n_up` and `n_down`.
    """
    up = _Excited(amplitudes, n_up, n_down, pairs).density_matrix()
    if n_up == n_down:
        return up, up  # such states are even under the exchange of up and down
    return up, _Excited(amplitudes.T, n_down, n_up, pairs).density_matrix()


@dataclass(frozen=True)
class _Ladder:
    """Ladder operators of the up or the down electrons of states with (n_up, n_down) electrons.

    States are arrays of shape (..., up strings, down strings), up operators standing to the left.
    """

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
    """A state and its excitations, seen from its up electrons."""

    def __init__(self, state: Array, n_up: int, n_down: int, pairs: EffectivePairs) -> None:
        self._state, self._n_up, self._n_down = state, n_up, n_down
        self._opposite, self._equal = pairs.opposite, pairs.triplet
        self._m = self._opposite.shape[0]
        self._ladder = _Ladder(self._m)

    def density_matrix(self) -> Array:
        """``<a+_i a_j>`` of the up electrons, in the basis of all states."""
        m, n_states = self._m, self._opposite.shape[-1]
        matrix = np.zeros((n_states, n_states))
        if self._n_up == 0:
            return matrix
        removed = self._removed()
        one_up, one_down = self._one_outside(removed)
        weight = 1.0 + np.sum(one_up**2) + np.sum(one_down**2)
        inside = self._matrix(self._state[None], self._n_up)
        inside += self._matrix(one_up, self._n_up - 1) + self._matrix(one_down, self._n_up)
        lowered = self._ladder.lower_up
        flat = one_up.reshape(len(one_up), -1)
        matrix[m:, m:] = flat @ flat.T
        across = np.tensordot(lowered(self._state, self._n_up), one_up, ((1, 2), (1, 2)))
        for kind in removed:
            share, n_up = (1.0, self._n_up - 1) if kind.opposite else (0.5, self._n_up - kind.ups)
            weight += share * kind.weight(m)
            inside += share * self._matrix(kind.spectators(m), n_up)
            if kind.ups:
                matrix[m:, m:] += kind.outer(m)
                left = one_down if kind.opposite else one_up
                n_left = self._n_up - (0 if kind.opposite else 1)
                across -= kind.mixed(lowered(left, n_left))
        matrix[:m, :m] = inside
        matrix[:m, m:], matrix[m:, :m] = across, across.T
        return matrix / weight

    def _removed(self) -> list[_Removed]:
        """Take a pair out of the state: of opposite spins, two up, two down."""
        ladder, n_up, n_down, m = self._ladder, self._n_up, self._n_down, self._m
        i, k = np.tril_indices(m, -1)
        kinds = []
        if n_up and n_down:
            rest = ladder.lower_down(ladder.lower_up(self._state, n_up), n_up - 1, n_down)
            # rest[k, i] = a_k(down) a_i(up) state
            pairs = rest.swapaxes(0, 1).reshape(m * m, *rest.shape[2:])
            kinds.append(_natural(pairs, self._opposite.reshape(m * m, *self._equal.shape[1:]), 1))
        if n_up > 1:
            rest = ladder.lower_up(ladder.lower_up(self._state, n_up), n_up - 1)
            kinds.append(_natural(sqrt(2) * rest[k, i], self._equal, 2))
        if n_down > 1:
            once = ladder.lower_down(self._state, n_up, n_down)
            rest = ladder.lower_down(once, n_up, n_down - 1)
            kinds.append(_natural(sqrt(2) * rest[k, i], self._equal, 0))
        return kinds

    def _one_outside(self, removed: list[_Removed]) -> tuple[Array, Array]:
        """States chi with one up or one down electron outside, shape (outside, ...)."""
        n_outside = self._equal.shape[1] - self._m
        n_up, n_down, ladder = self._n_up, self._n_down, self._ladder
        strings_up, strings_down = self._state.shape
        up = np.zeros((n_outside, _strings(self._m, n_up - 1), strings_down))
        down = np.zeros((n_outside, strings_up, _strings(self._m, n_down - 1)))
        for kind in removed:
            if kind.opposite:
                up += ladder.raise_down(kind.inner(self._m, last=True), n_up - 1, n_down)
                down -= ladder.raise_up(kind.inner(self._m, last=False), n_up)
            elif kind.ups:
                up += ladder.raise_up(kind.inner(self._m, last=True), n_up - 1)
            else:
                down += ladder.raise_down(kind.inner(self._m, last=True), n_up, n_down - 1)
        return up, down

    def _matrix(self, states: Array, n_up: int) -> Array:
        """Sum of the density matrices of the up electrons of states in the M orbitals."""
        if n_up < 1 or not states.size:
            return np.zeros((self._m, self._m))
        lowered = self._ladder.lower_up(states, n_up).reshape(self._m, -1)
        return np.asarray(lowered @ lowered.T)


def _strings(n_orbitals: int, n_electrons: int) -> int:
    """Count the strings; none where an electron too many was taken out."""
    return comb(n_orbitals, n_electrons) if n_electrons >= 0 else 0


#: Share of the weight of all pairs below which a natural pair is left out.
_CUT = 1e-9


def _natural(states: Array, amplitudes: Single, ups: int) -> _Removed:
    """Combine pairs into natural ones, with orthogonal states: few of them have any weight."""
    flat = states.reshape(len(states), -1)
    values, vectors = np.linalg.eigh(flat @ flat.T)
    vectors = vectors[:, values > _CUT * values.sum()].T
    combined = vectors.astype(np.float32) @ amplitudes.reshape(len(states), -1)
    return _Removed(
        np.tensordot(vectors, states, 1), combined.reshape(-1, *amplitudes.shape[1:]), ups
    )


@dataclass(frozen=True)
class _Removed:
    """A state with each natural pair p taken out, and the pairs of states that come in its place.

    Parameters
    ----------
    states : ndarray, shape (pairs, up strings, down strings)
        ``P_p Phi``, orthogonal.
    amplitudes : ndarray, shape (pairs, g, g)
        In the order of the electrons that are put in.
    ups : int
        Up electrons of the pair.
    """

    states: Array
    amplitudes: Single
    ups: int

    @property
    def opposite(self) -> bool:
        """Whether the pair has one electron of each spin."""
        return self.ups == 1

    @cached_property
    def _norms(self) -> Array:
        return np.asarray(np.sum(self.states**2, axis=(1, 2)))

    def inner(self, m: int, *, last: bool) -> Array:
        """``sum_p X_p[q, b] P_p Phi``, b the last or first electron inside: (b, q, ...)."""
        part = self.amplitudes[:, m:, :m] if last else self.amplitudes[:, :m, m:].swapaxes(1, 2)
        return np.tensordot(part, self.states, ((0,), (0,))).swapaxes(0, 1)

    def weight(self, m: int) -> float:
        """Norm of the part with both electrons outside."""
        return float(self._norms @ np.sum(self.amplitudes[:, m:, m:] ** 2, axis=(1, 2)))

    def spectators(self, m: int) -> Array:
        """States whose density matrices add up to those that two electrons outside leave behind."""
        flat = self.amplitudes[:, m:, m:].reshape(len(self.states), -1)
        values, vectors = np.linalg.eigh((flat @ flat.T).astype(np.float64))
        return np.tensordot((vectors * np.sqrt(np.maximum(values, 0.0))).T, self.states, 1)

    def outer(self, m: int) -> Array:
        """``sum_r <xi_qr | xi_q'r>``, shape (outside, outside)."""
        both = self.amplitudes[:, m:, m:] * np.sqrt(self._norms)[:, None, None]
        flat = both.swapaxes(0, 1).reshape(both.shape[1], -1)
        return np.asarray(flat @ flat.T)

    def mixed(self, lowered: Array) -> Array:
        """``sum_r <chi_r | c+_a xi_qr>`` from ``lowered = c_a chi_r``, shape (m, outside)."""
        m = len(lowered)
        overlaps = np.tensordot(lowered, self.states, ((2, 3), (1, 2)))  # (a, r, p)
        return np.tensordot(overlaps, self.amplitudes[:, m:, m:], ((1, 2), (2, 0)))
