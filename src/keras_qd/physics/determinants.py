"""Spin sectors: all determinants of given numbers of electrons with spin up and down.

With as many electrons up as down, the sector is restricted to states even under the exchange of up
and down. They hold every even total spin [1]_; odd spins are found in the next sector.

References
----------
.. [1] J. Olsen, B. O. Roos, P. Jorgensen and H. J. A. Jensen, J. Chem. Phys. 89, 2185 (1988),
   doi:10.1063/1.455063.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from math import comb, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array


@dataclass(frozen=True)
class Removals:
    """All ways to remove electrons from strings: numbers of what stays, is taken, and the whole."""

    rest: Indices
    taken: Indices
    string: Indices
    sign: Array


def strings(n_orbitals: int, n_electrons: int) -> Indices:
    """Occupied orbitals of all strings, rising, shape (binomial, n_electrons)."""
    falling = list(combinations(range(n_orbitals - 1, -1, -1), n_electrons))
    rows = np.array(falling, dtype=np.intp).reshape(len(falling), n_electrons)
    return rows[::-1, ::-1].copy()


def string_numbers(occupied: Indices) -> Indices:
    """Numbers of strings, ``sum_k binomial(o_k, k + 1)``, from rising occupied orbitals (k, n)."""
    numbers = np.zeros(occupied.shape[0], dtype=np.intp)
    for k, orbitals in enumerate(occupied.T):
        table = np.array([comb(o, k + 1) for o in range(int(orbitals.max(initial=0)) + 1)])
        numbers += table[orbitals]
    return numbers


@lru_cache(maxsize=64)
def removals(n_orbitals: int, n_electrons: int, n_taken: int) -> Removals:
    """Tabulate all ways to remove `n_taken` electrons from strings of `n_electrons`."""
    occupied = strings(n_orbitals, n_electrons)
    parts = []
    for taken in combinations(range(n_electrons), n_taken):
        stay = [k for k in range(n_electrons) if k not in taken]
        sign = np.full(occupied.shape[0], (-1.0) ** sum(taken))
        numbers = (string_numbers(occupied[:, columns]) for columns in (stay, list(taken)))
        parts.append((*numbers, np.arange(occupied.shape[0]), sign))
    return Removals(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def occupations(n_orbitals: int, n_electrons: int) -> Array:
    """Electrons in each orbital of each string, shape (n_strings, n_orbitals)."""
    occupied = strings(n_orbitals, n_electrons)
    table = np.zeros((occupied.shape[0], n_orbitals))
    table[np.arange(occupied.shape[0])[:, None], occupied] = 1.0
    return table


Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Reduction:
    """R+ or R- of a sector: rows (spectators, pair) with the pair faster, columns basis states."""

    matrix: csr_array

    @cached_property
    def transpose(self) -> csc_array:
        """R^T, cached since making it takes SciPy longer than applying a small one."""
        return self.matrix.T

    @cached_property
    def dense(self) -> Array:
        """R as a dense matrix, for small sectors."""
        return np.asarray(self.matrix.toarray())


@dataclass(frozen=True)
class _Entries:
    """Elements of R between states (up string, down string) and (spectators, pair)."""

    spectators: Indices
    pair: Indices
    up: Indices
    down: Indices
    value: Array

    def where(self, kept: NDArray[np.bool_]) -> _Entries:
        return _Entries(
            self.spectators[kept], self.pair[kept], self.up[kept], self.down[kept], self.value[kept]
        )


def singlet_reduction(n_orbitals: int, n_up: int, n_down: int) -> Reduction:
    """R+ of a sector; no rows where all electrons point up."""
    entries = [_opposite_spins(n_orbitals, n_up, n_down, 1)] if n_down else []
    return _assemble(entries, n_orbitals, (n_up, n_down), n_orbitals * (n_orbitals + 1) // 2)


def triplet_reduction(n_orbitals: int, n_up: int, n_down: int) -> Reduction:
    """R- of a sector, like `singlet_reduction`; without rows where there are no triplet pairs."""
    entries = []
    if n_down and n_up + n_down > 2:
        entries.append(_opposite_spins(n_orbitals, n_up, n_down, -1))
    if n_up > 1:
        entries.append(_equal_spins(n_orbitals, n_up, n_down, up=True))
    if n_down > 1 and n_down != n_up:
        entries.append(_equal_spins(n_orbitals, n_down, n_up, up=False))
    return _assemble(entries, n_orbitals, (n_up, n_down), n_orbitals * (n_orbitals - 1) // 2)


def _opposite_spins(n_orbitals: int, n_up: int, n_down: int, symmetry: int) -> _Entries:
    """Remove an up and a down electron, as a singlet (symmetry 1) or a triplet pair (-1)."""
    up, down = (_outer(removals(n_orbitals, n, 1), axis) for axis, n in enumerate((n_up, n_down)))
    shape = (up.string.size, down.string.size)
    i, k, rest_up, rest_down, string_up, string_down = (
        np.broadcast_to(column, shape).ravel()
        for column in (up.taken, down.taken, up.rest, down.rest, up.string, down.string)
    )
    value = (up.sign * down.sign).ravel()
    value *= np.where(i == k, (1 + symmetry) / 2, sqrt(0.5) * np.where(i < k, symmetry, 1))
    if n_up == n_down:
        # The exchange maps the spectators (A, B) to (B, A): A >= B stands for both.
        value *= np.where(rest_up > rest_down, sqrt(2), np.where(rest_up == rest_down, 1, 0))
    high, low = np.maximum(i, k), np.minimum(i, k)
    pair = high * (high + symmetry) // 2 + low
    spectators = rest_up * comb(n_orbitals, n_down - 1) + rest_down
    return _Entries(spectators, pair, string_up, string_down, value).where(value != 0)


def _outer(removal: Removals, axis: int) -> Removals:
    """Lay the removals out along one axis of a table of two."""
    shape = (-1, 1) if axis == 0 else (1, -1)
    return Removals(
        removal.rest.reshape(shape),
        removal.taken.reshape(shape),
        removal.string.reshape(shape),
        removal.sign.reshape(shape),
    )


def _equal_spins(n_orbitals: int, n_taken_from: int, n_others: int, *, up: bool) -> _Entries:
    """Remove two electrons of equal spin: a triplet pair."""
    removal = removals(n_orbitals, n_taken_from, 2)
    n_strings = comb(n_orbitals, n_others)
    other = np.tile(np.arange(n_strings), removal.rest.size)
    rest, pair, string = (
        np.repeat(column, n_strings) for column in (removal.rest, removal.taken, removal.string)
    )
    value = np.repeat(removal.sign, n_strings)
    if n_taken_from == n_others:
        value *= sqrt(2)  # the pairs of the other spin give the same again
    up_string, down_string = (string, other) if up else (other, string)
    return _Entries(rest * n_strings + other, pair, up_string, down_string, value)


def _assemble(
    parts: list[_Entries], n_orbitals: int, electrons: tuple[int, int], n_pairs: int
) -> Reduction:
    n_up, n_down = (comb(n_orbitals, n) for n in electrons)
    is_even = electrons[0] == electrons[1]
    dimension = n_up * (n_up + 1) // 2 if is_even else n_up * n_down
    rows, columns, values, n_rows = [], [], [], 0
    for part in parts:
        kept, spectators = np.unique(part.spectators, return_inverse=True)
        rows.append(n_rows + spectators * n_pairs + part.pair)
        n_rows += kept.size * n_pairs
        high, low = np.maximum(part.up, part.down), np.minimum(part.up, part.down)
        columns.append(high * (high + 1) // 2 + low if is_even else part.up * n_down + part.down)
        values.append(part.value * np.where(is_even & (high != low), sqrt(0.5), 1.0))
    if not parts:
        return Reduction(csr_array((0, dimension)))
    entries = tuple(np.concatenate(column) for column in (values, rows, columns))
    return Reduction(csr_array((entries[0], entries[1:]), shape=(n_rows, dimension)))


@dataclass(frozen=True)
class SpinSector:
    """Determinants of ``n_up >= n_down`` electrons in at least `n_up` orbitals."""

    n_orbitals: int
    n_up: int
    n_down: int

    @property
    def n_electrons(self) -> int:
        """Number of electrons."""
        return self.n_up + self.n_down

    @property
    def is_even(self) -> bool:
        """Whether states are restricted to those even under the exchange of up and down."""
        return self.n_up == self.n_down

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of up strings and of down strings."""
        return comb(self.n_orbitals, self.n_up), comb(self.n_orbitals, self.n_down)

    @property
    def dimension(self) -> int:
        """Number of basis states."""
        n_up, n_down = self.shape
        return n_up * (n_up + 1) // 2 if self.is_even else n_up * n_down

    @cached_property
    def strings(self) -> tuple[Indices, Indices]:
        """Up string and down string of each basis state; up >= down where exchange is used."""
        if self.is_even:
            return np.tril_indices(self.shape[0])
        rows, columns = np.indices(self.shape)
        return rows.ravel(), columns.ravel()

    @cached_property
    def occupations(self) -> Array:
        """Electrons in each orbital of each basis state, shape (dimension, n_orbitals)."""
        up, down = self.strings
        electrons_up = occupations(self.n_orbitals, self.n_up)[up]
        return np.asarray(electrons_up + occupations(self.n_orbitals, self.n_down)[down])

    @cached_property
    def singlet_reduction(self) -> Reduction:
        """R+; without rows where all electrons point up."""
        return singlet_reduction(self.n_orbitals, self.n_up, self.n_down)

    @cached_property
    def triplet_reduction(self) -> Reduction:
        """R-."""
        return triplet_reduction(self.n_orbitals, self.n_up, self.n_down)

    def spin_squared(self, vector: Array) -> float:
        """Return the expectation of S^2 in a normalised state."""
        # A pair contributes 2 s_i . s_j, -3/2 for a singlet and 1/2 for a triplet, hence
        # <S^2> = N (N + 2) / 4 - 2 |R_+ psi|^2.
        n_singlets = float(np.sum((self.singlet_reduction.matrix @ vector) ** 2))
        return self.n_electrons * (self.n_electrons + 2) / 4 - 2 * n_singlets

    def amplitudes(self, vector: Array) -> Array:
        """Amplitudes of (up string, down string), shape `shape`."""
        matrix = np.zeros(self.shape)
        matrix[self.strings] = vector
        if self.is_even:
            matrix = (matrix + matrix.T) * sqrt(0.5)
            matrix[np.diag_indices_from(matrix)] *= sqrt(0.5)
        return matrix

    def density_matrices(self, vector: Array) -> tuple[Array, Array]:
        """One-body density matrices ``<a+_i a_j>`` of the up and down electrons of a state."""
        amplitudes = self.amplitudes(vector)
        up = _density_matrix(amplitudes, self.n_orbitals, self.n_up)
        if self.is_even:
            return up, up
        return up, _density_matrix(amplitudes.T, self.n_orbitals, self.n_down)

    def indices_of(self, small: SpinSector) -> Indices:
        """Return the indices here of the basis states of a sector with fewer orbitals."""
        up, down = small.strings
        return (up * (up + 1) // 2 if self.is_even else up * self.shape[1]) + down

    def embed(self, vectors: Array, small: SpinSector) -> Array:
        """Write states (k, small.dimension) of a sector with fewer orbitals in this one."""
        embedded = np.zeros((vectors.shape[0], self.dimension))
        embedded[:, self.indices_of(small)] = vectors
        return embedded


@lru_cache(maxsize=32)
def spin_sector(n_orbitals: int, n_up: int, n_down: int) -> SpinSector:
    """Return a cached sector."""
    return SpinSector(n_orbitals, n_up, n_down)


def _density_matrix(amplitudes: Array, n_orbitals: int, n_electrons: int) -> Array:
    """<a+_i a_j> of the electrons whose strings are the rows of the amplitudes."""
    if n_electrons == 0:
        return np.zeros((n_orbitals, n_orbitals))
    left = (annihilator(n_orbitals, n_electrons) @ amplitudes).reshape(n_orbitals, -1)
    return np.asarray(left @ left.T)


@lru_cache(maxsize=16)
def annihilator(n_orbitals: int, n_electrons: int) -> csr_array:
    """Remove one electron from a string: rows are (orbital, string that stays)."""
    one = removals(n_orbitals, n_electrons, 1)
    n_rest = comb(n_orbitals, n_electrons - 1)
    shape = (n_orbitals * n_rest, comb(n_orbitals, n_electrons))
    return csr_array((one.sign, (one.taken * n_rest + one.rest, one.string)), shape=shape)
