r"""From potentials of a band to densities: on product grids, or by the solver of any number.

Two electrons have their exact linear response on the product grid. For a singlet x of energy E, to
first order in a change :math:`\delta V` of the potential

.. math:: \delta x = -(H - E)^{-1} Q\, (\delta v\, x + x\, \delta v),

Q the projector on all that is orthogonal to x, by conjugate gradients [1]_ with the products of the
solver. Functions that `physics.pair_grid` folds down follow as
:math:`-(H_{QQ} - e_0)^{-1} \delta V_{QP}` does; without them the response to rough potentials is up
to a third too small.

References
----------
.. [1] M. R. Hestenes and E. Stiefel, J. Res. Natl. Bur. Stand. 49, 409 (1952),
   https://doi.org/10.6028/jres.049.044
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from keras_qd.inverse.response import Band, Response
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction, as_interaction
from keras_qd.physics.many_electrons import ManyElectronProblem
from keras_qd.physics.pair_grid import (
    DENSITY_ORDER,
    GridOrbitals,
    PairGrid,
    extrapolation,
    grid_orbitals,
    pair_grid,
    square_coefficients,
)
from keras_qd.physics.pair_state import PairState, states_of
from keras_qd.physics.solver import Solver
from keras_qd.physics.two_electrons import SINGLET, PairStates, lowest_pair_states
from keras_qd.physics.window import whole_box

Array = NDArray[np.float64]

#: Least and most points along a side of the coarse grid, and how many more each grid has.
_COARSEST, _FINEST_COARSE, _FINER = 12, 20, (0, 4, 8)

#: Relative accuracy of responses.
_ACCURACY = 1e-2

#: Share of the norm of the target's orbital that the coarse grid may leave out.
_LEFT_OUT = 3e-3


@dataclass(frozen=True, eq=False)
class Point:
    """A potential by its coefficients in the band, its exact ground state and its response."""

    model: Model
    coefficients: Array
    density: Array
    energy: float
    gap: float
    #: Change of the moments of the density with the coefficients, where it is known.
    response: Callable[[Array], Array] | None = None
    #: Estimates the error of the density, where the model does.
    error: Callable[[], float] | None = None
    #: What the solution of a potential nearby starts from.
    pair: PairPoint | None = None
    problem: ManyElectronProblem | None = None


class Model(Protocol):
    """A map from coefficients to densities."""

    def solve(self, coefficients: Array, near: Point | None = None) -> Point:
        """Solve for the ground state, from that of a potential nearby."""


@dataclass(frozen=True)
class GridModel:
    """Two electrons on one product grid."""

    grid: PairModel

    def solve(self, coefficients: Array, near: Point | None = None) -> Point:
        """Solve for the ground state; the response is exact."""
        pair = self.grid.solve(coefficients, None if near is None else near.pair)
        return Point(
            self,
            coefficients,
            pair.density,
            pair.singlet.energy,
            pair.gap,
            pair.response,
            pair=pair,
        )


@dataclass(frozen=True)
class SolverModel:
    """One electron, or two of parallel spins, by their solver."""

    solver: Solver
    band: Band

    def solve(self, coefficients: Array, near: Point | None = None) -> Point:
        """Solve; the response is not known."""
        found = self.solver.solve(self.band.field(coefficients))
        density, error = found.density, found.density_error
        return Point(
            self,
            coefficients,
            density,
            found.energy,
            found.gap,
            error=None if error is None else lambda: error,
        )


@dataclass(frozen=True)
class ManyModel:
    """Three or four electrons in the window, grid and orbitals of the first potential."""

    solver: Solver
    band: Band

    def solve(self, coefficients: Array, near: Point | None = None) -> Point:
        """Solve; the response is not known."""
        problem = self.solver.many_electron_problem(self.band.field(coefficients))
        if near is not None and near.problem is not None:
            problem = replace(problem, like=near.problem.like or near.problem)
        found, _ = problem.solve(with_errors=False)
        return Point(
            self,
            coefficients,
            found.density,
            found.energy,
            found.gap,
            error=lambda: problem.error().density,
            problem=problem,
        )


@dataclass(frozen=True)
class Models:
    """The models that a search begins with, ends with, and proves its result with."""

    coarse: Model
    #: Middle and fine.
    finer: tuple[Model, Model] | None = None
    #: Difference of the fine density from the middle one, relative to that from the coarse one, and
    #: error of the fine density relative to its difference from the middle one.
    ahead: float = 0.0
    fine_error: float = np.nan


def models(response: Response, noisy: bool = False) -> Models:
    """Models for a target."""
    solver, band = response.solver, response.band
    if solver.n_electrons > 2:
        return Models(ManyModel(solver, band))
    if solver.n_electrons == 1 or solver.spin == 1:
        return Models(SolverModel(solver, band))
    interaction = as_interaction(solver.interaction)
    # What noise leaves at the walls has a tail that no grid resolves.
    least = _COARSEST if noisy else _coarsest(response)
    sizes = [least + more for more in _FINER]
    coarse, middle, fine = (
        GridModel(PairModel(solver.box, band, n, interaction, solver.strength, _ACCURACY))
        for n in sizes
    )
    errors = [extrapolation(n, m, DENSITY_ORDER) for n, m in pairwise(sizes)]
    return Models(coarse, (middle, fine), errors[0] / (1.0 + errors[1]), errors[1])


def _coarsest(response: Response) -> int:
    """Points a side of the coarsest grid that resolves the target's orbital."""
    tail = response.left_out
    enough = int(np.argmax(tail <= _LEFT_OUT)) if (tail <= _LEFT_OUT).any() else len(tail)
    return min(max(enough + enough % 2, _COARSEST), _FINEST_COARSE)


#: Residual norm of the singlet, in units of (pi / L)^2 n^2, and most Davidson steps.
_RESIDUAL, _MOST_STEPS = 1e-6, 60

#: Most iterations for a response.
_MOST_ITERATIONS = 60


@dataclass(frozen=True)
class PairModel:
    """Two electrons on one grid over the whole box, in potentials of one band."""

    box: Box
    band: Band
    n: int
    interaction: Interaction
    strength: float = 1.0
    #: Relative accuracy of a response, in the norm of the preconditioner.
    accuracy: float = 3e-3

    @property
    def grid(self) -> PairGrid:
        """The product grid."""
        return pair_grid(self.n)

    @property
    def tables(self) -> Array:
        """Cosines between sines along one side, shape (half_waves + 1, n_fine^2)."""
        return _cosines_between_sines(self.band.half_waves, self.grid.n_fine)

    def solve(self, coefficients: Array, near: PairPoint | None = None) -> PairPoint:
        """Solve for the ground state, a singlet, and for the lowest triplet, from those nearby."""
        grid, side = self.grid, self.box.length
        window, potential = whole_box(self.box), self.band.field(coefficients)
        orbitals = grid_orbitals(grid, window.cosines(potential[None], 2 * grid.n_fine + 1), side)
        states = lowest_pair_states(
            orbitals,
            grid.interaction(side, self.interaction, self.strength),
            grid.contact(side, self.interaction, self.strength),
            steps=_MOST_STEPS,
            guess=None if near is None else near.carried(orbitals)[None],
            tolerance=(_RESIDUAL * self.n**2 * (math.pi / side) ** 2,),
        )
        (singlet,) = (level for level in states_of(states, window, 1) if level.spin == SINGLET)
        return PairPoint(self, coefficients, potential, states, singlet)

    def matrix(self, coefficients: Array) -> Array:
        """Matrix of a potential between the functions of the square, shape (n_fine^2, n_fine^2)."""
        squares = np.zeros((self.band.half_waves + 1,) * 2)
        squares[self.band.orders] = coefficients
        return _regrouped(self.tables.T @ squares @ self.tables, self.grid.n_fine)

    def moments(self, density_matrix: Array) -> Array:
        """Integrals of the density times each cosine, from a matrix like that of `matrix`."""
        grouped = _regrouped(density_matrix, self.grid.n_fine)
        return np.asarray((self.tables @ grouped @ self.tables.T)[self.band.orders])


@dataclass(frozen=True, eq=False)
class PairPoint:
    """The ground state in one potential, and the response of its density."""

    model: PairModel
    coefficients: Array
    potential: Array
    states: PairStates
    singlet: PairState

    @cached_property
    def density(self) -> Array:
        """Density at the pixel centres, in 1/a0*^2."""
        return self.singlet.density(self.model.band.n_pixels)

    @cached_property
    def moments(self) -> Array:
        """Integrals of the density times each cosine."""
        return self.model.moments(2.0 * self._amplitudes @ self._amplitudes.T)

    @property
    def gap(self) -> float:
        """Distance to the next level in Ha*."""
        others = [self.states.energies[1 - SINGLET, 0, 0], self.states.energies[SINGLET, 0, 1]]
        return max(float(min(others)) - self.singlet.energy, 0.0)

    def carried(self, orbitals: GridOrbitals) -> Any:
        """Sum of singlet and triplet between the orbitals of a grid that is not coarser."""
        n = self.model.grid.n_fine
        there = square_coefficients(orbitals)[0].reshape(
            orbitals.grid.n_fine, -1, orbitals.grid.size
        )
        overlap = there[:n, :n].reshape(n * n, -1).astype(np.float32).T @ self._coefficients
        both = self.states.matrices(0)[0] + self.states.matrices(1)[0]
        return overlap @ both @ overlap.T

    def response(self, change: Array) -> Array:
        """Change of `moments` with that of the potential, to first order."""
        x, coefficients = self._x, self._coefficients
        acted = self.model.matrix(change).astype(np.float32) @ coefficients
        push = coefficients.T @ acted @ x
        dx = -self._solve(push + push.T)
        amplitudes = self._amplitudes.astype(np.float32)
        moved = coefficients @ dx
        rows, inverse = self._folded
        moved[rows] -= inverse @ (acted[rows] @ x)
        mixed = moved @ amplitudes.T
        return self.model.moments(2.0 * (mixed + mixed.T).astype(np.float64))

    def _solve(self, right: Any) -> Any:
        """Solve ``(H - E) y = Q right`` by preconditioned conjugate gradients."""
        energy = self.singlet.energy - 2.0 * float(self._levels[0])
        return _conjugate_gradients(
            lambda y: self._project(self._apply(y) - energy * y),
            lambda r: self._project(self._preconditioner * r),
            self._project(right),
            self.model.accuracy,
        )

    def _project(self, y: Any) -> Any:
        return y - self._x * (self._x * y).sum()

    def _apply(self, y: Any) -> Any:
        """H on a symmetric matrix over pairs of orbitals, energies counted from 2 e0."""
        points = self._points
        return self._diagonal * y + points.T @ ((points @ y @ points.T) * self._repulsion) @ points

    @cached_property
    def _x(self) -> Any:
        return self.singlet.wave_function.astype(np.float32)

    @property
    def _levels(self) -> Array:
        return np.asarray(self.states.orbitals.energies[0])

    @cached_property
    def _diagonal(self) -> Any:
        levels = self._levels - self._levels[0]
        return (levels[:, None] + levels).astype(np.float32)

    @cached_property
    def _preconditioner(self) -> Any:
        free = float((self._diagonal * self._x**2).sum())
        floor = (math.pi / self.model.box.length) ** 2
        return 1.0 / np.maximum(self._diagonal - free, floor)

    @cached_property
    def _points(self) -> Any:
        return self.states.orbitals.points[0].astype(np.float32)

    @cached_property
    def _repulsion(self) -> Any:
        return self.states.interaction[0].astype(np.float32)

    @cached_property
    def _coefficients(self) -> Any:
        return square_coefficients(self.states.orbitals)[0].astype(np.float32)

    @cached_property
    def _amplitudes(self) -> Array:
        return np.asarray(square_coefficients(self.states.orbitals)[0] @ self.singlet.wave_function)

    @cached_property
    def _folded(self) -> tuple[NDArray[np.intp], Any]:
        """Rows of the functions that are folded down, and ``(H_QQ - e0)^-1`` between them."""
        grid, n = self.model.grid, self.model.grid.n_fine
        rows = np.flatnonzero(grid.outside & (grid.square_indices < len(grid.half_waves)))
        b, a = np.unravel_index(rows, (n, n))
        kinetic = 0.5 * ((a + 1) ** 2 + (b + 1) ** 2) * (math.pi / self.model.box.length) ** 2
        matrix = self.model.matrix(self.coefficients)[np.ix_(rows, rows)]
        matrix += np.diag(kinetic - self._levels[0])
        return rows, np.linalg.inv(matrix).astype(np.float32)


def _conjugate_gradients(
    apply: Callable[[Any], Any], precondition: Callable[[Any], Any], right: Any, accuracy: float
) -> Any:
    """Solve a positive system to a relative accuracy."""
    solution, rest = np.zeros_like(right), right
    step = preconditioned = precondition(rest)
    square = first = float((rest * preconditioned).sum())
    for _ in range(_MOST_ITERATIONS):
        if square <= accuracy**2 * first:
            break
        image = apply(step)
        share = square / float((step * image).sum())
        solution, rest = solution + share * step, rest - share * image
        preconditioned = precondition(rest)
        square, last = float((rest * preconditioned).sum()), square
        step = preconditioned + (square / last) * step
    return solution


def _regrouped(matrix: Array, n: int) -> Array:
    """Exchange (b, a), (b', a') for (b, b'), (a, a'), and back."""
    return matrix.reshape(n, n, n, n).swapaxes(1, 2).reshape(n * n, n * n)


@lru_cache(maxsize=16)
def _cosines_between_sines(half_waves: int, n: int) -> Array:
    """Integrals of cos(k) between normalised sines b and b', shape (half_waves + 1, n^2)."""
    b = np.arange(1, n + 1)
    minus, plus = np.abs(b[:, None] - b), b[:, None] + b
    k = np.arange(half_waves + 1)[:, None, None]
    table = 0.5 * ((minus == k) * np.where(k == 0, 2.0, 1.0) - (plus == k))
    return np.asarray(table.reshape(half_waves + 1, -1))
