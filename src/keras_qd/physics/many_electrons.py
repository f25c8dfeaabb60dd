"""Three to six electrons: configuration interaction with the effective interaction of a grid.

`effective_ci` is solved on the first grid, over the window where the electrons are, that is good
enough for the orbitals that are filled. Errors come from two more solutions in fewer orbitals: on
the same grid, since what correlations of three electrons leave behind falls with the number of
orbitals, and on a coarser grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from keras_qd.errors import PhysicsError
from keras_qd.physics.box import Box
from keras_qd.physics.determinants import SpinSector
from keras_qd.physics.effective import EffectivePairs, PairSpace
from keras_qd.physics.effective_ci import EffectiveCI, Mixture, transition_matrices
from keras_qd.physics.fine_basis import WindowOrbitals
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.levels import Level
from keras_qd.physics.pair_grid import (
    DENSITY_ORDER,
    ENERGY_ORDER,
    GridOrbitals,
    PairGrid,
    extrapolation,
)
from keras_qd.physics.pair_state import (
    density_at_pixels,
    natural_orbitals,
    positions_between,
)
from keras_qd.physics.solution import LabelError, Solution
from keras_qd.physics.window import Window, find_window

Array = NDArray[np.float64]

#: Fewest and most orbitals of the configurations, for each number of electrons, and of the second
#: solution that the first is compared with.
_ORBITALS = {3: (13, 16), 4: (12, 15), 5: (10, 13), 6: (10, 12)}
_FEWER_ORBITALS = {3: (7, 10), 4: (7, 10), 5: (8, 10), 6: (7, 9)}

#: Points along a side of the window that are tried in turn, from the second on for five and six
#: electrons; the error of the density that is good enough, and that beyond which the potential is
#: refused.
_LADDER, _GOOD, _BAD = (12, 14, 16, 20), 3e-3, 3e-2

#: Error of the density over the root of the share of the electrons in waves too short for the grid,
#: as in `two_electrons`.
_ERROR_OF_SHARE = 0.4

#: How many points along a side fewer the grid has that shows the error of the grid.
_COARSER = 2

#: Power of the distance between filled and left-out orbitals that errors fall with.
_ORDER = 2

#: Factors on what Richardson's extrapolation from fewer orbitals and from the coarser grid says,
#: measured on 34 dots of six families for N = 3.
_ENERGY_FACTORS, _DENSITY_FACTORS = (0.6, 1.5), (0.4, 0.35)

#: Factor on the first of these, for each number of electrons.
_ENERGY_SCALES = {3: 1.0, 4: 0.5, 5: 1.0, 6: 0.5}

#: Levels more than asked for that are compared with, as the order of spins may differ.
_MORE_LEVELS = 4

#: The same for the gap from fewer orbitals, and the share of the gap that its error is at least.
_GAP_FACTOR, _GAP_SHARE = 0.1, 5e-3


@dataclass(frozen=True)
class ManyElectronProblem:
    """Three to six electrons in one potential, in Ha* at the pixel centres of a box."""

    potential: Array
    box: Box
    n_electrons: int
    interaction: Interaction
    strength: float = 1.0
    spin: float | None = None
    #: Problem in a potential nearby, whose window, grid and number of orbitals are taken: within
    #: them the density is a smooth function of the potential.
    like: ManyElectronProblem | None = None

    def solve(self, *, with_errors: bool = True) -> tuple[Solution, Solution]:
        """Ground states with and without interaction; errors take a second and a third solution."""
        without = self._solution(self._electrons, self._electrons.noninteracting())
        if self.interaction.name == "none" or self.strength == 0:
            return without, without
        solution = self._interacting(self._n_orbitals)
        if with_errors:
            error = self._error(solution)
            solution = replace(
                solution,
                energy_error=abs(error.energy),
                density_error=error.density,
                gap_error=error.gap,
                exchange_error=error.exchange,
            )
        return solution, without

    def error(self) -> LabelError:
        """Estimate the errors of the ground state, with the sign of the energy's."""
        return self._error(self._interacting(self._n_orbitals))

    def levels_and_errors(self, n_levels: int) -> tuple[list[Level], Array]:
        """Lowest levels, and the errors of their energies in Ha*, estimated as the ground's."""
        electrons, n_more = self._electrons, n_levels + _MORE_LEVELS
        levels = electrons.levels(self._pairs.fold(self._n_orbitals), n_levels)
        few = electrons.levels(self._pairs.fold(self._n_fewer_orbitals), n_more)
        coarse = self._coarse.levels(self._coarse_pairs, n_more + _MORE_LEVELS)
        here = np.array([level.energy for level in levels])
        fewer, coarser = np.array([level.energy for level in few]), _as_high(few, coarse)
        # Levels without a partner have an error of nan.
        partners = _partners(levels, few)
        differences = np.full((2, n_levels), np.nan)[:, : len(levels)]
        for k, partner in partners.items():
            differences[:, k] = here[k] - fewer[partner], fewer[partner] - coarser[partner]
        factors = self._orbital_factor, self._grid_factor
        return levels, np.hypot(factors[0] * differences[0], factors[1] * differences[1])

    def densities_and_dipoles(self, levels: list[Level]) -> tuple[Array, Array]:
        """Densities of levels at the pixels, and ``<i| sum r |j>``, x first, 0 between spins."""
        electrons, pairs = self._electrons.orbitals, self._pairs.fold(self._n_orbitals)
        positions = np.array(positions_between(electrons, self._window))
        dipoles = np.zeros((len(levels), len(levels), 2))
        densities = np.empty((len(levels), *self.potential.shape))
        for group in _by_sector(levels):
            matrices = transition_matrices([levels[k] for k in group], pairs)
            dipoles[np.ix_(group, group)] = np.einsum("dab,ijab->ijd", positions, matrices)
            for k, matrix in zip(group, np.einsum("iiab->iab", matrices), strict=True):
                densities[k] = self._density(matrix)
        return densities, dipoles

    def _density(self, matrix: Array) -> Array:
        """Density at the pixels of a density matrix on the grid."""
        occupations, mixing = np.linalg.eigh(matrix)
        root = mixing * np.sqrt(np.maximum(occupations, 0.0))
        return density_at_pixels(
            self._electrons.orbitals, self._window, root, self.n_electrons, len(self.potential)
        )

    def _error(self, solution: Solution) -> LabelError:
        """Combine the errors of few orbitals and of the grid."""
        fewer = self._interacting(self._n_fewer_orbitals)
        of_orbitals, of_grid = _differences(solution, fewer), _differences(fewer, self._coarser)
        n, share = self._electrons.orbitals.grid.n, self._share
        energy = math.hypot(
            self._orbital_factor * of_orbitals.energy, self._grid_factor * of_grid.energy
        )
        density = math.hypot(
            _DENSITY_FACTORS[0] * share * of_orbitals.density,
            _DENSITY_FACTORS[1] * extrapolation(n - _COARSER, n, DENSITY_ORDER) * of_grid.density,
        )
        gap, exchange = (
            math.hypot(_GAP_FACTOR * share * getattr(of_orbitals, name), _GAP_SHARE * value)
            for name, value in (("gap", solution.gap), ("exchange", solution.exchange))
        )
        density += self._source.errors[1]
        return LabelError(math.copysign(energy, -of_orbitals.energy), density, gap, exchange)

    @property
    def _orbital_factor(self) -> float:
        """Error of an energy over its difference to that in fewer orbitals."""
        return _ENERGY_FACTORS[0] * _ENERGY_SCALES[self.n_electrons] * self._share

    @property
    def _grid_factor(self) -> float:
        """Error of an energy over its difference to that on the coarser grid."""
        n = self._electrons.orbitals.grid.n
        return _ENERGY_FACTORS[1] * extrapolation(n - _COARSER, n, ENERGY_ORDER)

    @property
    def _share(self) -> float:
        """Error in M orbitals over the difference to that in fewer."""
        electrons = self._electrons
        orbitals = [self._n_orbitals, self._n_fewer_orbitals]
        distance, distance_fewer = electrons.energies[orbitals] - electrons.mean_energy
        return float(1.0 / ((distance / distance_fewer) ** _ORDER - 1.0))

    def _interacting(self, m: int) -> Solution:
        """Ground state from the configurations of m orbitals."""
        ground = self._electrons.ground_state(self._pairs.fold(m))
        return self._solution(self._electrons, ground)

    @cached_property
    def _coarser(self) -> Solution:
        """Ground state in fewer orbitals on a coarser grid."""
        return self._solution(self._coarse, self._coarse.ground_state(self._coarse_pairs))

    @cached_property
    def _coarse(self) -> EffectiveCI:
        """The electrons on a coarser grid."""
        return self._electrons_on(self._electrons.orbitals.grid.n - _COARSER)

    @cached_property
    def _coarse_pairs(self) -> EffectivePairs:
        """Pairs of fewer orbitals on a coarser grid."""
        m = self._n_fewer_orbitals
        return self._coarse.pair_space(m, self._pair_energy).fold(m)

    def _solution(self, electrons: EffectiveCI, ground: Mixture) -> Solution:
        """Turn density matrices into natural orbitals at the pixels."""
        natural = natural_orbitals(
            electrons.orbitals, self._window, ground.up, ground.down, len(self.potential)
        )
        return Solution(
            self.box,
            ground.energy,
            ground.gap,
            ground.spin_squared,
            ground.sector,
            ground.n_states,
            *natural,
            exchange=ground.exchange,
        )

    @property
    def _n_orbitals(self) -> int:
        if self.like is not None:
            return self.like._n_orbitals
        return self._electrons.full_shell(*_ORBITALS[self.n_electrons])

    @property
    def _n_fewer_orbitals(self) -> int:
        """Number of orbitals with the last shells left out."""
        if self.like is not None:
            return self.like._n_fewer_orbitals
        fewest, most = _FEWER_ORBITALS[self.n_electrons]
        m = self._electrons.full_shell(fewest, min(most, self._n_orbitals - 1))
        if m < self._n_orbitals:
            return m
        # A shell larger than the range: end below it.
        return self._electrons.full_shell(self.n_electrons, fewest)

    @cached_property
    def _pairs(self) -> PairSpace:
        return self._electrons.pair_space(self._n_orbitals, self._pair_energy)

    @cached_property
    def _pair_energy(self) -> float:
        return self._electrons.pair_energy(self._n_fewer_orbitals)

    @cached_property
    def _window(self) -> Window:
        if self.like is not None:
            return self.like._window
        return find_window(
            self.potential, self.box, self.interaction, self.strength, self.n_electrons
        )

    @cached_property
    def _source(self) -> WindowOrbitals:
        """Orbitals of the window on any grid."""
        n, spin = self.n_electrons, self.spin
        n_filled = (n + 1) // 2 if spin is None else round(n / 2 + spin)
        return WindowOrbitals(self.potential, self._window, n_filled, _GOOD)

    @cached_property
    def _electrons(self) -> EffectiveCI:
        """The electrons on the first grid that is good enough for the orbitals that are filled."""
        if self.like is not None:
            return self._electrons_on(self.like._electrons.orbitals.grid.n)
        for n in _LADDER[self.n_electrons > 4 :]:
            electrons = self._electrons_on(n)
            error = grid_error(electrons.orbitals, max(electrons.spins))
            if error <= _GOOD:
                return electrons
        if error > _BAD:
            raise PhysicsError(
                f"a grid of {n} x {n} points over {self._window.side:.3g} a0* leaves an error of "
                f"about {error:.1g} in the density of {self.n_electrons} electrons; use a smaller "
                "box, or blur the potential over a length in a0* with smooth"
            )
        return electrons

    def _electrons_on(self, n: int) -> EffectiveCI:
        """Solve for the orbitals on a grid of n x n points."""
        orbitals = self._source.on_grid(n)
        grid: PairGrid = orbitals.grid
        between = grid.interaction(self._window.side, self.interaction, self.strength)
        return EffectiveCI(orbitals, between, self.n_electrons, self.spin)


def _partners(levels: list[Level], few: list[Level]) -> dict[int, int]:
    """Which of the levels in few orbitals each level overlaps with most, all of them different."""
    partners = {}
    for group in _by_sector(levels):
        sector = levels[group[0]].sector
        others = [k for k, other in enumerate(few) if _same_spins(other.sector, sector)]
        if not others:
            continue
        inside = sector.indices_of(few[others[0]].sector)
        vectors = np.array([levels[k].vector[inside] for k in group])
        overlaps = vectors @ np.array([few[k].vector for k in others]).T
        pairs = zip(*linear_sum_assignment(-(overlaps**2)), strict=True)
        partners.update({group[i]: others[k] for i, k in pairs})
    return partners


def _same_spins(one: SpinSector, other: SpinSector) -> bool:
    """Whether two sectors hold as many electrons of either spin."""
    return (one.n_up, one.n_down) == (other.n_up, other.n_down)


def _as_high(levels: list[Level], others: list[Level]) -> Array:
    """Energy of the other level that is as high among those of its spin, or nan."""
    rising: dict[int, list[float]] = {level.multiplicity: [] for level in levels}
    for other in others:
        rising.setdefault(other.multiplicity, []).append(other.energy)
    following = {multiplicity: iter(energies) for multiplicity, energies in rising.items()}
    return np.array([next(following[level.multiplicity], math.nan) for level in levels])


def _by_sector(levels: list[Level]) -> list[list[int]]:
    """Group the indices of levels by sector."""
    sectors = {level.sector: None for level in levels}
    return [[k for k, level in enumerate(levels) if level.sector == each] for each in sectors]


def _differences(one: Solution, other: Solution) -> LabelError:
    """Differences of energy, density, gap and exchange."""
    density = float(np.abs(one.density - other.density).sum() / one.density.sum())
    return LabelError(
        one.energy - other.energy, density, one.gap - other.gap, one.exchange - other.exchange
    )


def grid_error(orbitals: GridOrbitals, n_filled: int) -> float:
    """Rough error of a density, from the share of the filled orbitals outside the grid's sines."""
    outside = orbitals.coefficients[0, orbitals.grid.size :, :n_filled]
    return _ERROR_OF_SHARE * math.sqrt(float((outside**2).sum()) / n_filled)
