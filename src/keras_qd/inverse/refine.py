"""The search for a potential: exact solutions, each at a potential that the last ones suggest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from keras_qd._checks import real, setting, whole
from keras_qd.errors import DataError, UsageError
from keras_qd.inverse.newton import fit_smoothly
from keras_qd.inverse.outcome import (
    DETERMINED,
    History,
    Inversion,
    Limits,
    Reason,
    check_wanted,
)
from keras_qd.inverse.response import PENALTIES, Band, Response
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.solution import NEAR_DEGENERACY
from keras_qd.physics.solver import DEFAULT_ORBITALS, Solver, check_potential

Array = NDArray[np.float64]

#: What fixes the constant of a potential.
Gauge = Literal["zero-mean", "zero-at-lowest-density"]

#: Largest number of electrons whose densities can be inverted.
MOST_ELECTRONS = 4


def refine(
    density: Array,
    box: Box,
    n_electrons: int = 2,
    *,
    tolerance: float = 1e-4,
    interaction: str | Interaction = "coulomb",
    n_orbitals: int | None = None,
    strength: float = 1.0,
    spin: float | None = None,
    basis_tolerance: float = Solver.basis_tolerance,
    start: Array | None = None,
    half_waves: int = 20,
    gauge: Gauge = "zero-mean",
    max_iterations: int = 2000,
    max_seconds: float = 300.0,
) -> Inversion:
    """Find a potential whose exact ground state has a density; see `keras_qd.inverse.invert`."""
    limits = check_limits(tolerance, max_iterations, max_seconds)
    check_electrons(n_electrons)
    if gauge not in get_args(Gauge):
        raise UsageError(f"gauge must be {' or '.join(get_args(Gauge))}, got {gauge!r}")
    # Responses are made of orbitals, as configuration interaction is.
    if n_orbitals is None:
        n_orbitals = DEFAULT_ORBITALS.get(n_electrons)
    solver = Solver(
        box, n_electrons, interaction, n_orbitals, strength, spin, basis_tolerance=basis_tolerance
    )
    target = check_wanted(density, box, n_electrons)
    response = Response(target, solver, _band(half_waves, target.shape[0]))
    history = History(response, limits)
    reason = _search(history, response.starts() if start is None else [_given(start, response)])
    return _inversion(history, reason, gauge)


def check_electrons(n_electrons: int) -> None:
    """Raise `UsageError` for a number of electrons whose densities cannot be inverted."""
    if n_electrons not in range(1, MOST_ELECTRONS + 1):
        raise UsageError(
            f"n_electrons must be from 1 to {MOST_ELECTRONS} for an inversion, got {n_electrons!r}"
        )


def check_limits(tolerance: float, max_iterations: int, max_seconds: float) -> Limits:
    """Return the limits of a search, or raise `UsageError`."""
    setting("tolerance", tolerance, real(0.0))
    setting("max_iterations", max_iterations, whole(0))
    setting("max_seconds", max_seconds, real(0.0))
    if not (tolerance and max_seconds):
        raise UsageError(
            f"tolerance={tolerance!r} and max_seconds={max_seconds!r} must be positive"
        )
    return Limits(tolerance, max_iterations, max_seconds)


def _band(half_waves: int, n_pixels: int) -> Band:
    if half_waves < 1:
        raise UsageError(f"half_waves must be at least 1, got {half_waves!r}")
    return Band(min(half_waves, n_pixels - 1), n_pixels)


def _given(start: Array, response: Response) -> Array:
    """Coefficients of a given start."""
    potential = check_potential(start)
    if potential.shape != response.target.shape:
        raise DataError(
            f"the start has shape {potential.shape} and the density {response.target.shape}; give "
            "both on the same grid"
        )
    return response.band.coefficients(potential)


def _inversion(history: History, reason: Reason, gauge: Gauge) -> Inversion:
    response, residuals, best = history.response, history.residuals, history.best
    potential, target = response.band.field(best.coefficients), response.target
    zero = potential.mean() if gauge == "zero-mean" else potential.flat[target.argmin()]
    return Inversion(
        potential=potential - zero,
        density=best.solution.density,
        energy=best.solution.energy - response.solver.n_electrons * float(zero),
        gap=best.solution.gap,
        residual=best.residual,
        start_residual=residuals[0],
        iterations=len(residuals) - 1,
        residuals=np.array(residuals),
        determined=target > DETERMINED * target.max(),
        reason=reason,
        target=target,
    )


#: Largest change of the potential in one step: standard deviation weighted with the target, in
#: units of the kinetic energy of the target's orbital.
_LONGEST_STEP = 1.0


def _search(history: History, starts: Iterable[Array]) -> Reason:
    """Search from the first start that the solver accepts; return why the search ended."""
    start = history.begin(starts)
    _mix(history, PENALTIES[0])
    _climb(history)
    fit_smoothly(history, start)
    for penalty in PENALTIES[1:]:
        _mix(history, penalty)
    crossing = history.best.solution.gap < NEAR_DEGENERACY
    return history.end or ("level-crossing" if crossing else "stagnated")


def _mix(history: History, penalty: float) -> None:
    """Take the steps of the model's response from the best potential, with Anderson mixing."""
    history.reset_patience()
    response, last, mixing = history.response, history.best, Anderson()
    while history.goes_on:
        residual = response.residual(last.solution.density)
        step = mixing.step(last.coefficients, residual, lambda rest: response.step(rest, penalty))
        attempt = history.attempt(last.coefficients + _longest_share(response, step) * step)
        if attempt is None:
            return
        if attempt.solution.sector != last.solution.sector:
            # The densities of two levels are two functions of the potential.
            mixing.forget()
        last = attempt


def _climb(history: History) -> None:
    """Maximise the concave functional from the best potential, without a linear response."""
    history.reset_patience()
    response, last = history.response, history.best
    quasi_newton = QuasiNewton(response.rise)
    while history.goes_on:
        gradient = response.gradient(last.solution.density)
        direction = quasi_newton.direction(gradient)
        line = LineSearch(float(gradient @ direction), _longest_share(response, direction))
        attempt, after = None, gradient
        while history.goes_on:
            attempt = history.attempt(last.coefficients + line.length * direction)
            if attempt is not None:
                after = response.gradient(attempt.solution.density)
            if line.accepts(-math.inf if attempt is None else float(after @ direction)):
                break
        if attempt is None:
            return
        quasi_newton.learn(attempt.coefficients - last.coefficients, gradient - after)
        last = attempt


def _longest_share(response: Response, step: Array) -> float:
    """Largest share of a step to take."""
    size, longest = response.size(step), _LONGEST_STEP * response.kinetic_energy
    return min(1.0, longest / size) if size > 0 else 1.0


#: A line search ends where the absolute slope is at most this share of the first.
_FLAT_ENOUGH = 0.7

#: Factor on the length of a step that ends uphill.
_STRETCH = 2.5

#: Least distance of the next length from either end of the bracket, relative to it.
_MARGIN = 0.1


class QuasiNewton:
    """Ascent directions by limited-memory BFGS, with a preconditioner for the gradient."""

    def __init__(self, precondition: Callable[[Array], Array]) -> None:
        self._precondition = precondition
        self._steps: list[tuple[Array, Array]] = []

    def learn(self, move: Array, fall: Array) -> None:
        """Store by how much the gradient fell along a move, if it did."""
        if move @ fall > 0:
            self._steps.append((move, fall))

    def direction(self, gradient: Array) -> Array:
        """Return the ascent direction."""
        rest, shares = gradient, []
        for move, fall in reversed(self._steps):
            shares.append((move @ rest) / (move @ fall))
            rest = rest - shares[-1] * fall
        direction = self._precondition(rest)
        for (move, fall), share in zip(self._steps, reversed(shares), strict=True):
            direction = direction + (share - (fall @ direction) / (move @ fall)) * move
        return direction


class LineSearch:
    """Lengths to try along an ascent direction, from the slopes found there."""

    def __init__(self, slope: float, length: float) -> None:
        self.length = length
        self._first = slope
        self._uphill = (0.0, slope)
        self._downhill: tuple[float, float] | None = None

    def accepts(self, slope: float) -> bool:
        """Whether the step may end at this slope (-inf: too far); if not, `length` is updated."""
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


#: Number of earlier steps that are kept.
DEPTH = 8

#: Combinations of earlier residuals smaller than this, relative to the largest, are left out.
_NEGLIGIBLE = 1e-8


class Anderson:
    """Preconditioned Anderson mixing (Fang and Saad 2009, doi:10.1002/nla.617)."""

    def __init__(self) -> None:
        self._history: list[Array] = []
        self._residuals: list[Array] = []

    def forget(self) -> None:
        """Drop the earlier steps: they belong to another branch."""
        self._history, self._residuals = [], []

    def step(self, here: Array, residual: Array, precondition: Callable[[Array], Array]) -> Array:
        """Return the next step from here, and keep both."""
        self._history = [*self._history[-DEPTH:], here]
        self._residuals = [*self._residuals[-DEPTH:], residual]
        if len(self._history) == 1:
            return precondition(residual)
        moves = np.diff(self._history, axis=0)
        changes = np.diff(self._residuals, axis=0)
        mixing = np.linalg.lstsq(changes.T, residual, rcond=_NEGLIGIBLE)[0]
        return precondition(residual - mixing @ changes) - mixing @ moves
