"""The refinement: exact solutions, each at a potential that the last ones point to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from keras_qd.inverse.newton import fit_smoothly
from keras_qd.inverse.outcome import Reason, Trail
from keras_qd.inverse.response import PENALTIES, Response
from keras_qd.physics.solution import NEAR_DEGENERACY

Array = NDArray[np.float64]

#: A step ends where the slope has fallen to this share of the first, uphill or downhill.
_FLAT_ENOUGH = 0.7

#: Factor on a step that ends as steep as it began.
_STRETCH = 2.5

#: Least distance from either end, relative to the bracket, of the next step to try in it.
_MARGIN = 0.1


class QuasiNewton:
    """Directions by the limited-memory formula of Broyden, Fletcher, Goldfarb and Shanno.

    Parameters
    ----------
    precondition : callable
        From a gradient to a direction: an approximate inverse of minus the second derivative,
        symmetric and positive definite.
    """

    def __init__(self, precondition: Callable[[Array], Array]) -> None:
        self._precondition = precondition
        self._steps: list[tuple[Array, Array]] = []

    def learn(self, move: Array, fall: Array) -> None:
        """Remember by how much the gradient fell along a move, if it did."""
        if move @ fall > 0:
            self._steps.append((move, fall))

    def direction(self, gradient: Array) -> Array:
        """Return the way up."""
        rest, shares = gradient, []
        for move, fall in reversed(self._steps):
            shares.append((move @ rest) / (move @ fall))
            rest = rest - shares[-1] * fall
        way = self._precondition(rest)
        for (move, fall), share in zip(self._steps, reversed(shares), strict=True):
            way = way + (share - (fall @ way) / (move @ fall)) * move
        return way


class LineSearch:
    """The lengths to try along an uphill direction, from the slopes found there.

    Parameters
    ----------
    slope : float
        Slope at the beginning, positive.
    length : float
        First length to try, as a factor on the direction.
    """

    def __init__(self, slope: float, length: float) -> None:
        self.length = length
        self._first = slope
        self._uphill = (0.0, slope)
        self._downhill: tuple[float, float] | None = None

    def accepts(self, slope: float) -> bool:
        """Tell whether the step may end here; if not, `length` is the next to try.

        Parameters
        ----------
        slope : float
            Along the direction at its end: -inf where nothing can be said but that it is too far.
        """
        if abs(slope) <= _FLAT_ENOUGH * self._first:
            return True
        if slope > 0:
            self._uphill = (self.length, slope)
        else:
            self._downhill = (self.length, max(slope, -self._first))
        if self._downhill is None:
            self.length *= _STRETCH
        else:
            (low, rise), (high, descent) = self._uphill, self._downhill
            share = min(max(rise / (rise - descent), _MARGIN), 1 - _MARGIN)
            self.length = low + (high - low) * share
        return False


#: How many earlier steps are remembered.
DEPTH = 8

#: Combinations of earlier residuals smaller than this, relative to the largest, are left out.
_NEGLIGIBLE = 1e-8


class Anderson:
    """Anderson mixing of order 8 with a preconditioner [1]_.

    The next potential is that of the combination of earlier ones whose residual, taken as linear,
    is smallest, and the preconditioner's step for what is left of the residual.

    References
    ----------
    .. [1] D. G. Anderson, J. ACM 12, 547 (1965), doi:10.1145/321296.321305; H. Fang and Y. Saad,
       Numer. Linear Algebra Appl. 16, 197 (2009), doi:10.1002/nla.617.
    """

    def __init__(self) -> None:
        self._places: list[Array] = []
        self._residuals: list[Array] = []

    def forget(self) -> None:
        """Start anew: what was seen so far belongs to another branch."""
        self._places, self._residuals = [], []

    def step(self, place: Array, residual: Array, precondition: Callable[[Array], Array]) -> Array:
        """Return the step from a place with this residual, and remember both."""
        self._places = [*self._places[-DEPTH:], place]
        self._residuals = [*self._residuals[-DEPTH:], residual]
        if len(self._places) == 1:
            return precondition(residual)
        moves = np.diff(self._places, axis=0)
        changes = np.diff(self._residuals, axis=0)
        mixing = np.linalg.lstsq(changes.T, residual, rcond=_NEGLIGIBLE)[0]
        return precondition(residual - mixing @ changes) - mixing @ moves


#: Largest change of the potential in one step: standard deviation weighted with the target, in
#: units of the kinetic energy of the target's orbital.
_LONGEST_STEP = 1.0


def search(trail: Trail, starts: Iterable[Array]) -> Reason:
    """Go from a potential to the nearest to the target that can be found.

    Parameters
    ----------
    trail : Trail
        Of no solutions yet; afterwards it has the best.
    starts : iterable of ndarray, shape (n_cosines,)
        Coefficients of potentials in the band, of which the first is taken that the solver takes.

    Returns
    -------
    str
        Why the search ended; see `Inversion`.

    Raises
    ------
    PhysicsError
        If the solver refuses all of the starts.
    """
    start = trail.begin(starts)
    _mix(trail, PENALTIES[0])
    _climb(trail)
    fit_smoothly(trail, start)
    for penalty in PENALTIES[1:]:
        _mix(trail, penalty)
    crossing = trail.best.solution.gap < NEAR_DEGENERACY
    return trail.end or ("level-crossing" if crossing else "stagnated")


def _mix(trail: Trail, penalty: float) -> None:
    """Take the model's steps from the best, mixed with earlier ones."""
    trail.change_ways()
    response, last, mixing = trail.response, trail.best, Anderson()
    while trail.leads_on:
        residual = response.residual(last.solution.density)
        step = mixing.step(last.place, residual, lambda rest: response.step(rest, penalty))
        attempt = trail.attempt(last.place + _longest_share(response, step) * step)
        if attempt is None:
            return
        if attempt.solution.sector != last.solution.sector:
            # The densities of two levels are two functions of the potential.
            mixing.forget()
        last = attempt


def _climb(trail: Trail) -> None:
    """Climb from the best, which is slower but needs no linear response."""
    trail.change_ways()
    response, last = trail.response, trail.best
    memory = QuasiNewton(response.rise)
    while trail.leads_on:
        gradient = response.gradient(last.solution.density)
        way = memory.direction(gradient)
        line = LineSearch(float(gradient @ way), _longest_share(response, way))
        attempt, after = None, gradient
        while trail.leads_on:
            attempt = trail.attempt(last.place + line.length * way)
            if attempt is not None:
                after = response.gradient(attempt.solution.density)
            if line.accepts(-math.inf if attempt is None else float(after @ way)):
                break
        if attempt is None:
            return
        memory.learn(attempt.place - last.place, gradient - after)
        last = attempt


def _longest_share(response: Response, step: Array) -> float:
    """Return what share of a step, at most, to take."""
    size, longest = response.size(step), _LONGEST_STEP * response.kinetic_energy
    return min(1.0, longest / size) if size > 0 else 1.0
