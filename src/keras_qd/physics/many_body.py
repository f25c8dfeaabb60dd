"""The lowest levels of several interacting electrons, over every spin sector that can hold them.

A level of total spin S shows itself in all sectors with ``(n_up - n_down) / 2 <= S``; it is taken from the highest
of them. Following one root upward from a small problem ends on a wrong state all too often, so every sector is
solved by itself, for several roots at once, from several states of a small dense problem and a random vector.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse import csr_array

from keras_qd.physics.davidson import davidson
from keras_qd.physics.determinants import SpinSector, spin_sector
from keras_qd.physics.pairs import PairInteraction

Array = NDArray[np.float64]

#: Up to this dimension a sector is diagonalised as a dense matrix.
_DENSE_DIMENSION = 300

#: How many states are then kept.
_DENSE_ROOTS = 4

#: Largest dimension of the leading part of other sectors.
_LEADING_DIMENSION = 130

#: Levels closer than this, in Ha*, are degenerate within the accuracy of the solver.
DEGENERACY = 1e-6

#: Two states of one spin closer than this, in Ha*, found in two sectors, are one level.
_SAME_LEVEL = 1e-5


@dataclass(frozen=True)
class Level:
    """One energy level, represented by its state of one spin sector.

    Parameters
    ----------
    energy : float
        Total energy in Ha*.
    spin_squared : float
        Expectation of S^2.
    sector : SpinSector
        Determinants that the state is made of.
    vector : ndarray, shape (sector.dimension,)
        The state.
    """

    energy: float
    spin_squared: float
    sector: SpinSector
    vector: Array

    @property
    def multiplicity(self) -> int:
        """Number 2 S + 1 of states with this energy that differ by the direction of the spin."""
        return round(float(np.sqrt(1 + 4 * max(self.spin_squared, 0.0))))

    @property
    def is_highest_projection(self) -> bool:
        """Whether the spin points along its axis in this sector: n_up - n_down = 2 S."""
        return self.sector.n_up - self.sector.n_down == self.multiplicity - 1


@dataclass(frozen=True)
class SectorHamiltonian:
    """The Hamiltonian among the determinants of one spin sector.

    Parameters
    ----------
    sector : SpinSector
        The determinants.
    energies : ndarray, shape (n_orbitals,)
        Orbital energies, in Ha*.
    pairs : PairInteraction
        The interaction between pairs of electrons.
    """

    sector: SpinSector
    energies: Array
    pairs: PairInteraction

    def apply(self, rows: Array) -> Array:
        """Apply the Hamiltonian to each row, shape (k, dimension)."""
        result = rows * (self.sector.occupations @ self.energies)
        for reduction, interaction in self._terms():
            n_pairs = interaction.shape[0]
            amplitudes = np.ascontiguousarray((reduction @ rows.T).T).reshape(-1, n_pairs)
            acted = (amplitudes @ interaction).reshape(rows.shape[0], -1)
            result += (reduction.T @ acted.T).T
        return result

    def diagonal(self) -> Array:
        """Diagonal elements, but for the coupling of a determinant to its mirror image in the spin."""
        diagonal = self.sector.occupations @ self.energies
        for reduction, interaction in self._terms():
            n_spectators = reduction.shape[0] // interaction.shape[0]
            diagonal += reduction.power(2).T @ np.tile(interaction.diagonal(), n_spectators)
        return diagonal

    def dense(self) -> Array:
        """The whole matrix, shape (dimension, dimension)."""
        if self.sector.n_electrons > 2:
            return self.apply(np.eye(self.sector.dimension))
        matrix = np.diag(self.sector.occupations @ self.energies)
        if self.sector.n_electrons == 2:
            matrix += self.pairs.singlet if self.sector.is_even else self.pairs.triplet
        return matrix

    def _terms(self) -> list[tuple[csr_array, Array]]:
        terms = [
            (self.sector.singlet_reduction, self.pairs.singlet),
            (self.sector.triplet_reduction, self.pairs.triplet),
        ]
        return [(reduction, matrix) for reduction, matrix in terms if reduction.shape[0]]

    def leading(self, n_orbitals: int) -> SectorHamiltonian:
        """Return the Hamiltonian of the same electrons in the lowest `n_orbitals` orbitals."""
        sector = self.sector
        small = spin_sector(n_orbitals, sector.n_up, sector.n_down)
        n_triplets, n_singlets = (n_orbitals * (n_orbitals + s) // 2 for s in (-1, 1))
        pairs = PairInteraction(
            self.pairs.singlet[:n_singlets, :n_singlets],
            self.pairs.triplet[:n_triplets, :n_triplets],
        )
        return SectorHamiltonian(small, self.energies[:n_orbitals], pairs)


@dataclass(frozen=True)
class SectorProblem:
    """A sector, with the eigenstates of a leading part of it that is small enough for dense algebra.

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
        """Find the lowest levels, as far as they matter beside those that are known."""
        sector = self.hamiltonian.sector
        if self.leading == sector:
            values, vectors = self.values[:n_roots], self.vectors[:n_roots]
        else:
            values, vectors = davidson(
                self.hamiltonian.apply,
                self._preconditioner(),
                self._starts(n_roots),
                n_roots,
                tolerance=tolerance,
                lowest=known[0].energy if known else np.inf,
                ceiling=known[1].energy if len(known) > 1 else np.inf,
            )
        if n_roots <= values.size < sector.dimension and values[-1] - values[0] < DEGENERACY:
            return self.solve(2 * n_roots, tolerance, known)
        return [
            Level(float(value), sector.spin_squared(vector), sector, vector)
            for value, vector in zip(values, vectors, strict=True)
        ]

    def _starts(self, n_roots: int) -> Array:
        """Low states of the leading part, and a random vector in which every state has a share."""
        sector = self.hamiltonian.sector
        low = sector.embed(self.vectors[: n_roots + 2], self.leading)
        return np.vstack([low, np.random.default_rng(0).standard_normal((1, sector.dimension))])

    def _preconditioner(self) -> Callable[[Array, Array], Array]:
        """``(value - H0)^-1``, where H0 is exact in the leading part and diagonal outside it."""
        diagonal = self.hamiltonian.diagonal()
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
    n_orbitals = sector.n_up + 1
    while spin_sector(n_orbitals + 1, sector.n_up, sector.n_down).dimension <= _LEADING_DIMENSION:
        n_orbitals += 1
    leading = hamiltonian.leading(n_orbitals)
    values, vectors = eigh(leading.dense(), check_finite=False)
    return SectorProblem(hamiltonian, leading.sector, values, vectors.T)


def _distance(values: Array, diagonal: Array) -> Array:
    """Return ``values[:, None] - diagonal``, kept away from zero."""
    distance = values[:, None] - diagonal
    return np.where(np.abs(distance) < 1e-2, np.copysign(1e-2, distance), distance)


def lowest_levels(
    energies: Array, pairs: PairInteraction, n_electrons: int, *, tolerance: float = 1e-6
) -> list[Level]:
    """Solve every spin sector and collect the levels, from the lowest.

    Parameters
    ----------
    energies : ndarray, shape (n_orbitals,)
        Orbital energies, in Ha*.
    pairs : PairInteraction
        The interaction between pairs of electrons in these orbitals.
    n_electrons : int
        Number of electrons, at most `n_orbitals`.
    tolerance : float, default 1e-6
        Largest residual norm of a ground state, in Ha*.

    Returns
    -------
    list of Level
        Rising in energy, at least two of them where there are two; those degenerate with the lowest are
        complete. Each represents its whole spin multiplet.
    """
    problems = [
        prepare(
            SectorHamiltonian(spin_sector(energies.size, n_up, n_electrons - n_up), energies, pairs)
        )
        for n_up in range((n_electrons + 1) // 2, n_electrons + 1)
    ]
    levels: list[Level] = []
    for problem in sorted(problems, key=lambda problem: problem.values[0]):
        levels = distinct(levels + problem.solve(2, tolerance, levels))
    return levels


def distinct(levels: list[Level]) -> list[Level]:
    """Sort levels by energy and keep one state of each spin multiplet, that of the highest sector."""
    own = [level for level in levels if level.is_highest_projection]
    strays = [level for level in levels if not level.is_highest_projection]
    for stray in strays:
        if not any(
            level.multiplicity == stray.multiplicity
            and abs(level.energy - stray.energy) < _SAME_LEVEL
            for level in own
        ):
            own.append(stray)
    return sorted(own, key=lambda level: level.energy)
