"""The lowest levels of several interacting electrons, over every spin sector that can hold them.

A level of total spin S shows itself in all sectors with ``n_up - n_down <= 2 S``; it is taken from
the highest of them. Following one root upward from a small problem ends on a wrong state all too
often, so every sector is solved by itself, for several roots at once, from several states of a
small dense problem and a random vector.

Levels of one given spin S are those of ``H + c (S^2 - S (S + 1))`` in the sector with
``n_up - n_down = 2 S``, where no spin is smaller, for a c that lifts larger spins above them. As
``S^2 = N (N + 2) / 4 - 2 R_+^T R_+`` (see `reductions`), the penalty is an attraction -2 c of
singlet pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from keras_qd.errors import PhysicsError
from keras_qd.physics.davidson import davidson
from keras_qd.physics.determinants import Reduction, SpinSector, spin_sector
from keras_qd.physics.integrals import PairInteraction
from keras_qd.physics.orbitals import Orbitals
from keras_qd.physics.solution import Solution

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


def distinct(levels: list[Level]) -> list[Level]:
    """Sort levels and keep one state of each spin multiplet, that of the highest sector."""
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


Array = NDArray[np.float64]


def ensemble(levels: list[Level], orbitals: Orbitals, values: Array) -> Solution:
    """Mix the levels degenerate with the lowest, each state of a spin multiplet with equal weight.

    Parameters
    ----------
    levels : list of Level
        Rising in energy; those degenerate with the lowest are complete.
    orbitals : Orbitals
        Orbitals that the levels are made of.
    values : ndarray, shape (n_orbitals, n_pixels, n_pixels)
        Those orbitals at the pixel centres.

    Returns
    -------
    Solution
    """
    lowest = levels[0]
    ground = [level for level in levels if level.energy - lowest.energy < DEGENERACY]
    weights = np.array([level.multiplicity for level in ground]) / sum(
        level.multiplicity for level in ground
    )
    matrices = np.array([level.sector.density_matrices(level.vector) for level in ground])
    up, down = np.tensordot(weights, matrices, axes=1)
    by_spin = {level.multiplicity: level.energy for level in reversed(levels)}
    n_electrons = lowest.sector.n_up + lowest.sector.n_down
    return Solution(
        box=orbitals.box,
        energy=lowest.energy,
        gap=levels[1].energy - lowest.energy if len(levels) > 1 else math.inf,
        spin_squared=float(weights @ [level.spin_squared for level in ground]),
        sector=(lowest.sector.n_up, lowest.sector.n_down),
        n_states=len(ground),
        orbital_energies=orbitals.energies,
        orbitals=values,
        density_matrix_up=up,
        density_matrix_down=down,
        exchange=(
            by_spin[3] - by_spin[1] if n_electrons == 2 and {1, 3} <= by_spin.keys() else math.nan
        ),
    )


@dataclass(frozen=True)
class SectorHamiltonian:
    """``sum_i e_i n_i`` and the interaction between every pair of electrons, see `reductions`.

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
        result = rows * self._one_body
        for reduction, interaction in self._terms:
            amplitudes = np.stack([reduction.matrix @ row for row in rows])
            acted = amplitudes.reshape(-1, interaction.shape[0]) @ interaction
            for row, part in zip(result, acted.reshape(amplitudes.shape), strict=True):
                row += reduction.transpose @ part
        return result

    def diagonal(self) -> Array:
        """Diagonal elements, but for the coupling of a determinant to its own spin flip."""
        diagonal = self._one_body.copy()
        for reduction, interaction in self._terms:
            n_spectators = reduction.matrix.shape[0] // interaction.shape[0]
            diagonal += reduction.transpose.power(2) @ np.tile(interaction.diagonal(), n_spectators)
        return diagonal

    def dense(self) -> Array:
        """Return the whole matrix, shape (dimension, dimension)."""
        matrix = np.diag(self._one_body)
        if self.sector.n_electrons == 2:
            # The pair is all there is: both reductions are the identity.
            return matrix + (self.pairs.singlet if self.sector.is_even else self.pairs.triplet)
        for reduction, interaction in self._terms:
            amplitudes = reduction.dense.reshape(-1, interaction.shape[0], matrix.shape[0])
            matrix += reduction.transpose @ (interaction @ amplitudes).reshape(
                reduction.dense.shape
            )
        return matrix

    @cached_property
    def _one_body(self) -> Array:
        return self.sector.occupations @ self.energies

    @cached_property
    def _terms(self) -> list[tuple[Reduction, Array]]:
        """Reduction and pair interaction, of singlets and of triplets."""
        terms = [
            (self.sector.singlet_reduction, self.pairs.singlet),
            (self.sector.triplet_reduction, self.pairs.triplet),
        ]
        return [term for term in terms if term[0].matrix.shape[0]]

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

    def solve(
        self,
        n_roots: int,
        tolerance: float,
        known: list[Level],
        degeneracy: float = DEGENERACY,
    ) -> list[Level]:
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
        if n_roots <= values.size < sector.dimension and values[-1] - values[0] < degeneracy:
            return self.solve(2 * n_roots, tolerance, known, degeneracy)
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


#: Largest difference of <S^2> from S (S + 1) in a level of spin S.
_SPIN_TOLERANCE = 1e-3

#: How often the penalty on larger spins is doubled before giving up.
_MOST_PENALTIES = 12


def lowest_levels(
    energies: Array,
    pairs: PairInteraction,
    n_electrons: int,
    *,
    tolerance: float = 1e-6,
    degeneracy: float = DEGENERACY,
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
    degeneracy : float, default 1e-6
        Levels closer than this, in Ha*, count as degenerate.

    Returns
    -------
    list of Level
        Rising in energy, at least two of them where there are two; those degenerate with the lowest
        are complete. Each represents its whole spin multiplet.
    """
    problems = [
        prepare(
            SectorHamiltonian(spin_sector(energies.size, n_up, n_electrons - n_up), energies, pairs)
        )
        for n_up in range((n_electrons + 1) // 2, n_electrons + 1)
    ]
    levels: list[Level] = []
    for problem in sorted(problems, key=lambda problem: problem.values[0]):
        levels = distinct(levels + problem.solve(2, tolerance, levels, degeneracy))
    return levels


def lowest_levels_of_spin(
    energies: Array,
    pairs: PairInteraction,
    n_electrons: int,
    spin: float,
    *,
    tolerance: float = 1e-6,
    degeneracy: float = DEGENERACY,
) -> list[Level]:
    """Collect the lowest levels of one total spin, from the lowest.

    Parameters
    ----------
    energies, pairs, n_electrons, tolerance, degeneracy
        As for `lowest_levels`.
    spin : float
        Total spin S: ``n_electrons / 2``, or less by a whole number, not negative.

    Returns
    -------
    list of Level
        As of `lowest_levels`, but all of spin S.

    Raises
    ------
    PhysicsError
        If no penalty keeps larger spins apart.
    """
    n_up = round(n_electrons / 2 + spin)
    sector = spin_sector(energies.size, n_up, n_electrons - n_up)
    square = spin * (spin + 1)
    penalty = float(energies[-1] - energies[0])
    for _ in range(_MOST_PENALTIES):
        attracted = pairs.singlet - 2 * penalty * np.eye(pairs.singlet.shape[0])
        hamiltonian = SectorHamiltonian(sector, energies, PairInteraction(attracted, pairs.triplet))
        levels = prepare(hamiltonian).solve(2, tolerance, [], degeneracy)
        if all(abs(level.spin_squared - square) < _SPIN_TOLERANCE for level in levels[:2]):
            offset = penalty * (n_electrons * (n_electrons + 2) / 4 - square)
            return [replace(level, energy=level.energy + offset) for level in levels]
        penalty *= 2
    raise PhysicsError(
        f"levels of spin {spin:g} could not be told from those of larger spins; solve without spin="
    )
