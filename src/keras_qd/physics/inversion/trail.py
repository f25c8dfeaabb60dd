"""The exact solutions of a search: the nearest of them, and when to end."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PhysicsError
from keras_qd.physics.inversion.outcome import Reason
from keras_qd.physics.inversion.response import Response
from keras_qd.physics.solution import Solution

Array = NDArray[np.float64]

#: A way that has not led nearer by a tenth in so many solutions is left.
_PATIENCE = 25


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


class Trail:
    """The exact solutions on the way to one target's potential.

    Parameters
    ----------
    response : Response
        The target, the exact solver and the model of its response.
    limits : Limits
        When to end.

    Attributes
    ----------
    best : Attempt
        The one that came nearest to the target, once there is one.
    residuals : list of float
        Of all attempts; NaN where the solver refused a potential.
    """

    best: Attempt

    def __init__(self, response: Response, limits: Limits) -> None:
        self.response = response
        self.limits = limits
        self.residuals: list[float] = []
        self._deadline = time.monotonic() + limits.seconds
        self._since = 0

    def begin(self, starts: Iterable[Array]) -> Attempt:
        """Take the first of some potentials that the solver does not refuse.

        Parameters
        ----------
        starts : iterable of ndarray, shape (n_cosines,)
            Coefficients of the potentials in the band, at least one.

        Returns
        -------
        Attempt
            The best so far.

        Raises
        ------
        PhysicsError
            If the solver refuses all of them.
        """
        refusals = []
        for place in starts:
            try:
                self.best = self._solve(place)
            except PhysicsError as refusal:
                refusals.append(refusal)
            else:
                return self.best
        raise refusals[-1]

    def attempt(self, place: Array) -> Attempt | None:
        """Solve, unless the solver refuses the potential as too sharp, and keep the best."""
        self._since += 1
        try:
            attempt = self._solve(place)
        except PhysicsError:
            self.residuals.append(math.nan)
            return None
        if attempt.residual < 0.9 * self.best.residual:
            self._since = 0
        self.best = min(self.best, attempt, key=lambda one: one.residual)
        return attempt

    def change_ways(self) -> None:
        """Have patience again."""
        self._since = 0

    @property
    def leads_on(self) -> bool:
        """Whether there is no reason to end, and the way that is gone came nearer not long ago."""
        return self.end is None and self._since <= _PATIENCE

    @property
    def end(self) -> Reason | None:
        """Why to end, if there is a reason; see `Inversion`."""
        if self.best.residual <= self.limits.tolerance:
            return "converged"
        if time.monotonic() > self._deadline:
            return "time"
        return "iterations" if len(self.residuals) > self.limits.iterations else None

    def _solve(self, place: Array) -> Attempt:
        response = self.response
        solution = response.solver.solve(response.band.field(place))
        residual = response.distance(solution.density)
        self.residuals.append(residual)
        return Attempt(place, solution, residual)
