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
from math import comb, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from keras_qd.physics.reductions import Reduction, singlet_reduction, triplet_reduction
from keras_qd.physics.strings import occupations, removals

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class SpinSector:
    """Determinants of `n_up` and `n_down` electrons in `n_orbitals` orbitals.

    Parameters
    ----------
    n_orbitals, n_up, n_down : int
        ``n_up >= n_down``, and ``n_up <= n_orbitals``.
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
    def strings(self) -> tuple[Places, Places]:
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
        """R+ of `reductions`; without rows where all electrons point up."""
        return singlet_reduction(self.n_orbitals, self.n_up, self.n_down)

    @cached_property
    def triplet_reduction(self) -> Reduction:
        """R- of `reductions`."""
        return triplet_reduction(self.n_orbitals, self.n_up, self.n_down)

    def spin_squared(self, vector: Array) -> float:
        """Return the expectation of S^2.

        Each pair of electrons contributes ``2 s_i . s_j``, -3/2 for a singlet and 1/2 for a
        triplet, so that ``<S^2> = N (N + 2) / 4 - 2 |R_+ psi|^2``.

        Parameters
        ----------
        vector : ndarray, shape (dimension,)
            Normalised state.

        Returns
        -------
        float
        """
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
        amplitudes = self.amplitudes(vector)
        up = _density_matrix(amplitudes, self.n_orbitals, self.n_up)
        if self.is_even:
            return up, up
        return up, _density_matrix(amplitudes.T, self.n_orbitals, self.n_down)

    def places_of(self, small: SpinSector) -> Places:
        """Places that the basis states of the same electrons in fewer orbitals have in this one."""
        up, down = small.strings
        return (up * (up + 1) // 2 if self.is_even else up * self.shape[1]) + down

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


@lru_cache(maxsize=32)
def spin_sector(n_orbitals: int, n_up: int, n_down: int) -> SpinSector:
    """Return the sector, with its tables kept for the next call."""
    return SpinSector(n_orbitals, n_up, n_down)


def _density_matrix(amplitudes: Array, n_orbitals: int, n_electrons: int) -> Array:
    """<a+_i a_j> of the electrons whose strings number the rows of the amplitudes."""
    if n_electrons == 0:
        return np.zeros((n_orbitals, n_orbitals))
    left = (_annihilator(n_orbitals, n_electrons) @ amplitudes).reshape(n_orbitals, -1)
    return np.asarray(left @ left.T)


@lru_cache(maxsize=16)
def _annihilator(n_orbitals: int, n_electrons: int) -> csr_array:
    """Take one electron out of a string: rows are (orbital, string that stays)."""
    one = removals(n_orbitals, n_electrons, 1)
    n_rest = comb(n_orbitals, n_electrons - 1)
    shape = (n_orbitals * n_rest, comb(n_orbitals, n_electrons))
    return csr_array((one.sign, (one.taken * n_rest + one.rest, one.string)), shape=shape)
