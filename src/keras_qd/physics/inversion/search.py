"""The refinement: exact solutions, each at a potential that the last ones point to."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PhysicsError
from keras_qd.physics.inversion.ascent import LineSearch, QuasiNewton
from keras_qd.physics.inversion.mixing import Anderson
from keras_qd.physics.inversion.newton import (
    FIRST_MANNERS,
    OTHER_MANNERS,
    Manner,
    SmoothFit,
)
from keras_qd.physics.inversion.outcome import Reason
from keras_qd.physics.inversion.response import PENALTIES, Response
from keras_qd.physics.inversion.singlet_response import SingletResponse, has_singlet_response
from keras_qd.physics.solution import NEAR_DEGENERACY, Solution

Array = NDArray[np.float64]

#: Largest change of the potential in one step: standard deviation weighted with the target, in
#: units of the kinetic energy of the target's orbital.
_LONGEST_STEP = 1.0

#: A search that has not come nearer by a tenth in so many solutions changes its ways or ends.
_PATIENCE = 25

#: Newton's steps that are taken with one penalty.
_STEPS_OF_A_PENALTY = 5

#: Fall of the fit's value, as a share of it left, that is no reason to go on with a penalty.
_HARDLY = 0.9

#: How often a step is damped ten times more, and the damping below which none is needed.
_MOST_DAMPINGS, _LEAST_DAMPING = 8, 0.1

#: Residual, in tolerances, above which Newton's steps in other manners are not worth their time.
_WORTH_OTHER_MANNERS = 50


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
        self._since = 0

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
        start = self._best = self._first(starts)
        self._mix(PENALTIES[0])
        self._climb()
        self._fit(start)
        for penalty in PENALTIES[1:]:
            self._mix(penalty)
        crossing = self._best.solution.gap < NEAR_DEGENERACY
        return self._best, self._end() or ("level-crossing" if crossing else "stagnated")

    def _first(self, starts: Iterable[Array]) -> Attempt:
        refusals = []
        for place in starts:
            try:
                return self._solve(place)
            except PhysicsError as refusal:
                refusals.append(refusal)
        raise refusals[-1]

    def _end(self) -> Reason | None:
        if self._best.residual <= self._limits.tolerance:
            return "converged"
        if time.monotonic() > self._deadline:
            return "time"
        return "iterations" if len(self.residuals) > self._limits.iterations else None

    def _goes_on(self) -> bool:
        return self._end() is None and self._since <= _PATIENCE

    def _mix(self, penalty: float) -> None:
        """Take the model's steps from the best, mixed with earlier ones."""
        self._since, last, mixing = 0, self._best, Anderson()
        while self._goes_on():
            residual = self._response.residual(last.solution.density)
            step = mixing.step(
                last.place, residual, lambda rest: self._response.step(rest, penalty)
            )
            attempt = self._try(last.place + self._longest_share(step) * step)
            if attempt is None:
                return
            if attempt.solution.sector != last.solution.sector:
                # The densities of two levels are two functions of the potential.
                mixing.forget()
            last = attempt

    def _fit(self, start: Attempt) -> None:
        """Take Newton's steps in several manners, from the start and from where these end."""
        if not has_singlet_response(self._response.solver):
            return
        nearest = start  # not the best, whose mixed steps may have dug wells
        for manner in (*FIRST_MANNERS, *OTHER_MANNERS):
            last = start if manner in FIRST_MANNERS else nearest
            for penalty in manner.penalties:
                last = self._fit_held(last, manner, penalty)
            nearest = min(nearest, last, key=lambda one: one.residual)
            if self._end() or nearest.residual > _WORTH_OTHER_MANNERS * self._limits.tolerance:
                return

    def _fit_held(self, last: Attempt, manner: Manner, penalty: float) -> Attempt:
        """Take Newton's steps with one penalty, and return where they end."""
        weights = penalty * self._response.band.roughness**manner.smoothness
        damping = 0.0
        for _ in range(_STEPS_OF_A_PENALTY):
            if self._end():
                break
            fit = self._linearised(last, manner.shift, weights)
            after, damping = self._damped(fit, last, damping)
            if after is None:
                break
            fall = fit.value_at(after.place, self._roots(after)) / fit.value
            last = after
            if fall > _HARDLY and damping == 0:
                break
        return last

    def _linearised(self, last: Attempt, shift: float, weights: Array) -> SmoothFit:
        response = self._response
        field = response.band.field(last.place)
        derivative = SingletResponse(response.solver, response.band, field, shift).derivative()
        slope = response.slope_of_roots(last.solution.density).ravel() * self._root_unit
        return SmoothFit(last.place, self._roots(last), slope[:, None] * derivative, weights)

    def _damped(
        self, fit: SmoothFit, last: Attempt, damping: float
    ) -> tuple[Attempt | None, float]:
        """Take the longest step that leads down, and return it with the next damping."""
        for _ in range(_MOST_DAMPINGS):
            if self._end():
                break
            after = self._try(last.place + fit.step(damping))
            if after and fit.value_at(after.place, self._roots(after)) < fit.value:
                return after, damping / 10 if damping > _LEAST_DAMPING else 0.0
            damping = max(10 * damping, 1.0)
        return None, damping

    def _roots(self, attempt: Attempt) -> Array:
        """Difference of square roots, a vector whose square is some share of the electrons."""
        difference = self._response.difference_of_roots(attempt.solution.density)
        return np.asarray(difference.ravel() * self._root_unit)

    @property
    def _root_unit(self) -> float:
        solver = self._response.solver
        area = solver.box.pixel_area(self._response.band.n_pixels)
        return math.sqrt(area / solver.n_electrons)

    def _climb(self) -> None:
        """Climb from the best, which is slower but needs no linear response."""
        self._since, last, memory = 0, self._best, QuasiNewton(self._response.rise)
        while self._goes_on():
            gradient = self._response.gradient(last.solution.density)
            way = memory.direction(gradient)
            line = LineSearch(float(gradient @ way), self._longest_share(way))
            attempt = None
            while self._goes_on():
                attempt = self._try(last.place + line.length * way)
                after = None if attempt is None else self._slopes(attempt)
                if line.accepts(-math.inf if after is None else float(after @ way)):
                    break
            if attempt is None:
                return
            memory.learn(attempt.place - last.place, gradient - self._slopes(attempt))
            last = attempt

    def _slopes(self, attempt: Attempt) -> Array:
        return self._response.gradient(attempt.solution.density)

    def _longest_share(self, step: Array) -> float:
        """Return what share of a step, at most, to take."""
        size, longest = self._response.size(step), _LONGEST_STEP * self._response.kinetic_energy
        return min(1.0, longest / size) if size > 0 else 1.0

    def _try(self, place: Array) -> Attempt | None:
        """Solve, unless the solver refuses the potential as too sharp, and keep the best."""
        self._since += 1
        try:
            attempt = self._solve(place)
        except PhysicsError:
            self.residuals.append(math.nan)
            return None
        if attempt.residual < 0.9 * self._best.residual:
            self._since = 0
        self._best = min(self._best, attempt, key=lambda one: one.residual)
        return attempt

    def _solve(self, place: Array) -> Attempt:
        response = self._response
        solution = response.solver.solve(response.band.field(place))
        residual = response.distance(solution.density)
        self.residuals.append(residual)
        return Attempt(place, solution, residual)
