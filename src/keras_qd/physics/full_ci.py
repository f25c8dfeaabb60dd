"""The lowest levels of several interacting electrons, over every spin sector that can hold them.

A level of total spin S shows itself in all sectors with ``n_up - n_down <= 2 S``; it is taken from
the highest of them.

Levels of one given spin S are those of ``H + c (S^2 - S (S + 1))`` in the sector with
``n_up - n_down = 2 S``, where no spin is smaller, for a c that lifts larger spins above them. As
``S^2 = N (N + 2) / 4 - 2 R_+^T R_+`` (see `determinants`), the penalty is an attraction -2 c of
singlet pairs.

Following one root upward from a small problem often ends on a wrong state, so every sector is
solved by itself, for several roots at once, from several states of a small dense problem and a
random vector.
"""

from __future__ import annotations

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
from keras_qd.physics.levels import DEGENERACY, Level, distinct

Array = NDArray[np.float64]

#: Largest difference of <S^2> from S (S + 1) in a level of spin S.
_SPIN_TOLERANCE = 1e-3

#: How often the penalty on larger spins is doubled before giving up.
_MOST_PENALTIES = 12


def lowest_levels(
    energies: Array,
    pairs: PairInteraction,
    n_electrons: int,
    *,
    n_levels: int = 2,
    tolerance: float = 1e-6,
    degeneracy: float = DEGENERACY,
) -> list[Level]:
    """Solve every spin sector: levels from the lowest, at least `n_levels` where there are."""
    # Those within `degeneracy` of the lowest are complete; each stands for its spin multiplet.
    problems = [
        prepare(
            SectorHamiltonian(
                spin_sector(energies.size, n_up, n_electrons - n_up), energies, pairs
            ),
            n_levels,
        )
        for n_up in range((n_electrons + 1) // 2, n_electrons + 1)
    ]
    levels: list[Level] = []
    for problem in sorted(problems, key=lambda problem: problem.values[0]):
        levels = distinct(levels + problem.solve(n_levels, tolerance, levels, degeneracy))
    return levels


def lowest_levels_of_spin(
    energies: Array,
    pairs: PairInteraction,
    n_electrons: int,
    spin: float,
    *,
    n_levels: int = 2,
    tolerance: float = 1e-6,
    degeneracy: float = DEGENERACY,
) -> list[Level]:
    """Collect the lowest levels of one total spin, as `lowest_levels` does of all."""
    n_up = round(n_electrons / 2 + spin)
    sector = spin_sector(energies.size, n_up, n_electrons - n_up)
    square = spin * (spin + 1)
    penalty = float(energies[-1] - energies[0])
    for _ in range(_MOST_PENALTIES):
        attracted = pairs.singlet - 2 * penalty * np.eye(pairs.singlet.shape[0])
        hamiltonian = SectorHamiltonian(sector, energies, PairInteraction(attracted, pairs.triplet))
        levels = prepare(hamiltonian, n_levels).solve(n_levels, tolerance, [], degeneracy)
        if all(abs(level.spin_squared - square) < _SPIN_TOLERANCE for level in levels[:n_levels]):
            offset = penalty * (n_electrons * (n_electrons + 2) / 4 - square)
            return [replace(level, energy=level.energy + offset) for level in levels]
        penalty *= 2
    raise PhysicsError(
        f"levels of spin {spin:g} could not be separated from those of larger spins; "
        "solve without spin="
    )


@dataclass(frozen=True)
class SectorHamiltonian:
    """``sum_i e_i n_i`` and the interaction between every pair of electrons, see `determinants`."""

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

#: Fewest of its states that are then kept.
_DENSE_ROOTS = 4

#: Largest dimension of the leading part of a larger sector.
_LEADING_DIMENSION = 130

#: Determinants outside the leading part that the iteration starts from as well.
_OUTSIDE_STARTS = 3


@dataclass(frozen=True)
class SectorProblem:
    """A sector, with the k lowest eigenstates (rows) of a part small enough for dense algebra."""

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
        """Low states of the leading part, low ones outside it, and a random one."""
        # Electrons behind a barrier, elsewhere than in the lowest orbitals, are missing from the
        # leading part, and a random vector alone shows them too late.
        sector = self.hamiltonian.sector
        low = sector.embed(self.vectors[: n_roots + 2], self.leading)
        outside = np.delete(np.arange(sector.dimension), sector.indices_of(self.leading))
        lowest = outside[np.argsort(diagonal[outside])[:_OUTSIDE_STARTS]]
        units = np.zeros((lowest.size, sector.dimension))
        units[np.arange(lowest.size), lowest] = 1.0
        random = np.random.default_rng(0).standard_normal((1, sector.dimension))
        return np.vstack([low, units, random])

    def _preconditioner(self, diagonal: Array) -> Callable[[Array, Array], Array]:
        """``(value - H0)^-1``, where H0 is exact in the leading part and diagonal outside it."""
        leading = self.hamiltonian.sector.indices_of(self.leading)

        def precondition(residuals: Array, values: Array) -> Array:
            corrections = residuals / _distance(values, diagonal)
            inside = residuals[:, leading] @ self.vectors.T
            corrections[:, leading] = (inside / _distance(values, self.values)) @ self.vectors
            return corrections

        return precondition


def prepare(hamiltonian: SectorHamiltonian, n_roots: int = 2) -> SectorProblem:
    """Diagonalise the sector, or its part in as many orbitals as dense algebra likes."""
    sector = hamiltonian.sector
    if sector.dimension <= _DENSE_DIMENSION:
        n_kept = min(max(_DENSE_ROOTS, n_roots), sector.dimension)
        values, vectors = eigh(
            hamiltonian.dense(),
            subset_by_index=(0, n_kept - 1),
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
