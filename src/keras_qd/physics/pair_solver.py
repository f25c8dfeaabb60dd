"""Two electrons to a stated accuracy: the grid grows until the density no longer changes.

The error of a solution is its difference from the next finer grid, extrapolated
(`pair_grid.extrapolation`). The finest grid has no finer one to compare with, and extrapolating
from coarser ones fails, as errors of energies have both signs. Hence the coarser of the last two
solutions is returned.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PhysicsError, UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.fine_basis import WindowOrbitals
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.levels import DEGENERACY
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

#: Points along a side that are tried in turn; the last solution only serves for comparison.
_LADDER = (12, 14, 16, 18, 20, 24, 28, 32, 40)

#: Largest estimated error of the density where nothing else is asked for.
DEFAULT_ACCURACY = 1e-3

#: What single precision leaves of an energy, in Ha*.
_ROUNDING = 3e-7

#: Largest number of Davidson steps; six to nine are the rule.
_MOST_STEPS = 60

#: Residual norm in single precision, as a share of the largest kinetic energy on the grid.
_RESIDUAL = 1e-6

#: Largest admixture of other states of the same spin, as a share of the accuracy.
_MIXING = 0.15

#: Residual norms in units of (pi / side)^2: of one more level of each spin, followed in case it
#: lies lower, and of all levels where single precision was not enough.
_LOOSE, _STRICT = 0.2, 1e-6


@dataclass(frozen=True)
class PairProblem:
    """Two electrons in one potential, of one total spin or of any."""

    potential: Array
    box: Box
    interaction: Interaction
    strength: float = 1.0
    spin: int | None = None

    def solve(self, accuracy: float) -> tuple[Solution, Solution]:
        """Ground states with and without interaction, on the first grid that is accurate enough."""
        source = self._source(accuracy)
        energy, leak = source.errors
        for coarser, finer in self._grids(source, accuracy, 2):
            errors = _errors(coarser, finer)
            errors["density_error"] += leak
            errors["energy_error"] = math.hypot(errors["energy_error"], 2.0 * energy)
            if errors["density_error"] <= accuracy:
                solution = replace(coarser.solution(), **errors)
                return solution, coarser.without_interaction().solution()
        raise self._too_sharp(finer, errors["density_error"], accuracy)

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

    def states_and_errors(self, n_states: int, accuracy: float) -> tuple[list[PairState], Array]:
        """Lowest states, and the errors of their energies in Ha* by the next finer grid."""
        source = self._source(accuracy)
        for coarser, finer in self._grids(source, accuracy, max(n_states, 2)):
            error = _errors(coarser, finer)["density_error"] + source.errors[1]
            if error <= accuracy:
                states = coarser.levels[:n_states]
                changes = [
                    coarse.energy - fine.energy
                    for coarse, fine in zip(states, finer.levels, strict=False)
                ]
                stretch = 1.0 + _richardson(coarser, finer, ENERGY_ORDER)
                return states, np.hypot(np.multiply(stretch, changes), _ROUNDING)
        raise self._too_sharp(finer, error, accuracy)

    def lowest_of_each_spin(self, accuracy: float) -> tuple[PairState, PairState, float]:
        """Lowest singlet and lowest triplet, and the error of their distance in Ha*."""
        source = self._source(accuracy)
        for coarser, finer in self._grids(source, accuracy, 2):
            errors = _errors(coarser, finer)
            error = errors["density_error"] + source.errors[1]
            if error <= accuracy:
                singlet, triplet = (
                    next(level for level in coarser.levels if level.spin == spin) for spin in (0, 1)
                )
                return singlet, triplet, errors["exchange_error"]
        raise self._too_sharp(finer, error, accuracy)

    def states(self, n_states: int, accuracy: float) -> list[PairState]:
        """Lowest states, rising in energy, on the grid that is good enough for the ground state."""
        source = self._source(accuracy)
        for coarser, finer in self._grids(source, accuracy, max(n_states, 2)):
            error = _density_error(coarser, finer) + source.errors[1]
            if error <= accuracy:
                return finer.levels[:n_states]
        raise self._too_sharp(finer, error, accuracy)

    def _source(self, accuracy: float) -> WindowOrbitals:
        """Orbitals of the window where the electrons are."""
        window = find_window(self.potential, self.box, self.interaction, self.strength)
        return WindowOrbitals(self.potential, window, tolerance=min(accuracy, DEFAULT_ACCURACY))

    def _grids(
        self, source: WindowOrbitals, accuracy: float, n_levels: int
    ) -> Iterator[tuple[Levels, Levels]]:
        """Yield the levels on each grid and on the next finer one."""
        yield from pairwise(self._levels(source, n, n_levels, accuracy) for n in _LADDER)

    def _too_sharp(self, levels: Levels, error: float, accuracy: float) -> PhysicsError:
        """Error of a potential that no grid resolves."""
        state = levels.levels[0]
        n = state.orbitals.grid.n
        return PhysicsError(
            f"a grid of {n} x {n} points over {state.window.side:.3g} a0* leaves an error of "
            f"about {error:.1g} in the density, and accuracy={accuracy:g} was asked for; allow a "
            f"larger error with accuracy={2 * error:.1g}, use a smaller box, or blur the potential "
            "over a length in a0* with smooth"
        )

    def _levels(self, source: WindowOrbitals, n: int, n_levels: int, accuracy: float) -> Levels:
        """Levels on a grid of n x n points, at least so many."""
        orbitals, window = source.on_grid(n), source.window
        grid: PairGrid = orbitals.grid
        pair = (window.side, self.interaction, self.strength)
        between, contact = grid.interaction(*pair), grid.contact(*pair)
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
                contact,
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


@dataclass(frozen=True)
class Levels:
    """Levels of one dot on one grid, at least two, rising in energy."""

    levels: list[PairState]
    n_pixels: int

    @property
    def energy(self) -> float:
        """Energy of the ground state in Ha*."""
        return self.levels[0].energy

    @property
    def gap(self) -> float:
        """Distance to the next level in Ha*."""
        return max(self.levels[1].energy - self.energy, 0.0)

    @property
    def exchange(self) -> float:
        """Energy of the lowest triplet less that of the lowest singlet in Ha*, or nan."""
        lowest = {level.spin: level.energy for level in reversed(self.levels)}
        return lowest.get(1, math.nan) - lowest.get(0, math.nan)

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
        return Solution(
            box=ground[0].window.box,
            energy=self.energy,
            gap=self.gap,
            spin_squared=float(weights @ [state.spin_squared for state in ground]),
            sector=(1 + ground[0].spin, 1 - ground[0].spin),
            n_states=len(ground),
            orbital_energies=energies,
            orbitals=values,
            density_matrix_up=up,
            density_matrix_down=down,
            exchange=self.exchange,
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
    return ground.residual < _MIXING * accuracy * min(distances)


class _Errors(TypedDict):
    """Estimated errors by their names in `Solution`."""

    energy_error: float
    gap_error: float
    exchange_error: float
    density_error: float


def _errors(coarser: Levels, finer: Levels) -> _Errors:
    """Estimated errors of the coarser of two solutions."""
    of_energy = 1.0 + _richardson(coarser, finer, ENERGY_ORDER)
    of_density = 1.0 + _richardson(coarser, finer, DENSITY_ORDER)
    return {
        "energy_error": math.hypot(of_energy * (coarser.energy - finer.energy), _ROUNDING),
        "gap_error": math.hypot(of_energy * (coarser.gap - finer.gap), _ROUNDING),
        "exchange_error": math.hypot(of_energy * (coarser.exchange - finer.exchange), _ROUNDING),
        "density_error": of_density * _difference(coarser, finer),
    }


def _density_error(coarser: Levels, finer: Levels) -> float:
    """Estimated integral of the absolute error of the finer density, per electron."""
    return _difference(coarser, finer) * _richardson(coarser, finer, DENSITY_ORDER)


def _difference(coarser: Levels, finer: Levels) -> float:
    """Integral of the absolute difference of two densities, per electron."""
    return float(np.abs(finer.density - coarser.density).sum() / finer.density.sum())


def _richardson(coarser: Levels, finer: Levels, order: int) -> float:
    """Error of the finer of two results that differ by 1."""
    return extrapolation(coarser.levels[0].orbitals.grid.n, finer.levels[0].orbitals.grid.n, order)
