"""Configuration interaction in few orbitals that stands for a whole grid: one grid at a time.

The orbitals are those of one electron on a grid of `pair_grid`. The pairs of all of them are folded
into the interaction between those of the M lowest (`effective`); full configuration interaction in
these M gives energies and spins, and the density counts the pairs that were folded
(`pair_excitations`). What remains are correlations of three and more electrons outside the M
orbitals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.effective import EffectivePairs, PairSpace
from keras_qd.physics.full_ci import lowest_levels, lowest_levels_of_spin
from keras_qd.physics.integrals import PairInteraction, pair_interaction_on_points
from keras_qd.physics.levels import (
    DEGENERACY,
    Level,
    exchange_of_levels,
    exchange_of_orbitals,
    fill,
    first_excitation,
)
from keras_qd.physics.pair_excitations import density_matrices, quadratic_forms
from keras_qd.physics.pair_grid import GridOrbitals

Array = NDArray[np.float64]

#: Orbitals closer than this, in units of (pi / side)^2, are of one shell, which is never divided.
_SHELL = 0.01

#: Filled orbitals, and levels of one spin, closer than this, in units of (pi / side)^2, are
#: degenerate: a square grid parts orbitals and levels of a three-fold symmetric dot by less.
_ORBITAL_DEGENERACY, _LEVEL_DEGENERACY = 2e-4, 2e-3

#: Least distance between the energy of a pair and the pairs that are folded into it, in units of
#: that between filled and left-out orbitals.
_LEAST_DISTANCE = 0.25


@dataclass(frozen=True, eq=False)
class Mixture:
    """Ground state, or equal mixture of degenerate ones; density matrices (g, g) on the grid."""

    up: Array
    down: Array
    energy: float
    gap: float
    spin_squared: float
    sector: tuple[int, int]
    n_states: int
    exchange: float = math.nan


@dataclass(frozen=True, eq=False)
class EffectiveCI:
    """Three to six electrons on one grid, `between` (g, g) being their interaction on points."""

    orbitals: GridOrbitals
    between: Array
    n_electrons: int
    spin: float | None = None

    @property
    def energies(self) -> Array:
        """Energies of one electron in all orbitals of the grid, in Ha*."""
        return np.asarray(self.orbitals.energies[0])

    @property
    def spins(self) -> tuple[int, int]:
        """Electrons of either spin, of the spin asked for or the lowest one."""
        n = self.n_electrons
        n_up = (n + 1) // 2 if self.spin is None else round(n / 2 + self.spin)
        return n_up, n - n_up

    @cached_property
    def mean_energy(self) -> float:
        """Energy of one electron in the orbitals that are filled, on average."""
        return float(sum(self.energies[:n].sum() for n in self.spins)) / self.n_electrons

    def full_shell(self, fewest: int, most: int) -> int:
        """Return a number of orbitals that ends at a gap, the widest one within a range."""
        return full_shell(self.energies, fewest, most, _SHELL * self._unit)

    def pair_energy(self, m: int) -> float:
        """Energy of a pair of electrons, on average, in the lowest state of m orbitals."""
        # Pairs are folded at an energy of their own, as the equation of Bloch and Horowitz demands:
        # their share of the energies of all electrons and of all repulsions.
        points, n = self.orbitals.points[0][:, :m], self.n_electrons
        lowest = self._levels(pair_interaction_on_points(points, self.between), m)[0]
        up, down = lowest.sector.density_matrices(lowest.vector)
        one_body = float((up + down).diagonal() @ self.energies[:m])
        return 2.0 * one_body / n + (lowest.energy - one_body) / math.comb(n, 2)

    def pair_space(self, m: int, pair_energy: float) -> PairSpace:
        """Couple the pairs of m orbitals to all others of the grid."""
        return PairSpace(
            self.energies,
            self.orbitals.points[0],
            self.between,
            m,
            pair_energy,
            _LEAST_DISTANCE * float(self.energies[m] - self.mean_energy),
        )

    def ground_state(self, pairs: EffectivePairs) -> Mixture:
        """Mix the levels degenerate with the lowest, states of a multiplet with equal weight."""
        levels = self._levels(pairs.interaction, pairs.n_orbitals)
        lowest = levels[0]
        # The grid parts levels of one spin; it cannot part spins.
        ground = [
            level
            for level in levels
            if level.energy - lowest.energy
            < (self._degeneracy if level.multiplicity == lowest.multiplicity else DEGENERACY)
        ]
        weights = np.array([level.multiplicity for level in ground], dtype=np.float64)
        weights /= weights.sum()
        found = [_density_matrices(level, pairs) for level in ground]
        up, down = np.tensordot(weights, np.array(found), axes=1)
        gap = levels[1].energy - lowest.energy if len(levels) > 1 else math.inf
        return Mixture(
            up,
            down,
            lowest.energy,
            0.0 if len(ground) > 1 else gap,
            float(weights @ [level.spin_squared for level in ground]),
            (lowest.sector.n_up, lowest.sector.n_down),
            len(ground),
            exchange_of_levels(levels),
        )

    def noninteracting(self) -> Mixture:
        """Fill the orbitals, sharing electrons within a degenerate shell."""
        tolerance = _ORBITAL_DEGENERACY * self._unit
        up, down = (fill(self.energies, n, tolerance) for n in self.spins)
        n_open = max(int(np.count_nonzero((row > 0) & (row < 1))) for row in (up, down))
        spin = (self.spins[0] - self.spins[1]) / 2
        gap = min(first_excitation(self.energies, n) for n in set(self.spins) if n)
        return Mixture(
            np.diag(up),
            np.diag(down),
            float((up + down) @ self.energies),
            0.0 if n_open > 1 else gap,
            spin * (spin + 1),
            self.spins,
            max(n_open, 1),
            exchange_of_orbitals(self.energies, self.n_electrons),
        )

    def levels(self, pairs: EffectivePairs, n_levels: int) -> list[Level]:
        """Lowest levels, of the spin asked for."""
        return self._levels(pairs.interaction, pairs.n_orbitals, n_levels)[:n_levels]

    def _levels(self, interaction: PairInteraction, m: int, n_levels: int = 2) -> list[Level]:
        """Lowest levels, of the spin asked for, in m orbitals."""
        problem, degeneracy = (self.energies[:m], interaction, self.n_electrons), self._degeneracy
        if self.spin is None:
            return lowest_levels(*problem, n_levels=n_levels, degeneracy=degeneracy)
        return lowest_levels_of_spin(*problem, self.spin, n_levels=n_levels, degeneracy=degeneracy)

    @property
    def _unit(self) -> float:
        """Spacing of the levels of the empty window, in Ha*."""
        return float((math.pi / self.orbitals.side) ** 2)

    @property
    def _degeneracy(self) -> float:
        """Distance of levels of one spin that the grid may have parted, in Ha*."""
        return _LEVEL_DEGENERACY * self._unit


def full_shell(energies: Array, fewest: int, most: int, distance: float) -> int:
    """Return a number of orbitals that ends at the widest gap of a range, or completes a shell."""
    gaps = np.diff(energies)
    m = fewest + int(np.argmax(gaps[fewest - 1 : most]))
    while gaps[m - 1] < distance:
        m += 1
    return m


def _density_matrices(level: Level, pairs: EffectivePairs) -> tuple[Array, Array]:
    """Density matrices of a level, with the pairs that were folded."""
    n_up, n_down = level.sector.n_up, level.sector.n_down
    return density_matrices(level.sector.amplitudes(level.vector), n_up, n_down, pairs)


def transition_matrices(levels: list[Level], pairs: EffectivePairs) -> Array:
    """``<i| a+_p a_q |j>`` of both spins, symmetrised, between levels of one sector."""
    # Density matrices are quadratic in the state: those of sums of two states give the others.
    count, size = len(levels), pairs.n_states
    matrices = np.empty((count, count, size, size))
    for k, level in enumerate(levels):
        matrices[k, k] = _unnormalised(level, level.vector, pairs)
    for i, k in combinations(range(count), 2):
        both = (levels[i].vector + levels[k].vector) * math.sqrt(0.5)
        own = 0.5 * (matrices[i, i] + matrices[k, k])
        matrices[i, k] = matrices[k, i] = _unnormalised(levels[i], both, pairs) - own
    # With the pairs that were folded, states overlap a little.
    n_electrons = levels[0].sector.n_electrons
    values, vectors = np.linalg.eigh(np.einsum("ijaa->ij", matrices) / n_electrons)
    root = (vectors / np.sqrt(values)) @ vectors.T
    return np.asarray(np.einsum("ij,jkab,kl->ilab", root, matrices, root, optimize=True))


def _unnormalised(level: Level, vector: Array, pairs: EffectivePairs) -> Array:
    """Density matrix of both spins times the norm, of a state in the sector of a level."""
    sector = level.sector
    up, down, _ = quadratic_forms(sector.amplitudes(vector), sector.n_up, sector.n_down, pairs)
    return up + down
