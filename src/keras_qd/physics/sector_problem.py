"""The lowest states of one spin sector, by dense algebra where it is small and iteration else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from keras_qd.physics.davidson import davidson
from keras_qd.physics.hamiltonian import SectorHamiltonian
from keras_qd.physics.levels import DEGENERACY, Level
from keras_qd.physics.spin_sector import SpinSector, spin_sector

Array = NDArray[np.float64]

#: Up to this dimension a sector is diagonalised as a dense matrix.
_DENSE_DIMENSION = 300

#: How many of its states are then kept.
_DENSE_ROOTS = 4

#: Largest dimension of the leading part of a larger sector.
_LEADING_DIMENSION = 130

#: Determinants outside the leading part that the iteration starts from as well.
_OUTSIDE_STARTS = 3


@dataclass(frozen=True)
class SectorProblem:
    """A sector, with the eigenstates of a leading part small enough for dense algebra.

    Parameters
    ----------
    hamiltonian : SectorHamiltonian
        The problem to be solved.
    leading : SpinSector
        The sector of the same electrons in fewer orbitals, or the sector itself.
    values : ndarray, shape (k,)
        Eigenvalues of the leading part.
    vectors : ndarray, shape (k, leading.dimension)
        Its eigenvectors, in rows.
    """

    hamiltonian: SectorHamiltonian
    leading: SpinSector
    values: Array
    vectors: Array

    def solve(self, n_roots: int, tolerance: float, known: list[Level]) -> list[Level]:
        """Find the lowest levels; those far above the known ones only loosely."""
        sector = self.hamiltonian.sector
        if self.leading == sector:
            values, vectors = self.values[:n_roots], self.vectors[:n_roots]
        else:
            diagonal = self.hamiltonian.diagonal()
            values, vectors = davidson(
                self.hamiltonian.apply,
                self._preconditioner(diagonal),
                self._starts(n_roots, diagonal),
                n_roots,
                tolerance=tolerance,
                lowest=known[0].energy if known else np.inf,
            )
        if n_roots <= values.size < sector.dimension and values[-1] - values[0] < DEGENERACY:
            return self.solve(2 * n_roots, tolerance, known)
        return [
            Level(float(value), sector.spin_squared(vector), sector, vector)
            for value, vector in zip(values, vectors, strict=True)
        ]

    def _starts(self, n_roots: int, diagonal: Array) -> Array:
        """Low states of the leading part, low ones outside it, and one in which all have a share.

        Electrons that sit in another place than the lowest orbitals, behind a barrier, are missing
        from the leading part, and a random vector alone shows them too late.
        """
        sector = self.hamiltonian.sector
        low = sector.embed(self.vectors[: n_roots + 2], self.leading)
        outside = np.delete(np.arange(sector.dimension), sector.places_of(self.leading))
        lowest = outside[np.argsort(diagonal[outside])[:_OUTSIDE_STARTS]]
        units = np.zeros((lowest.size, sector.dimension))
        units[np.arange(lowest.size), lowest] = 1.0
        random = np.random.default_rng(0).standard_normal((1, sector.dimension))
        return np.vstack([low, units, random])

    def _preconditioner(self, diagonal: Array) -> Callable[[Array, Array], Array]:
        """``(value - H0)^-1``, where H0 is exact in the leading part and diagonal outside it."""
        leading = self.hamiltonian.sector.places_of(self.leading)

        def precondition(residuals: Array, values: Array) -> Array:
            corrections = residuals / _distance(values, diagonal)
            inside = residuals[:, leading] @ self.vectors.T
            corrections[:, leading] = (inside / _distance(values, self.values)) @ self.vectors
            return corrections

        return precondition


def prepare(hamiltonian: SectorHamiltonian) -> SectorProblem:
    """Diagonalise the sector, or its part in as many orbitals as dense algebra likes."""
    sector = hamiltonian.sector
    if sector.dimension <= _DENSE_DIMENSION:
        n_roots = min(_DENSE_ROOTS, sector.dimension)
        values, vectors = eigh(
            hamiltonian.dense(),
            subset_by_index=(0, n_roots - 1),
            overwrite_a=True,
            check_finite=False,
        )
        return SectorProblem(hamiltonian, sector, values, vectors.T)
    affordable = min(_LEADING_DIMENSION, sector.dimension // 4)
    n_orbitals = sector.n_up + 1
    while spin_sector(n_orbitals + 1, sector.n_up, sector.n_down).dimension <= affordable:
        n_orbitals += 1
    leading = hamiltonian.leading(n_orbitals)
    values, vectors = eigh(leading.dense(), check_finite=False)
    return SectorProblem(hamiltonian, leading.sector, values, vectors.T)


def _distance(values: Array, diagonal: Array) -> Array:
    """Return ``values[:, None] - diagonal``, kept away from zero."""
    distance = values[:, None] - diagonal
    return np.where(np.abs(distance) < 1e-2, np.copysign(1e-2, distance), distance)
