r"""Two electrons: Newton's method on the concave functional of Lieb, with the exact response.

The density n is that of the potential that maximises [1]_

.. math:: D[V] = E[V] - \int n\, V ,

concave, with gradient :math:`n_V - n` and second derivative :math:`\chi = \delta n_V / \delta V`.
A step solves

.. math:: (-\chi + \mu R)\, \delta V = n_V - n

by conjugate gradients, preconditioned with the response of exact exchange; R weights rough
potentials, and mu follows Levenberg and Marquardt [2]_: the slope of D at the end of a step shows
how far the quadratic model holds. Where it holds and the density comes no nearer, what is left is
what the grid cannot represent, and a finer one takes over. Half of ``(n_V - n, dV)`` estimates how
far D is from its maximum.

References
----------
.. [1] E. H. Lieb, Int. J. Quantum Chem. 24, 243 (1983), https://doi.org/10.1002/qua.560240302
.. [2] D. W. Marquardt, J. Soc. Indust. Appl. Math. 11, 431 (1963), doi:10.1137/0111030.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from keras_qd.inverse.outcome import Limits, Reason
from keras_qd.inverse.pair_response import PairModel, PairPoint
from keras_qd.inverse.response import Response
from keras_qd.physics.interactions import as_interaction

Array = NDArray[np.float64]

#: Points along a side of the grids, and the residual at which the first gives way to the second.
_GRIDS, _ENOUGH = (12, 16, 20), 1e-3

#: Damping mu of the first step, in 1/Ha*, that of the first step on a finer grid, and the least.
_FIRST, _FINER, _LEAST = 0.2, 1e-4, 1e-8

#: Errors of the predicted slope, as a share of the first, below which a step may grow much or a
#: little, or above which it shrinks much, and the slope below which a step has gone too far.
_GOOD, _FAIR, _FAR_OFF, _TOO_FAR = 0.25, 0.5, 10.0, -0.5

#: A residual that falls by less than this factor has stalled, where it is as small as that; steps
#: in a row that may stall although the model did not hold.
_STALLED, _SMALL, _MOST_STALLED = 0.8, 2e-3, 5

#: Relative accuracy of a step and most responses for it.
_STEP_ACCURACY, _MOST_RESPONSES = 0.05, 12


@dataclass(frozen=True, eq=False)
class DualResult:
    """Where a search ended."""

    point: PairPoint
    residual: float
    #: Residuals of all solutions after each other.
    residuals: list[float]
    #: Estimated distance of D from its maximum at the last step, in Ha*.
    duality_gap: float
    reason: Reason


@dataclass(eq=False)
class DualSearch:
    """Search for the potential of one normalised density of a singlet of two electrons."""

    response: Response
    limits: Limits
    #: Called with the residual of each solution.
    progress: Callable[[float], None] = lambda _: None
    residuals: list[float] = field(default_factory=list)
    duality_gap: float = np.inf

    def run(self, start: Array | None = None) -> DualResult:
        """Search from the closed form, or from other coefficients in the band."""
        deadline = time.process_time() + self.limits.seconds
        coefficients = next(self.response.starts()) if start is None else start
        damping = _FIRST
        for number, n in enumerate(_GRIDS):
            target = max(self.limits.tolerance, 0.0 if number else _ENOUGH)
            point = self._solve(self._model(n), coefficients)
            point, end = self._descend(point, damping, target, deadline)
            coefficients, damping = point.coefficients, _FINER
            residual = self.response.distance(point.density)
            if end or (number and residual <= self.limits.tolerance):
                break
        reason: Reason = (
            "converged" if residual <= self.limits.tolerance and number else end or "stagnated"
        )
        return DualResult(point, residual, self.residuals, self.duality_gap, reason)

    def _model(self, n: int) -> PairModel:
        solver, band = self.response.solver, self.response.band
        return PairModel(solver.box, band, n, as_interaction(solver.interaction), solver.strength)

    def _solve(self, model: PairModel, coefficients: Array) -> PairPoint:
        point = model.solve(coefficients)
        self.residuals.append(self.response.distance(point.density))
        self.progress(self.residuals[-1])
        return point

    def _descend(
        self, point: PairPoint, damping: float, target: float, deadline: float
    ) -> tuple[PairPoint, Reason | None]:
        """Take steps on one grid until the target is reached, a limit is, or it stalls."""
        residual, wanted = self.residuals[-1], point.model.target_moments(self.response.target)
        stalled = 0
        while residual > target and stalled < _MOST_STALLED:
            if time.process_time() > deadline:
                return point, "time"
            if len(self.residuals) > self.limits.iterations:
                return point, "iterations"
            gradient = point.moments - wanted
            gradient[0] = 0.0
            step = self._step(point, gradient, damping)
            first = float(gradient @ step)
            self.duality_gap = 0.5 * first
            after = self._solve(point.model, point.coefficients + step)
            slope = float((after.moments - wanted) @ step) / first
            error = abs(slope - damping * float(step**2 @ self._roughness) / first)
            nearer = self.residuals[-1] < residual
            if self.residuals[-1] < _STALLED * residual or residual > _SMALL:
                stalled = 0
            else:
                # The model held: the rest is beyond this grid. If not, damping may still help.
                finer = point.model.n < _GRIDS[-1]
                stalled += _MOST_STALLED if finer and nearer and error < _GOOD else 1
            if nearer and slope > _TOO_FAR:
                point, residual = after, self.residuals[-1]
                damping *= 0.1 if error < _GOOD else 0.5 if error < _FAIR else 2.0
            else:
                damping *= 4.0 if error < _FAR_OFF else 10.0
            damping = max(damping, _LEAST)
        return point, None

    @property
    def _roughness(self) -> Array:
        return self.response.band.roughness

    def _step(self, point: PairPoint, gradient: Array, damping: float) -> Array:
        """Solve for a step by conjugate gradients, roughly."""
        penalty = damping * self._roughness
        factor = cho_factor(self.response.density_response + np.diag(penalty))
        step, rest = np.zeros_like(gradient), gradient
        direction = preconditioned = cho_solve(factor, rest)
        square = first = float(rest @ preconditioned)
        for _ in range(_MOST_RESPONSES):
            if square <= _STEP_ACCURACY**2 * first:
                break
            image = penalty * direction - point.response(direction)
            share = square / float(direction @ image)
            step, rest = step + share * direction, rest - share * image
            preconditioned = cho_solve(factor, rest)
            square, last = float(rest @ preconditioned), square
            direction = preconditioned + (square / last) * direction
        step[0] = 0.0
        return np.asarray(step)
