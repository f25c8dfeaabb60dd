r"""Newton's method on the concave functional of Lieb: one search for all numbers of electrons.

The density n is that of the potential that maximises [1]_

.. math:: D[V] = E[V] - \int n\, V ,

concave, with gradient :math:`n_V - n` and second derivative :math:`\chi = \delta n_V / \delta V`.
A step solves

.. math:: (-\chi + \mu R)\, \delta V = n_V - n ;

R weights rough potentials, and mu follows Levenberg and Marquardt [2]_. Along a step the slope of D
falls; where it has become steeply negative, the step is shortened to about its zero. Two electrons
have the exact response, by conjugate gradients, preconditioned with that of exact exchange and the
directions of the steps before [6]_. A finer grid proves the potential, and its defect is added to
the target (defect correction [3]_). Other numbers of electrons have the response of `response`,
corrected by the secants of the steps (limited-memory BFGS [4]_).

Noise of known size is handled by Tikhonov's penalty on the potential itself, reduced until the
density is as near to the target as the noise allows (Morozov's discrepancy principle [5]_).

References
----------
.. [1] E. H. Lieb, Int. J. Quantum Chem. 24, 243 (1983), https://doi.org/10.1002/qua.560240302
.. [2] D. W. Marquardt, J. Soc. Indust. Appl. Math. 11, 431 (1963), doi:10.1137/0111030.
.. [3] H. J. Stetter, Numer. Math. 29, 425 (1978), https://doi.org/10.1007/BF01432879
.. [4] J. Nocedal, Math. Comp. 35, 773 (1980), doi:10.1090/S0025-5718-1980-0572855-7.
.. [5] V. A. Morozov, Soviet Math. Dokl. 7, 414 (1966).
.. [6] J. L. Morales and J. Nocedal, SIAM J. Optim. 10, 1079 (2000).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from keras_qd.errors import PhysicsError
from keras_qd.inverse.forward import Model, Models, Point
from keras_qd.inverse.outcome import Callback, Iteration, Limits, Reason
from keras_qd.inverse.response import Response

Array = NDArray[np.float64]

#: Damping mu of the first step, in 1/Ha*, and the least.
_FIRST, _LEAST = 0.2, 1e-8

#: Errors of the predicted slope, as a share of the first, below which the damping falls much or a
#: little, and the slope below which a step has gone too far.
_GOOD, _FAIR, _TOO_FAR = 0.25, 0.5, -0.5

#: Points tried along a step, and bounds of the factor from one to the next.
_MOST_TRIES, _SHORTER = 6, (0.1, 0.5)

#: A search has stalled after so many steps that do not reduce the residual by this factor.
_MOST_STALLED, _STALLED = 8, 0.8

#: Residual to which the first coarse potential is converged, the share of the tolerance to which
#: the others are, and the number of proofs on the fine grid.
_ENOUGH, _SHARE, _MOST_PROOFS = 5e-4, 0.7, 12

#: Steps between proofs, and the bounds of their least damping, which a proof without progress
#: raises by a factor of ten.
_MOST_NEAR, _NEAR, _FAR = 2, 1e-4, 2e-2

#: Restarts of three and more electrons, and the damping of their first step.
_MOST_RESTARTS, _RESTARTED = 2, 1e-3

#: Most responses for a step; its relative accuracy is the root of the residual, within bounds.
_MOST_RESPONSES, _ACCURACIES = 12, (0.1, 0.3)

#: Secants that are kept.
_MEMORY = 30

#: Tikhonov penalties tried in turn for noisy targets, in 1/Ha*.
_PENALTIES = tuple(10.0 ** (-0.5 * k) for k in range(4, 17))

#: Newton steps at each of them, and the factor on the smallest residual that ends the series.
_STEPS_AT_PENALTY, _AWAY = 3, 1.5


@dataclass(eq=False)
class Search:
    """Search for the potential of one normalised density."""

    response: Response
    models: Models
    limits: Limits
    #: The density that is wanted, if it differs from the smooth one that the response is of.
    target: Array
    #: Residual that the noise of the target accounts for.
    noise: float = 0.0
    #: Called with each solution.
    callback: Callback | None = None
    residuals: list[float] = field(default_factory=list)
    duality_gap: float = math.inf
    #: Estimated error of the density of the fine grid, as a residual.
    grid_error: float = math.nan
    #: Density of the fine grid less that of the coarse one, in the last potential proved.
    _defect: Array | float = 0.0
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
                points.append(self.models.coarse.solve(coefficients))
            except PhysicsError as refusal:
                refusals.append(refusal)
            if points and self.distance(points[-1]) < 0.3:
                break
        if not points:
            raise refusals[-1]
        return self._recorded(min(points, key=self.distance))

    def _refine(self, point: Point) -> tuple[Point, Reason | None]:
        """Reach the target with the coarse density and its defect, as often as that changes."""
        models, tolerance = self.models, self.limits.tolerance
        if models.finer is None:
            return self._restarted(point)
        point, end = self._descend(point, _ENOUGH)
        if not end:
            middle = self._solve(models.finer[0], point.coefficients, point)
            self._defect = models.ahead * (middle.density - point.density)
            point = middle
        best, before, least = point, math.inf, _NEAR
        for _ in range(_MOST_PROOFS):
            self._damping = max(self._damping, least)
            if not end:
                point, end = self._descend(point, _SHARE * tolerance, _MOST_NEAR)
            proof = self._proved(models.finer[1], point, best)
            residual = self.distance(proof)
            best = proof if residual < before else best
            least *= 10.0 if residual > _STALLED * before else 1.0
            if end or residual <= tolerance or least > _FAR:
                break
            before = min(residual, before)
        return best, end

    def _restarted(self, point: Point) -> tuple[Point, Reason | None]:
        """Reach the target; what depends on the start alone is chosen anew where that fails."""
        point, end = self._descend(point, self.limits.tolerance)
        for _ in range(_MOST_RESTARTS):
            if end or self.distance(point) <= self.limits.tolerance or point.problem is None:
                break
            self._secants, self._damping = [], _RESTARTED
            again = self._recorded(self.models.coarse.solve(point.coefficients))
            again, end = self._descend(again, self.limits.tolerance)
            point = min(point, again, key=self.distance)
        return point, end

    def _regularise(self, point: Point) -> tuple[Point, Reason | None]:
        """Reduce the penalty until the noise accounts for the distance, or it grows again."""
        best, nearest, end, finer = point, math.inf, None, self.models.finer
        for self._penalty in _PENALTIES:
            point, end = self._descend(point, 0.0, _STEPS_AT_PENALTY)
            proof, residual = point, self.distance(point)
            if finer and (end or residual <= self.noise):
                proof = self._proved(finer[1], point, point)
                residual = self.distance(proof)
            if residual < nearest:
                best, nearest = proof, residual
            if end or nearest <= self.noise or residual > _AWAY * nearest:
                break
        if finer and best.model is not finer[1]:
            best = self._proved(finer[1], best, best)
        return best, end

    def _proved(self, model: Model, point: Point, near: Point) -> Point:
        """Solve the same potential on the fine grid."""
        fine = self._solve(model, point.coefficients, near)
        self._defect = fine.density - point.density
        self.grid_error = self.models.fine_error * self._size(self._defect)
        return fine

    def _solve(self, model: Model, coefficients: Array, near: Point) -> Point:
        return self._recorded(model.solve(coefficients, near))

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
        return self._size(self._difference(point))

    def _difference(self, point: Point) -> Array:
        """Difference from the target; that of a coarse density includes the last known defect."""
        finer = self.models.finer
        defect = 0.0 if finer and point.model is finer[1] else self._defect
        return np.asarray(point.density + defect - self.target)

    def _size(self, difference: Array) -> float:
        """``integral |dn| / N``."""
        area = self.response.solver.box.pixel_area(len(self.target))
        return float(np.abs(difference).sum()) * area / self.response.solver.n_electrons

    def _limit(self) -> Reason | None:
        if time.process_time() > self._deadline:
            return "time"
        reserved = 0 if self.models.finer is None else 1
        return "iterations" if len(self.residuals) + reserved > self.limits.iterations else None

    def _gradient(self, point: Point) -> Array:
        """Return the derivatives of D, less the penalty, by the coefficients."""
        gradient = (
            self.response.band.moments(self._difference(point), self.response.solver.box)
            - self._penalty * self._roughness * point.coefficients
        )
        gradient[0] = 0.0
        return np.asarray(gradient)

    def _descend(
        self, point: Point, target: float, most: int = 10**6
    ) -> tuple[Point, Reason | None]:
        """Take steps until the target is reached, a limit is, or they bring no improvement."""
        best, gradient, stalled = point, self._gradient(point), 0
        mark = residual = self.distance(point)
        while residual > target and stalled < _MOST_STALLED and most:
            if reason := self._limit():
                return best, reason
            step = self._step(point, gradient, residual)
            first = float(gradient @ step)
            self.duality_gap = 0.5 * first
            share, after = self._along(point, step, first)
            stalled += 1
            if after is None:
                self._damping = max(10.0 * self._damping, _LEAST)
                continue
            there = self._gradient(after)
            if point.response is None:
                self._learn(share * step, gradient - there)
            self._adapt(step, share, float(there @ step) / first, first)
            point, gradient, residual, most = after, there, self.distance(after), most - 1
            # A penalty, or a step up D, may lead away from the target before it leads nearer.
            if self._penalty or residual < self.distance(best):
                best = point
            if residual < _STALLED * mark:
                mark, stalled = residual, 0
        return best, None

    def _along(self, point: Point, step: Array, first: float) -> tuple[float, Point | None]:
        """Return the share of a step at the end of which D does not fall steeply, and the end."""
        share = 1.0
        for _ in range(_MOST_TRIES):
            if self._limit():
                break
            slope = -math.inf
            with suppress(PhysicsError):
                after = self._solve(point.model, point.coefficients + share * step, point)
                slope = float(self._gradient(after) @ step) / first
            if slope > _TOO_FAR:
                return share, after
            # The slope falls all along, as D is concave: a line through both leads near its zero.
            share *= min(max(1.0 / (1.0 - slope), _SHORTER[0]), _SHORTER[1])
        return share, None

    def _adapt(self, step: Array, share: float, slope: float, first: float) -> None:
        """Change the damping by how well the slope at the end of a step was predicted."""
        predicted = 1.0 - share * (1.0 - self._damping * float(step**2 @ self._roughness) / first)
        error = abs(slope - predicted)
        factor = 0.1 if error < _GOOD else 0.5 if error < _FAIR else 2.0
        self._damping = max(self._damping * (factor if share == 1.0 else 2.0), _LEAST)

    @property
    def _roughness(self) -> Array:
        return self.response.band.roughness

    def _learn(self, step: Array, fall: Array) -> None:
        """Keep by how much the gradient falls along a step, if it does."""
        if step @ fall > 0:
            self._secants = [*self._secants[1 - _MEMORY :], (step, fall)]

    def _step(self, point: Point, gradient: Array, residual: float) -> Array:
        """Solve for a step."""
        penalty = (self._damping + self._penalty) * self._roughness
        factor = cho_factor(self.response.density_response + np.diag(penalty))
        secants = [(step, fall + penalty * step) for step, fall in self._secants]

        def approximate(rest: Array) -> Array:
            return _inverse_by_secants(rest, secants, lambda right: cho_solve(factor, right))

        if point.response is None:
            step = approximate(gradient)
        else:
            step = self._newton_step(point.response, gradient, penalty, approximate, residual)
        step[0] = 0.0
        return step

    def _newton_step(
        self,
        response: Callable[[Array], Array],
        gradient: Array,
        penalty: Array,
        precondition: Callable[[Array], Array],
        residual: float,
    ) -> Array:
        """Step by conjugate gradients, the more accurate the nearer the target."""
        accuracy = min(max(math.sqrt(residual), _ACCURACIES[0]), _ACCURACIES[1])
        step, rest = np.zeros_like(gradient), gradient
        direction = preconditioned = precondition(rest)
        square = first = float(rest @ preconditioned)
        for _ in range(_MOST_RESPONSES):
            if square <= accuracy**2 * first:
                break
            fall = -response(direction)
            self._learn(direction, fall)
            image = fall + penalty * direction
            share = square / float(direction @ image)
            step, rest = step + share * direction, rest - share * image
            preconditioned = precondition(rest)
            square, last = float(rest @ preconditioned), square
            direction = preconditioned + (square / last) * direction
        return step


def _inverse_by_secants(
    rest: Array, secants: Sequence[tuple[Array, Array]], first: Callable[[Array], Array]
) -> Array:
    """Product with the inverse of limited-memory BFGS, from an approximate one."""
    shares = []
    for move, fall in reversed(secants):
        shares.append((move @ rest) / (move @ fall))
        rest = rest - shares[-1] * fall
    step = first(rest)
    for (move, fall), share in zip(secants, reversed(shares), strict=True):
        step = step + (share - (fall @ step) / (move @ fall)) * move
    return step
