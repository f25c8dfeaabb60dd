"""The refinement: exact solutions, each at a potential that the last ones point to."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.inversion.ascent import LineSearch, QuasiNewton
from keras_qd.physics.inversion.mixing import Anderson
from keras_qd.physics.inversion.newton import fit_smoothly
from keras_qd.physics.inversion.outcome import Reason
from keras_qd.physics.inversion.response import PENALTIES, Response
from keras_qd.physics.inversion.trail import Trail
from keras_qd.physics.solution import NEAR_DEGENERACY

Array = NDArray[np.float64]

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
