"""The refinement: exact solutions, each at a potential that the last ones point to."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PhysicsError
from keras_qd.physics.inversion.mixing import Anderson
from keras_qd.physics.inversion.outcome import Reason
from keras_qd.physics.inversion.response import PENALTIES, Response
from keras_qd.physics.solution import NEAR_DEGENERACY, Solution

Array = NDArray[np.float64]

#: Largest change of the potential in one step: standard deviation weighted with the target, in
#: units of the kinetic energy of the target's orbital.
_LONGEST_STEP = 1.0

#: A search that has not come nearer by a tenth in so many solutions changes its ways or ends.
_PATIENCE = 12


@dataclass(frozen=True)
class Limits:
    """When to end.

    Parameters
    ----------
    tolerance : float
        Residual that is good enough.
    iterations : int
        Most exact solutions after the first.
    seconds : float
        Time after which no other is begun.
    """

    tolerance: float
    iterations: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Attempt:
    """One potential and its exact solution."""

    place: Array
    solution: Solution
    residual: float


class Search:
    """The search for one target's potential.

    Parameters
    ----------
    response : Response
        The target, the exact solver and the model of its response.
    limits : Limits
        When to end.
    """

    def __init__(self, response: Response, limits: Limits) -> None:
        self.residuals: list[float] = []
        self._response = response
        self._limits = limits
        self._deadline = time.monotonic() + limits.seconds
        self._mixing = Anderson()
        self._begin(0)

    def run(self, starts: Iterable[Array]) -> tuple[Attempt, Reason]:
        """Search from the first of some potentials that the solver takes.

        Parameters
        ----------
        starts : iterable of ndarray, shape (n_cosines,)
            Coefficients of the potentials in the band, at least one.

        Returns
        -------
        best : Attempt
            The one that came nearest to the target.
        reason : str
            Why the search ended; see `Inversion`.

        Raises
        ------
        PhysicsError
            If the solver refuses all of them.
        """
        best = last = self._first(starts)
        while (reason := self._reason_to_end(best)) is None:
            attempt = self._try(last.place + self._step(last))
            if attempt is not None:
                if attempt.residual < 0.9 * best.residual:
                    self._since = 0
                best = min(best, attempt, key=lambda one: one.residual)
            if attempt is None or self._since > _PATIENCE:
                self._begin(self._level + 1)
                last = best
                continue
            if attempt.solution.sector != last.solution.sector:
                # The densities of two levels are two functions of the potential.
                self._mixing.forget()
            last = attempt
        return best, reason

    def _first(self, starts: Iterable[Array]) -> Attempt:
        refusals = []
        for place in starts:
            try:
                return self._solve(place)
            except PhysicsError as refusal:
                refusals.append(refusal)
        raise refusals[-1]

    def _begin(self, level: int) -> None:
        """Start anew from the best, with a heavier penalty on rough potentials."""
        self._level, self._since = level, 0
        self._mixing.forget()

    def _reason_to_end(self, best: Attempt) -> Reason | None:
        if best.residual <= self._limits.tolerance:
            return "converged"
        if self._level == len(PENALTIES):
            return "level-crossing" if best.solution.gap < NEAR_DEGENERACY else "stagnated"
        if time.monotonic() > self._deadline:
            return "time"
        return "iterations" if len(self.residuals) > self._limits.iterations else None

    def _step(self, last: Attempt) -> Array:
        residual = self._response.residual(last.solution.density)
        penalty = PENALTIES[self._level]
        step = self._mixing.step(
            last.place, residual, lambda rest: self._response.step(rest, penalty)
        )
        size = self._response.size(step)
        longest = _LONGEST_STEP * self._response.kinetic_energy
        return step * min(1.0, longest / size) if size > 0 else step

    def _try(self, place: Array) -> Attempt | None:
        """Solve, unless the solver refuses the potential as too sharp."""
        self._since += 1
        try:
            return self._solve(place)
        except PhysicsError:
            self.residuals.append(math.nan)
            return None

    def _solve(self, place: Array) -> Attempt:
        response = self._response
        solution = response.solver.solve(response.band.field(place))
        residual = response.distance(solution.density)
        self.residuals.append(residual)
        return Attempt(place, solution, residual)
