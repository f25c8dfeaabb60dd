r"""Spin sectors: determinants of n_up and n_down electrons, and the pairs that can be taken out of them.

Strings of n orbitals are kept in colexicographic order (the combinatorial number system [1]_), so the strings
that use the lowest m orbitals come first: a small problem is a leading part of a large one.

Taking one pair of electrons out of a state psi leaves amplitudes Phi = R psi, labelled by the electrons that
stay (the spectators) and by the pair, and R is sparse. Singlet pairs and triplet pairs are kept apart, which
makes the many-electron interaction block-diagonal,

.. math:: H = \sum_i e_i n_i + R_+^T (1 \otimes W^+) R_+ + R_-^T (1 \otimes W^-) R_- ,

with the two matrices of `pairs`. It is the matrix-product form of direct configuration interaction [2]_, split by
the spin of the pair. The number of singlet pairs also gives the total spin: each pair contributes
``2 s_i . s_j`` = -3/2 or 1/2, so that ``<S^2> = N (N + 2) / 4 - 2 |R_+ psi|^2``.

With as many electrons up as down, the sector is restricted to states even under the exchange of up and down. They
hold every even total spin [3]_; odd spins are found in the next sector.

References
----------
.. [1] D. E. Knuth, The Art of Computer Programming 4A, section 7.2.1.3.
.. [2] P. J. Knowles and N. C. Handy, Chem. Phys. Lett. 111, 315 (1984), doi:10.1016/0009-2614(84)85513-X.
.. [3] J. Olsen et al., J. Chem. Phys. 89, 2185 (1988), doi:10.1063/1.455063.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from math import comb, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Removals:
    """All ways to take electrons out of strings.

    Parameters
    ----------
    rest : ndarray of int, shape (k,)
        Number of the string that stays.
    taken : ndarray of int, shape (k,)
        Number of the string that is taken out: an orbital, or a pair of them.
    string : ndarray of int, shape (k,)
        Number of the string that it is taken from.
    sign : ndarray, shape (k,)
        Fermi sign.
    """

    rest: Places
    taken: Places
    string: Places
    sign: Array


def strings(n_orbitals: int, n_electrons: int) -> Places:
    """Occupied orbitals of all strings, rising, in colexicographic order.

    Examples
    --------
    >>> strings(4, 2).tolist()
    [[0, 1], [0, 2], [1, 2], [0, 3], [1, 3], [2, 3]]
    """
    falling = combinations(range(n_orbitals - 1, -1, -1), n_electrons)
    rows = np.array(list(falling), dtype=np.intp).reshape(
        comb(n_orbitals, n_electrons), n_electrons
    )
    return rows[::-1, ::-1].copy()


def string_numbers(occupied: Places) -> Places:
    """Places of strings in colexicographic order: ``sum_k binomial(o_k, k + 1)``."""
    numbers = np.zeros(occupied.shape[0], dtype=np.intp)
    for k, orbitals in enumerate(occupied.T):
        table = np.array([comb(o, k + 1) for o in range(int(orbitals.max(initial=0)) + 1)])
        numbers += table[orbitals]
    return numbers


@lru_cache(maxsize=64)
def removals(n_orbitals: int, n_electrons: int, n_taken: int) -> Removals:
    """Tabulate all ways to take `n_taken` electrons out of strings of `n_electrons`."""
    occupied = strings(n_orbitals, n_electrons)
    parts = []
    for positions in combinations(range(n_electrons), n_taken):
        kept = [k for k in range(n_electrons) if k not in positions]
        sign = np.full(occupied.shape[0], (-1.0) ** sum(positions))
        parts.append(
            (string_numbers(occupied[:, kept]), string_numbers(occupied[:, list(positions)]), sign)
        )
    rest, taken, sign = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Removals(rest, taken, np.tile(np.arange(occupied.shape[0]), len(parts)), sign)


@dataclass(frozen=True)
class SpinSector:
    """Determinants of `n_up` and `n_down` electrons in `n_orbitals` orbitals.

    Parameters
    ----------
    n_orbitals, n_up, n_down : int
        ``n_up >= n_down``; both at most `n_orbitals`.
    """

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
    def occupations(self) -> Array:
        """Electrons in each orbital of each basis state, shape (dimension, n_orbitals)."""
        up, down = (_occupations(self.n_orbitals, n) for n in (self.n_up, self.n_down))
        rows, columns = self._strings_of_states
        return np.asarray(up[rows] + down[columns])

    @cached_property
    def _strings_of_states(self) -> tuple[Places, Places]:
        if self.is_even:
            return np.tril_indices(self.shape[0])
        rows, columns = np.indices(self.shape)
        return rows.ravel(), columns.ravel()

    @cached_property
    def singlet_reduction(self) -> csr_array:
        """R+, shape (spectators * singlet pairs, dimension)."""
        blocks = [_opposite_spins(self, 1)] if self.n_down else []
        n_pairs = self.n_orbitals * (self.n_orbitals + 1) // 2
        return _stack(blocks, n_pairs, self.dimension)

    @cached_property
    def triplet_reduction(self) -> csr_array:
        """R-, shape (spectators * triplet pairs, dimension)."""
        blocks = [_opposite_spins(self, -1)] if self.n_down and self.n_electrons > 2 else []
        if self.n_up > 1:
            blocks.append(_equal_spins(self, up=True))
        if self.n_down > 1 and not self.is_even:
            blocks.append(_equal_spins(self, up=False))
        n_pairs = self.n_orbitals * (self.n_orbitals - 1) // 2
        return _stack(blocks, n_pairs, self.dimension)

    def spin_squared(self, vector: Array) -> float:
        """Expectation of S^2."""
        singlets = float(np.sum((self.singlet_reduction @ vector) ** 2)) if self.n_down else 0.0
        return self.n_electrons * (self.n_electrons + 2) / 4 - 2 * singlets

    def as_matrix(self, vector: Array) -> Array:
        """Amplitudes of (up string, down string), shape `shape`."""
        matrix = np.zeros(self.shape)
        rows, columns = self._strings_of_states
        matrix[rows, columns] = vector
        if self.is_even:
            matrix = (matrix + matrix.T) * sqrt(0.5)
            matrix[np.diag_indices_from(matrix)] *= sqrt(0.5)
        return matrix

    def density_matrices(self, vector: Array) -> tuple[Array, Array]:
        """One-body density matrices of the up and of the down electrons.

        Parameters
        ----------
        vector : ndarray, shape (dimension,)
            Normalised state.

        Returns
        -------
        up, down : ndarray, shape (n_orbitals, n_orbitals)
            ``<a+_i a_j>``; their traces are `n_up` and `n_down`.
        """
        amplitudes = self.as_matrix(vector)
        up = _density_matrix(amplitudes, self.n_orbitals, self.n_up)
        if self.is_even:
            return up, up
        return up, _density_matrix(amplitudes.T, self.n_orbitals, self.n_down)

    def places_of(self, small: SpinSector) -> Places:
        """Places that the basis states of the same electrons in fewer orbitals have in this sector."""
        rows, columns = small._strings_of_states
        return (rows * (rows + 1) // 2 if self.is_even else rows * self.shape[1]) + columns

    def embed(self, vectors: Array, small: SpinSector) -> Array:
        """Write states of the same electrons in fewer orbitals as states of this sector.

        Parameters
        ----------
        vectors : ndarray, shape (k, small.dimension)
        small : SpinSector
            The sector that they belong to.

        Returns
        -------
        ndarray, shape (k, dimension)
        """
        embedded = np.zeros((vectors.shape[0], self.dimension))
        embedded[:, self.places_of(small)] = vectors
        return embedded


def _occupations(n_orbitals: int, n_electrons: int) -> Array:
    occupied = strings(n_orbitals, n_electrons)
    table = np.zeros((occupied.shape[0], n_orbitals))
    table[np.arange(occupied.shape[0])[:, None], occupied] = 1.0
    return table


def _density_matrix(amplitudes: Array, n_orbitals: int, n_electrons: int) -> Array:
    """<a+_i a_j> of the electrons whose strings number the rows of the amplitudes."""
    if n_electrons == 0:
        return np.zeros((n_orbitals, n_orbitals))
    one = removals(n_orbitals, n_electrons, 1)
    n_rest = comb(n_orbitals, n_electrons - 1)
    annihilate = csr_array(
        (one.sign, (one.taken * n_rest + one.rest, one.string)),
        shape=(n_orbitals * n_rest, amplitudes.shape[0]),
    )
    left = (annihilate @ amplitudes).reshape(n_orbitals, -1)
    return np.asarray(left @ left.T)


def _opposite_spins(sector: SpinSector, symmetry: int) -> coo_array:
    """Take an up and a down electron out, as a singlet (symmetry 1) or a triplet (-1) pair."""
    up = removals(sector.n_orbitals, sector.n_up, 1)
    down = removals(sector.n_orbitals, sector.n_down, 1)
    i, k = _outer(up.taken, down.taken)
    rest_up, rest_down = _outer(up.rest, down.rest)
    string_up, string_down = _outer(up.string, down.string)
    value = np.outer(up.sign, down.sign).ravel()
    value *= np.where(i == k, (1 + symmetry) / 2, sqrt(0.5) * np.where(i > k, 1, symmetry))
    if sector.is_even:
        # Exchanging up and down maps the spectators (A, B) to (B, A): keep A >= B, with both weights.
        value *= np.where(rest_up > rest_down, sqrt(2), np.where(rest_up == rest_down, 1, 0))
        spectators = rest_up * (rest_up + 1) // 2 + rest_down
        n_spectators = comb(comb(sector.n_orbitals, sector.n_up - 1) + 1, 2)
    else:
        n_rest = comb(sector.n_orbitals, sector.n_down - 1)
        spectators = rest_up * n_rest + rest_down
        n_spectators = comb(sector.n_orbitals, sector.n_up - 1) * n_rest
    high, low = np.maximum(i, k), np.minimum(i, k)
    pair = high * (high + symmetry) // 2 + low
    n_pairs = sector.n_orbitals * (sector.n_orbitals + symmetry) // 2
    used = value != 0
    return _coo(
        sector,
        (spectators * n_pairs + pair)[used],
        (string_up[used], string_down[used]),
        value[used],
        n_spectators * n_pairs,
    )


def _equal_spins(sector: SpinSector, *, up: bool) -> coo_array:
    """Take two electrons of equal spin out: a triplet pair."""
    pair = removals(sector.n_orbitals, sector.n_up if up else sector.n_down, 2)
    others = np.arange(sector.shape[1 if up else 0])
    rest, other = _outer(pair.rest, others)
    taken, _ = _outer(pair.taken, others)
    string, _ = _outer(pair.string, others)
    value, _ = _outer(pair.sign, others)
    if sector.is_even:
        value = value * sqrt(2)  # the down pairs give the same again
    n_rest = comb(sector.n_orbitals, (sector.n_up if up else sector.n_down) - 2)
    n_pairs = sector.n_orbitals * (sector.n_orbitals - 1) // 2
    rows = (rest * others.size + other) * n_pairs + taken
    strings_ = (string, other) if up else (other, string)
    return _coo(sector, rows, strings_, value, n_rest * others.size * n_pairs)


def _coo(
    sector: SpinSector, rows: Places, strings_: tuple[Places, Places], value: Array, n_rows: int
) -> coo_array:
    """Collect entries; the columns are the basis states that hold the given strings."""
    up, down = strings_
    if not sector.is_even:
        columns = up * sector.shape[1] + down
    else:
        high, low = np.maximum(up, down), np.minimum(up, down)
        columns = high * (high + 1) // 2 + low
        value = np.where(up == down, value, value * sqrt(0.5))
    return coo_array((value, (rows, columns)), shape=(n_rows, sector.dimension))


def _outer(first: NDArray[np.generic], second: NDArray[np.generic]) -> tuple[Places, Places]:
    return np.repeat(first, second.size), np.tile(second, first.size)


def _stack(blocks: list[coo_array], n_pairs: int, dimension: int) -> csr_array:
    """Stack reductions and drop the rows of spectators that never occur."""
    if not blocks:
        return csr_array((0, dimension))
    rows = np.cumsum([0, *(block.shape[0] for block in blocks)])
    row = np.concatenate(
        [block.coords[0] + start for block, start in zip(blocks, rows, strict=False)]
    )
    column = np.concatenate([block.coords[1] for block in blocks])
    value = np.concatenate([block.data for block in blocks])
    spectators, places = np.unique(row // n_pairs, return_inverse=True)
    shape = (spectators.size * n_pairs, dimension)
    return csr_array((value, (places * n_pairs + row % n_pairs, column)), shape=shape)


@lru_cache(maxsize=24)
def spin_sector(n_orbitals: int, n_up: int, n_down: int) -> SpinSector:
    """Return the sector, with its tables kept for the next call."""
    return SpinSector(n_orbitals, n_up, n_down)
