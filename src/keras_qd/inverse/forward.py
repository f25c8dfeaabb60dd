"""From potentials of a band to densities: on product grids, or by the solver of any number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from keras_qd.inverse.pair_response import PairModel
from keras_qd.inverse.response import Band, Response
from keras_qd.physics.interactions import as_interaction
from keras_qd.physics.solver import Solver

Array = NDArray[np.float64]

#: Least and most points along a side of the coarsest grid.
_COARSEST, _FINEST_COARSE = 12, 20

#: How many more points the grids of responses and of densities have, the last of which proves.
_FINER = ((0, 0), (0, 4), (4, 8), (4, 12))

#: Share of the norm of the target's orbital that the coarsest grid may leave out.
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
    #: Estimated error of the density, NaN where it is not known.
    density_error: float = np.nan


class Model(Protocol):
    """A map from coefficients to densities."""

    def solve(self, coefficients: Array) -> Point:
        """Solve for the ground state."""


@dataclass(frozen=True)
class GridModel:
    """Two electrons with the response of a coarse grid and the density of a fine one."""

    coarse: PairModel
    fine: PairModel

    def solve(self, coefficients: Array) -> Point:
        """Solve on both grids."""
        below = self.coarse.solve(coefficients)
        above = below if self.fine == self.coarse else self.fine.solve(coefficients)
        return Point(
            self, coefficients, above.density, above.singlet.energy, above.gap, below.response
        )


@dataclass(frozen=True)
class SolverModel:
    """Electrons of any number and spin, by their solver."""

    solver: Solver
    band: Band

    def solve(self, coefficients: Array) -> Point:
        """Solve; the response is not known."""
        found = self.solver.solve(self.band.field(coefficients))
        error = found.density_error
        return Point(
            self,
            coefficients,
            found.density,
            found.energy,
            found.gap,
            density_error=np.nan if error is None else error,
        )


def models(response: Response, noisy: bool = False) -> tuple[Model, ...]:
    """Models for a target, the finest last."""
    solver, band = response.solver, response.band
    if solver.n_electrons != 2 or solver.spin == 1:
        return (SolverModel(solver, band),)
    interaction = as_interaction(solver.interaction)
    # What noise leaves at the walls has a tail that no grid resolves.
    coarse = _COARSEST if noisy else _coarsest(response)

    def grid(more: int) -> PairModel:
        return PairModel(solver.box, band, coarse + more, interaction, solver.strength)

    return tuple(GridModel(grid(few), grid(many)) for few, many in _FINER)


def _coarsest(response: Response) -> int:
    """Points a side of the coarsest grid that resolves the target's orbital."""
    tail = response.left_out
    enough = int(np.argmax(tail <= _LEFT_OUT)) if (tail <= _LEFT_OUT).any() else len(tail)
    return min(max(enough + enough % 2, _COARSEST), _FINEST_COARSE)
