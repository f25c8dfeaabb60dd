r"""Two electrons to a stated accuracy: the grid grows until the density no longer changes.

Errors are estimated from the last two grids (`pair_grid.extrapolation`). That of an energy changes
sign where the errors of the one-electron problem and of the contact cancel; hence what the energy
owes to the choice of the parabola that the contact is made exact in is added in squares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PhysicsError, UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.fine_basis import WindowOrbitals
from keras_qd.physics.full_ci import DEGENERACY
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.pair_grid import (
    DENSITY_ORDER,
    ENERGY_ORDER,
    FINER,
    PairGrid,
    error_by_finer,
    extrapolation,
)
from keras_qd.physics.pair_state import PairState, natural_orbitals, states_of
from keras_qd.physics.solution import LabelError, Solution
from keras_qd.physics.two_electrons import lowest_pair_states
from keras_qd.physics.window import find_window

Array = NDArray[np.float64]

#: Points along a side that are tried in turn; the first solution only serves for comparison.
_LADDER = (10, 12, 14, 16, 18, 20, 24, 28, 32, 40)

#: Largest estimated error of the density where nothing else is asked for.
DEFAULT_ACCURACY = 1e-3

#: Factor on the contact's frequency that stands for what is not known of it.
_OTHER_OMEGA = 1.4

#: Largest number of Davidson steps; six to nine are the rule.
_MOST_STEPS = 60

#: Residual norm in single precision, as a share of the largest kinetic energy on the grid.
_RESIDUAL = 1e-6

#: Residual norms in units of (pi / side)^2: of one more level of each spin, followed in case it
#: lies lower, and of all levels where single precision was not enough.
_LOOSE, _STRICT = 0.2, 1e-6


@dataclass(frozen=True)
class PairProblem:
    """Two electrons in one potential.

    Parameters
    ----------
    potential : ndarray, shape (n_pixels, n_pixels)
        Potential at the pixel centres, in Ha*.
    box : Box
        The box.
    interaction : Interaction
        Interaction of the electrons.
    strength : float
        Factor on it.
    spin : int, optional
        Only singlets (0) or only triplets (1).
    """

    potential: Array
    box: Box
    interaction: Interaction
    strength: float = 1.0
    spin: int | None = None

    def solve(self, accuracy: float) -> tuple[Solution, Solution]:
        """Ground states with and without interaction, on the first grid that is good enough.

        Parameters
        ----------
        accuracy : float
            Largest estimated error of the density: integral of its absolute value, per electron.

        Returns
        -------
        interacting, noninteracting : Solution

        Raises
        ------
        PhysicsError
            If no grid is good enough.
        """
        source = self._source(accuracy)
        coarser, finer = self._refine(source, accuracy, 2)
        of_energy, of_density = source.errors
        density = _density_error(coarser, finer) + of_density
        energy, gap = self._energy_errors(coarser, finer)
        energy = math.hypot(energy, 2.0 * of_energy)
        solution = replace(
            finer.solution(), density_error=density, energy_error=energy, gap_error=gap
        )
        return solution, finer.without_interaction().solution()

    def error_of(self, solution: Solution) -> LabelError:
        """Estimate the errors of a solution on a grid with four more points a side."""
        pair = solution.pair
        if pair is None:
            raise UsageError("the solution is not one of a product grid: solve without n_orbitals")
        n = pair.orbitals.grid.n
        source = WindowOrbitals(self.potential, pair.window)
        finer = self._levels(source, n + FINER, 2, DEFAULT_ACCURACY).solution()
        difference = np.abs(solution.density - finer.density).sum() / finer.density.sum()
        found = error_by_finer(
            n,
            solution.energy - finer.energy,
            float(difference),
            solution.gap - finer.gap,
            solution.exchange - finer.exchange,
        )
        energy, density = source.errors
        return replace(found, energy=found.energy + 2 * energy, density=found.density + density)

    def states(self, n_states: int, accuracy: float) -> list[PairState]:
        """Lowest states, rising in energy, on the grid that is good enough for the ground state."""
        source = self._source(accuracy)
        return self._refine(source, accuracy, max(n_states, 2))[1].levels[:n_states]

    def _source(self, accuracy: float) -> WindowOrbitals:
        """Orbitals of the window where the electrons are."""
        window = find_window(self.potential, self.box, self.interaction, self.strength)
        return WindowOrbitals(self.potential, window, tolerance=min(accuracy, DEFAULT_ACCURACY))

    def _refine(
        self, source: WindowOrbitals, accuracy: float, n_levels: int
    ) -> tuple[Levels, Levels]:
        """Levels on the last two grids, of which the finer one is good enough."""
        coarser = self._levels(source, _LADDER[0], n_levels, accuracy)
        for n in _LADDER[1:]:
            finer = self._levels(source, n, n_levels, accuracy)
            error = _density_error(coarser, finer) + source.errors[1]
            if error <= accuracy:
                return coarser, finer
            coarser = finer
        raise PhysicsError(
            f"a grid of {n} x {n} points over {source.window.side:.3g} a0* leaves an error of "
            f"about {error:.1g} in the density, and accuracy={accuracy:g} was asked for; allow a "
            f"larger error with accuracy={2 * error:.1g}, use a smaller box, or blur the potential "
            "over a length in a0* with smooth"
        )

    def _levels(self, source: WindowOrbitals, n: int, n_levels: int, accuracy: float) -> Levels:
        """Levels on a grid of n x n points, at least so many."""
        orbitals, window = source.on_grid(n), source.window
        grid: PairGrid = orbitals.grid
        between = grid.interaction(window.side, self.interaction, self.strength)
        unit = (math.pi / window.side) ** 2
        passes = (
            (np.float32, _RESIDUAL * n**2 * unit, _LOOSE * unit),
            (np.float64, _STRICT * unit, _STRICT * unit),
        )
        # Levels that single precision can hardly tell apart are rare: once more, with care.
        for dtype, tight, loose in passes:
            tolerances = (tight,) * (n_levels - (self.spin is None)) + (loose,)
            states = lowest_pair_states(
                orbitals,
                between,
                n_roots=len(tolerances),
                steps=_MOST_STEPS,
                tolerance=tolerances,
                dtype=dtype,
            )
            levels = states_of(states, window, len(tolerances))
            levels = [level for level in levels if self.spin in (None, level.spin)]
            if _are_settled(levels, n_levels, tight, accuracy):
                break
        return Levels(levels, len(self.potential))

    def _energy_errors(self, coarser: Levels, finer: Levels) -> tuple[float, float]:
        """Estimated errors of the ground state's energy and of the gap."""
        contact = [self._contact_error(level) for level in finer.levels[:2]]
        share = _richardson(coarser, finer, ENERGY_ORDER)
        grid = [
            share * (fine.energy - coarse.energy)
            for fine, coarse in zip(finer.levels[:2], coarser.levels, strict=False)
        ]
        return (
            math.hypot(grid[0], contact[0]),
            math.hypot(grid[1] - grid[0], contact[1] - contact[0]),
        )

    def _contact_error(self, level: PairState) -> float:
        """Half the change of the energy with the contact's frequency, in Ha*."""
        grid, side = level.orbitals.grid, level.window.side
        stiff, soft = (
            grid.interaction(side, self.interaction, self.strength, stiffness)
            for stiffness in (_OTHER_OMEGA, 1 / _OTHER_OMEGA)
        )
        return 0.5 * float((level.on_points**2 * (stiff - soft)).sum())


@dataclass(frozen=True)
class Levels:
    """Levels of one dot on one grid, rising in energy.

    Parameters
    ----------
    levels : list of PairState
        The levels, at least two.
    n_pixels : int
        Pixels along the side of the potential.
    """

    levels: list[PairState]
    n_pixels: int

    @cached_property
    def ground(self) -> tuple[list[PairState], Array]:
        """Levels degenerate with the lowest, and their weights."""
        lowest = self.levels[0].energy
        ground = [level for level in self.levels if level.energy - lowest < DEGENERACY]
        multiplicities = np.array([2.0 * level.spin + 1.0 for level in ground])
        return ground, multiplicities / multiplicities.sum()

    @cached_property
    def density(self) -> Array:
        """Density of the ground state at the pixel centres, in 1/a0*^2."""
        densities = [state.density(self.n_pixels) for state in self.ground[0]]
        return np.tensordot(self.ground[1], densities, axes=1)

    def solution(self) -> Solution:
        """Return the ground state as solvers do."""
        ground, weights = self.ground
        matrices = [state.one_body_density_matrix for state in ground]
        spins = np.array([state.spin for state in ground])
        energies, values, up, down = natural_orbitals(
            ground[0].orbitals,
            ground[0].window,
            np.tensordot(weights * 0.5 * (1 + spins), matrices, axes=1),
            np.tensordot(weights * 0.5 * (1 - spins), matrices, axes=1),
            self.n_pixels,
        )
        lowest = {level.spin: level.energy for level in reversed(self.levels)}
        return Solution(
            box=ground[0].window.box,
            energy=ground[0].energy,
            gap=max(self.levels[1].energy - ground[0].energy, 0.0),
            spin_squared=float(weights @ [state.spin_squared for state in ground]),
            sector=(1 + ground[0].spin, 1 - ground[0].spin),
            n_states=len(ground),
            orbital_energies=energies,
            orbitals=values,
            density_matrix_up=up,
            density_matrix_down=down,
            exchange=lowest.get(1, math.nan) - lowest.get(0, math.nan),
            pair=ground[0],
        )

    def without_interaction(self) -> Levels:
        """Return the lowest products of the orbitals, for the same spins."""
        first, spins = self.levels[0], sorted({level.spin for level in self.levels})
        energies = first.orbitals.energies[0]
        shell = [int(k) + 1 for k in np.flatnonzero(energies[1:] - energies[1] < DEGENERACY)]
        products = [(0, 0, 0)] if 0 in spins else []
        products += [(spin, 0, k) for spin in spins for k in shell]
        if spins == [1]:
            products.append((1, 0, shell[-1] + 1))
        levels = [
            replace(
                first,
                energy=float(energies[i] + energies[k]),
                spin=spin,
                wave_function=_product(len(energies), i, k, spin),
            )
            for spin, i, k in products
        ]
        return Levels(levels, self.n_pixels)


def _product(size: int, i: int, k: int, spin: int) -> Array:
    """Wave function of one electron in each of two orbitals, or both in one."""
    x = np.zeros((size, size))
    x[i, k] += 1.0
    x[k, i] += 1.0 - 2.0 * spin
    return np.asarray(x / np.linalg.norm(x))


def _are_settled(levels: list[PairState], n_levels: int, tolerance: float, accuracy: float) -> bool:
    """Whether the order of the levels, and the ground state, are beyond doubt."""
    needed, others = levels[:n_levels], levels[n_levels:]
    highest = needed[-1].energy
    if any(level.residual > tolerance for level in needed) or any(
        level.energy - level.residual < highest for level in others
    ):
        return False
    # States of one spin mix as the residual to their distance.
    ground = levels[0]
    distances = [other.energy - ground.energy for other in levels[1:] if other.spin == ground.spin]
    return tolerance < 0.1 * accuracy * min(distances)


def _density_error(coarser: Levels, finer: Levels) -> float:
    """Estimated integral of the absolute error of the finer density, per electron."""
    difference = np.abs(finer.density - coarser.density).sum() / finer.density.sum()
    return float(difference) * _richardson(coarser, finer, DENSITY_ORDER)


def _richardson(coarser: Levels, finer: Levels, order: int) -> float:
    """Error of the finer of two results that differ by 1."""
    return extrapolation(coarser.levels[0].orbitals.grid.n, finer.levels[0].orbitals.grid.n, order)
