"""From potentials of a band to densities: on product grids, or by the solver of any number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from keras_qd.inverse.pair_response import PairModel, PairPoint
from keras_qd.inverse.response import Band, Response
from keras_qd.physics.interactions import as_interaction
from keras_qd.physics.many_electrons import ManyElectronProblem
from keras_qd.physics.pair_grid import DENSITY_ORDER, extrapolation
from keras_qd.physics.solver import Solver

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
