"""Three to six electrons: configuration interaction in few orbitals that stands for a whole grid.

The orbitals are those of one electron on the grid of `pair_grid`, over the window where the
electrons are. The pairs of all of them are folded into the interaction between those of the M
lowest (`effective`); full configuration interaction in these M gives energies and spins, and the
density counts the pairs that were folded (`pair_excitations`). What remains are correlations of
three and more electrons outside the M orbitals. A second solution with fewer orbitals says how
much that is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PhysicsError
from keras_qd.physics.box import Box
from keras_qd.physics.effective import EffectivePairs, effective_pairs
from keras_qd.physics.fine_basis import WindowOrbitals
from keras_qd.physics.full_ci import DEGENERACY, Level, lowest_levels, lowest_levels_of_spin
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.noninteracting import fill, first_excitation
from keras_qd.physics.pair_excitations import density_matrices
from keras_qd.physics.pair_grid import GridOrbitals, PairGrid
from keras_qd.physics.pair_state import natural_orbitals
from keras_qd.physics.solution import LabelError, Solution
from keras_qd.physics.window import Window, find_window

Array = NDArray[np.float64]

#: Fewest and most orbitals of the configurations, for each number of electrons, and of the second
#: solution that the first is compared with.
_ORBITALS = {3: (11, 15), 4: (12, 15), 5: (10, 13), 6: (10, 12)}
_FEWER_ORBITALS = {3: (6, 9), 4: (7, 10), 5: (8, 10), 6: (7, 9)}

#: Orbitals closer than this, in units of (pi / side)^2, are of one shell, which is never divided.
_SHELL = 0.01

#: Filled orbitals, and levels of one spin, closer than this, in units of (pi / side)^2, are
#: degenerate: a square grid parts orbitals and levels of a three-fold symmetric dot by less.
_ORBITAL_DEGENERACY, _LEVEL_DEGENERACY = 2e-4, 2e-3

#: Points along a side of the window that are tried in turn, from the second on for five and six
#: electrons; the error of the density that is good enough, and that beyond which the potential is
#: refused.
_LADDER, _GOOD, _BAD = (12, 14, 16, 20), 3e-3, 3e-2

#: Error of the density over the root of the share of the electrons in waves too short for the grid,
#: as in `pair_batch`.
_ERROR_OF_SHARE = 0.4

#: Power of the distance between filled and left-out orbitals that errors fall with, and factors on
#: what Richardson's extrapolation then says: measured on ten dots of six families, for N = 3.
_ORDER = 4
_ENERGY_FACTOR, _DENSITY_FACTOR, _GAP_FACTOR = 1.1, 0.85, 1.15


@dataclass(frozen=True)
class ManyElectronProblem:
    """Three to six electrons in one potential.

    Parameters
    ----------
    potential : ndarray, shape (n_pixels, n_pixels)
        Potential at the pixel centres, in Ha*.
    box : Box
        The box.
    n_electrons : int
        Number of electrons.
    interaction : Interaction
        Interaction of the electrons.
    strength : float
        Factor on it.
    spin : float, optional
        Total spin of the states to be looked for.
    """

    potential: Array
    box: Box
    n_electrons: int
    interaction: Interaction
    strength: float = 1.0
    spin: float | None = None

    def solve(self, *, with_errors: bool = True) -> tuple[Solution, Solution]:
        """Ground states with and without interaction.

        Parameters
        ----------
        with_errors : bool, default True
            Whether to estimate the errors, by a second solution.

        Returns
        -------
        interacting, noninteracting : Solution

        Raises
        ------
        PhysicsError
            If no grid resolves the orbitals.
        """
        without = self._noninteracting()
        if self.interaction.name == "none" or self.strength == 0:
            return without, without
        solution = self._interacting(self._n_orbitals)
        if with_errors:
            error = self._error(solution)
            solution = replace(
                solution,
                energy_error=abs(error.energy),
                density_error=error.density,
                gap_error=abs(error.gap),
            )
        return solution, without

    def error(self) -> LabelError:
        """Estimate the errors of the ground state, with the sign of the energy's."""
        return self._error(self._interacting(self._n_orbitals))

    def _error(self, solution: Solution) -> LabelError:
        """Extrapolate from the solution in fewer orbitals."""
        energies, m_fewer = self._orbitals.energies[0], self._n_fewer_orbitals
        fewer = self._interacting(m_fewer)
        difference = np.abs(solution.density - fewer.density).sum() / solution.density.sum()
        distance, distance_fewer = energies[[self._n_orbitals, m_fewer]] - self._mean_energy
        ratio = float(distance / distance_fewer)
        share = 1.0 / (ratio**_ORDER - 1.0)
        return LabelError(
            _ENERGY_FACTOR * share * (fewer.energy - solution.energy),
            math.hypot(_DENSITY_FACTOR * share * float(difference), self._leak),
            _GAP_FACTOR * share * (fewer.gap - solution.gap),
        )

    def _interacting(self, m: int) -> Solution:
        """Ground state from the configurations of m orbitals."""
        energies = self._orbitals.energies[0]
        pairs = effective_pairs(
            energies, self._orbitals.points[0], self._between, m, self._reference
        )
        tolerance = _LEVEL_DEGENERACY * self._unit
        problem = (energies[:m], pairs.interaction, self.n_electrons)
        if self.spin is None:
            levels = lowest_levels(*problem, degeneracy=tolerance)
        else:
            levels = lowest_levels_of_spin(*problem, self.spin, degeneracy=tolerance)
        return self._mixture(levels, pairs, tolerance)

    @property
    def _n_orbitals(self) -> int:
        """Number of orbitals that completes a shell."""
        bounds = _ORBITALS[self.n_electrons]
        return full_shell(self._orbitals.energies[0], *bounds, _SHELL * self._unit)

    @property
    def _n_fewer_orbitals(self) -> int:
        """Number of orbitals with the last shells left out."""
        gaps = np.diff(self._orbitals.energies[0])
        fewest, most = _FEWER_ORBITALS[self.n_electrons]
        m = fewest + int(np.argmax(gaps[fewest - 1 : min(most, self._n_orbitals - 1)]))
        while m > self.n_electrons and gaps[m - 1] < _SHELL * self._unit:
            m -= 1
        return m

    def _mixture(self, levels: list[Level], pairs: EffectivePairs, tolerance: float) -> Solution:
        """Mix the levels degenerate with the lowest, states of a multiplet with equal weight."""
        lowest = levels[0]
        # The grid parts levels of one spin; it cannot part spins.
        ground = [
            level
            for level in levels
            if level.energy - lowest.energy
            < (tolerance if level.multiplicity == lowest.multiplicity else DEGENERACY)
        ]
        weights = np.array([level.multiplicity for level in ground], dtype=np.float64)
        weights /= weights.sum()
        found = [_matrices(level, pairs) for level in ground]
        up, down = np.tensordot(weights, np.array(found), axes=1)
        return self._solution(
            up,
            down,
            energy=lowest.energy,
            gap=levels[1].energy - lowest.energy if len(levels) > 1 else math.inf,
            spin_squared=float(weights @ [level.spin_squared for level in ground]),
            sector=(lowest.sector.n_up, lowest.sector.n_down),
            n_states=len(ground),
        )

    def _noninteracting(self) -> Solution:
        """Fill the orbitals of the grid, sharing electrons within a degenerate shell."""
        n_up, n_down = self._spins
        energies, tolerance = self._orbitals.energies[0], _ORBITAL_DEGENERACY * self._unit
        up, down = (fill(energies, n, tolerance) for n in (n_up, n_down))
        n_open = max(int(np.count_nonzero((row > 0) & (row < 1))) for row in (up, down))
        spin = (n_up - n_down) / 2
        return self._solution(
            np.diag(up),
            np.diag(down),
            energy=float((up + down) @ energies),
            gap=min(first_excitation(energies, n) for n in {n_up, n_down} if n),
            spin_squared=spin * (spin + 1),
            sector=(n_up, n_down),
            n_states=max(n_open, 1),
        )

    def _solution(
        self,
        up: Array,
        down: Array,
        *,
        energy: float,
        gap: float,
        spin_squared: float,
        sector: tuple[int, int],
        n_states: int,
    ) -> Solution:
        natural = natural_orbitals(self._orbitals, self._window, up, down, len(self.potential))
        return Solution(
            self.box,
            energy,
            0.0 if n_states > 1 else gap,
            spin_squared,
            sector,
            n_states,
            *natural,
        )

    @property
    def _spins(self) -> tuple[int, int]:
        """Electrons of either spin, of the spin asked for or the lowest one."""
        n = self.n_electrons
        n_up = (n + 1) // 2 if self.spin is None else round(n / 2 + self.spin)
        return n_up, n - n_up

    @cached_property
    def _mean_energy(self) -> float:
        """Energy of one electron in the orbitals that are filled, on average."""
        energies = self._orbitals.energies[0]
        return float(sum(energies[:n].sum() for n in self._spins)) / self.n_electrons

    @cached_property
    def _reference(self) -> float:
        """Energy of a pair of electrons in the orbitals that are filled, on average.

        It counts their repulsion: pairs are folded at an energy of their own, as the equation of
        Bloch and Horowitz demands.
        """
        filled = [self._orbitals.points[0][:, :n] for n in self._spins]
        matrices = [points @ points.T for points in filled]
        density = sum(matrix.diagonal() for matrix in matrices)
        direct = density @ self._between @ density
        exchange = sum((matrix**2 * self._between).sum() for matrix in matrices)
        n_pairs = self.n_electrons * (self.n_electrons - 1) / 2
        return 2.0 * self._mean_energy + float(direct - exchange) / (2.0 * n_pairs)

    @cached_property
    def _window(self) -> Window:
        return find_window(
            self.potential, self.box, self.interaction, self.strength, self.n_electrons
        )

    @property
    def _unit(self) -> float:
        """Spacing of the levels of the empty window, in Ha*."""
        return (math.pi / self._window.side) ** 2

    @cached_property
    def _between(self) -> Array:
        """Interaction between the points of the grid."""
        grid: PairGrid = self._orbitals.grid
        return grid.interaction(self._window.side, self.interaction, self.strength)

    @cached_property
    def _leak(self) -> float:
        """Error of the density that the grid causes, from the orbitals that are filled."""
        return grid_error(self._orbitals, max(self._spins)) + self._source.errors[1]

    @cached_property
    def _source(self) -> WindowOrbitals:
        """Orbitals of the window on any grid."""
        return WindowOrbitals(self.potential, self._window, max(self._spins), _GOOD)

    @cached_property
    def _orbitals(self) -> GridOrbitals:
        """Orbitals on the first grid that is good enough for those that are filled."""
        side, n_filled = self._window.side, max(self._spins)
        for n in _LADDER[self.n_electrons > 4 :]:
            orbitals = self._source.on_grid(n)
            error = grid_error(orbitals, n_filled)
            if error <= _GOOD:
                return orbitals
        if error > _BAD:
            raise PhysicsError(
                f"a grid of {n} x {n} points over {side:.3g} a0* leaves an error of about "
                f"{error:.1g} in the density of {self.n_electrons} electrons; smooth the "
                "potential, use a smaller box, or set n_orbitals for configuration interaction"
            )
        return orbitals


def full_shell(energies: Array, fewest: int, most: int, distance: float) -> int:
    """Return a number of orbitals that ends at a gap, the widest one within a range.

    Parameters
    ----------
    energies : ndarray, shape (g,)
        Orbital energies in Ha*, rising.
    fewest, most : int
        The range; where it lies within one shell, the shell is completed.
    distance : float
        Orbitals that are closer, in Ha*, are of one shell.

    Returns
    -------
    int

    Examples
    --------
    >>> full_shell(np.array([1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0]), 4, 6, 0.1)
    6
    """
    gaps = np.diff(energies)
    m = fewest + int(np.argmax(gaps[fewest - 1 : most]))
    while gaps[m - 1] < distance:
        m += 1
    return m


def grid_error(orbitals: GridOrbitals, n_filled: int) -> float:
    """Rough error of a density, from the share of the filled orbitals outside the grid's sines."""
    outside = orbitals.coefficients[0, orbitals.grid.size :, :n_filled]
    return _ERROR_OF_SHARE * math.sqrt(float((outside**2).sum()) / n_filled)


def _matrices(level: Level, pairs: EffectivePairs) -> tuple[Array, Array]:
    """Density matrices of a level, with the pairs that were folded."""
    n_up, n_down = level.sector.n_up, level.sector.n_down
    return density_matrices(level.sector.amplitudes(level.vector), n_up, n_down, pairs)
