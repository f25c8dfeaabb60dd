r"""Newton's method on the concave functional of Lieb: one search for all numbers of electrons.

The density n is that of the potential that maximises [1]_

.. math:: D[V] = E[V] - \int n\, V ,

concave, with gradient :math:`n_V - n` and second derivative :math:`\chi = \delta n_V / \delta V`.
A step solves

.. math:: (-\chi + \mu R)\, \delta V = n_V - n ;

R weights rough potentials, and mu follows Levenberg and Marquardt [2]_: the slope of D at the end
of a step shows how far the quadratic model holds. Two electrons have the exact response of a coarse
grid, by conjugate gradients, preconditioned with that of exact exchange. Densities come from ever
finer grids (defect correction [3]_), so that the potential is that of the finest. Other numbers of
electrons have the response of `response`, corrected by the secants of the steps (limited-memory
BFGS [4]_).

Noise of known size is handled by Tikhonov's penalty on the potential itself, reduced until the
density is as near to the target as the noise allows (Morozov's discrepancy principle [5]_).

References
----------
.. [1] E. H. Lieb, Int. J. Quantum Chem. 24, 243 (1983), https://doi.org/10.1002/qua.560240302
.. [2] D. W. Marquardt, J. Soc. Indust. Appl. Math. 11, 431 (1963), doi:10.1137/0111030.
.. [3] H. J. Stetter, Numer. Math. 29, 425 (1978), https://doi.org/10.1007/BF01432879
.. [4] J. Nocedal, Math. Comp. 35, 773 (1980), doi:10.1090/S0025-5718-1980-0572855-7.
.. [5] V. A. Morozov, Soviet Math. Dokl. 7, 414 (1966).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from keras_qd.errors import PhysicsError
from keras_qd.inverse.forward import Model, Point
from keras_qd.inverse.outcome import Callback, Iteration, Limits, Reason
from keras_qd.inverse.response import Response

Array = NDArray[np.float64]

#: Damping mu of the first step, in 1/Ha*, that of the first step with finer densities, the least.
_FIRST, _FINER, _LEAST = 0.2, 1e-4, 1e-8

#: Errors of the predicted slope, as a share of the first, below which a step may grow much or a
#: little, or above which it shrinks much, and the slope below which a step has gone too far.
_GOOD, _FAIR, _FAR_OFF, _TOO_FAR = 0.25, 0.5, 10.0, -0.5

#: A residual that falls by less than this factor has stalled, where it is as small as that; steps
#: in a row that may stall.
_STALLED, _SMALL, _MOST_STALLED = 0.8, 2e-3, 5

#: Steps in a row that may fail before a search ends.
_MOST_FAILED = 8

#: Factor on the length of a secant step after one that failed.
_SHORTER = 0.3

#: Residuals at which the first grids give way to finer ones, and the share of the tolerance to
#: which the last but one is converged.
_ENOUGH, _SHARE = (1e-3, 3e-4), 0.6

#: Most responses for a step; its relative accuracy is the root of the residual, within bounds.
_MOST_RESPONSES, _ACCURACIES = 12, (0.03, 0.3)

#: Secants that are kept.
_MEMORY = 12

#: Tikhonov penalties tried in turn for noisy targets, in 1/Ha*.
_PENALTIES = tuple(10.0 ** (-0.5 * k) for k in range(4, 17))

#: Newton steps at each of them, and the distance in units of the noise below which the densities
#: are those of the last grid but one.
_STEPS_AT_PENALTY, _NEAR = 2, 3.0

#: Factor by which a step towards a smoother potential may increase the residual.
_AWAY = 1.5


@dataclass(eq=False)
class Search:
    """Search for the potential of one normalised density."""

    response: Response
    #: Where responses come from, and densities in turn, the finest last.
    models: tuple[Model, ...]
    limits: Limits
    #: The density that is wanted, if it differs from the smooth one that the response is of.
    target: Array
    #: Residual that the noise of the target accounts for.
    noise: float = 0.0
    #: Called with each solution.
    callback: Callback | None = None
    residuals: list[float] = field(default_factory=list)
    duality_gap: float = math.inf
    #: Change of the density with the last refinement of the grid, as a residual.
    grid_error: float = math.nan
    _penalty: float = 0.0
    _damping: float = _FIRST
    _secants: list[tuple[Array, Array]] = field(default_factory=list)

    def run(self, start: Array | None = None) -> tuple[Point, Reason]:
        """Search from the nearest closed form, or from other coefficients in the band."""
        self._deadline = time.process_time() + self.limits.seconds
        point = self._first(self.response.starts() if start is None else iter([start]))
        if self.noise:
            point, end = self._regularise(point)
        else:
            point, end = self._refine(point)
        if self.distance(point) <= self.tolerance:
            return point, "converged"
        return point, end or "stagnated"

    @property
    def tolerance(self) -> float:
        """Residual at which the target counts as reached."""
        return max(self.limits.tolerance, self.noise)

    def _first(self, starts: Iterator[Array]) -> Point:
        """Solve the starts that the solver accepts until one is near; return the nearest."""
        points, refusals = [], []
        for coefficients in starts:
            try:
                points.append(self.models[0].solve(coefficients))
            except PhysicsError as refusal:
                refusals.append(refusal)
            if points and self.distance(points[-1]) < 0.3:
                break
        if not points:
            raise refusals[-1]
        return self._recorded(min(points, key=self.distance))

    def _refine(self, point: Point) -> tuple[Point, Reason | None]:
        """Reach the tolerance with the densities of each model in turn."""
        end: Reason | None = None
        last = len(self.models) - 1
        for number, model in enumerate(self.models):
            if number:
                point, self._damping = self._refined(model, point), _FINER
            share = self.limits.tolerance * (1.0 if number == last else _SHARE)
            target = max(share, _ENOUGH[number]) if number < last - 1 else share
            point, end = self._descend(point, target)
            if end:
                break
        return point, end

    def _regularise(self, point: Point) -> tuple[Point, Reason | None]:
        """Reduce the penalty until the noise accounts for the distance; finish on finer grids."""
        end = None
        for penalty in _PENALTIES:
            self._penalty = penalty
            finer = self.models[max(len(self.models) - 2, 0)]
            if self.distance(point) < _NEAR * self.noise and point.model is not finer:
                point = self._solve(finer, point.coefficients)
            point, end = self._descend(point, 0.0, _STEPS_AT_PENALTY, keep=True)
            if end or self.distance(point) <= self.noise:
                break
        if point.model is not self.models[-1]:
            point = self._refined(self.models[-1], point)
        return point, end

    def _refined(self, model: Model, point: Point) -> Point:
        """Solve the same potential on a finer grid."""
        finer = self._solve(model, point.coefficients)
        self.grid_error = self._size(finer.density - point.density)
        return finer

    def _solve(self, model: Model, coefficients: Array) -> Point:
        return self._recorded(model.solve(coefficients))

    def _recorded(self, point: Point) -> Point:
        """Note the residual of a solution, and pass it to the callback."""
        self.residuals.append(self.distance(point))
        if self.callback is not None:
            potential = self.response.band.field(point.coefficients)
            self.callback(
                Iteration(
                    len(self.residuals) - 1,
                    self.residuals[-1],
                    potential - potential.mean(),
                    point.density,
                )
            )
        return point

    def distance(self, point: Point) -> float:
        """Residual of a point."""
        return self._size(point.density - self.target)

    def _size(self, difference: Array) -> float:
        """``integral |dn| / N``."""
        area = self.response.solver.box.pixel_area(len(self.target))
        return float(np.abs(difference).sum()) * area / self.response.solver.n_electrons

    def _limit(self) -> Reason | None:
        if time.process_time() > self._deadline:
            return "time"
        return "iterations" if len(self.residuals) > self.limits.iterations else None

    def _gradient(self, point: Point) -> Array:
        """Return the derivatives of D, less the penalty, by the coefficients."""
        gradient = (
            self.response.band.moments(point.density - self.target, self.response.solver.box)
            - self._penalty * self._roughness * point.coefficients
        )
        gradient[0] = 0.0
        return np.asarray(gradient)

    def _descend(
        self, point: Point, target: float, most: int = 10**6, keep: bool = False
    ) -> tuple[Point, Reason | None]:
        """Take steps until the target is reached, a limit is, or they bring no improvement."""
        residual, stalled, failed, length = self.distance(point), 0, 0, 1.0
        best, exact, damping = point, point.response is not None, self._damping
        gradient, self._secants = self._gradient(point), []
        while residual > target and stalled < _MOST_STALLED and failed < _MOST_FAILED and most:
            if reason := self._limit():
                return best, reason
            step = length * self._step(point, gradient, damping, residual)
            first = float(gradient @ step)
            self.duality_gap = 0.5 * first
            after = None
            with suppress(PhysicsError):
                after = self._solve(point.model, point.coefficients + step)
            if after is None:
                damping, failed = max(10.0 * damping, _LEAST), failed + 1
                length *= 1.0 if exact else _SHORTER
                continue
            there = self._gradient(after)
            slope = float(there @ step) / first
            error = abs(slope - damping * float(step**2 @ self._roughness) / first)
            # Without an exact response a step may lead up D before it leads nearer.
            most_away = _AWAY if keep else 1.0
            nearer = not exact or self.residuals[-1] < most_away * residual
            self._learn(step, gradient - there)
            if self.residuals[-1] < _STALLED * residual or residual > _SMALL:
                stalled = 0
            else:
                stalled += 1
            if nearer and slope > _TOO_FAR:
                point, residual, gradient, failed = after, self.residuals[-1], there, 0
                length, most = min(1.0, length / _SHORTER), most - 1
                if keep or residual < self.distance(best):
                    best = point
                damping *= 0.1 if error < _GOOD else 0.5 if error < _FAIR else 2.0
            else:
                damping, failed = damping * (4.0 if error < _FAR_OFF else 10.0), failed + 1
                length *= 1.0 if exact else _SHORTER
            damping = max(damping, _LEAST)
        self._damping = damping
        return best, None

    @property
    def _roughness(self) -> Array:
        return self.response.band.roughness

    def _learn(self, step: Array, fall: Array) -> None:
        """Keep by how much the gradient fell along a step, if it did."""
        if step @ fall > 0:
            self._secants = [*self._secants[1 - _MEMORY :], (step, fall)]

    def _step(self, point: Point, gradient: Array, damping: float, residual: float) -> Array:
        """Solve for a step."""
        penalty = (damping + self._penalty) * self._roughness
        factor = cho_factor(self.response.density_response + np.diag(penalty))
        if point.response is None:
            step = self._secant_step(gradient, lambda rest: np.asarray(cho_solve(factor, rest)))
        else:
            step = self._newton_step(point.response, gradient, penalty, factor, residual)
        step[0] = 0.0
        return step

    def _secant_step(self, gradient: Array, precondition: Callable[[Array], Array]) -> Array:
        """Step of limited-memory BFGS."""
        rest, shares = gradient, []
        for move, fall in reversed(self._secants):
            shares.append((move @ rest) / (move @ fall))
            rest = rest - shares[-1] * fall
        step = precondition(rest)
        for (move, fall), share in zip(self._secants, reversed(shares), strict=True):
            step = step + (share - (fall @ step) / (move @ fall)) * move
        return step

    def _newton_step(
        self,
        response: Callable[[Array], Array],
        gradient: Array,
        penalty: Array,
        factor: tuple[Array, bool],
        residual: float,
    ) -> Array:
        """Step by conjugate gradients, the more accurate the nearer the target."""
        accuracy = min(max(math.sqrt(residual), _ACCURACIES[0]), _ACCURACIES[1])
        step, rest = np.zeros_like(gradient), gradient
        direction = preconditioned = cho_solve(factor, rest)
        square = first = float(rest @ preconditioned)
        for _ in range(_MOST_RESPONSES):
            if square <= accuracy**2 * first:
                break
            image = penalty * direction - response(direction)
            share = square / float(direction @ image)
            step, rest = step + share * direction, rest - share * image
            preconditioned = cho_solve(factor, rest)
            square, last = float(rest @ preconditioned), square
            direction = preconditioned + (square / last) * direction
        return step
