r"""Parameters of a family, or voltages of gates, whose exact density is nearest to a target.

With coordinates u from 0 to 1 for the parameters, it minimises

.. math:: \frac{L^2}{N^2} \int (n[V_u] - n_t)^2 \, dA ,

the square of a bound on the distance :math:`\int |n - n_t| / N`, by least squares within bounds (a
trust region that reflects at them [1]_). The derivatives of the exact density are differences at
first, one solution for each parameter: a device has few, and a response in some orbitals would miss
the minimum. Each step then corrects them (Broyden's rule [2]_); once that brings no improvement,
new differences decide whether the minimum is reached.

References
----------
.. [1] M. A. Branch, T. F. Coleman and Y. Li, SIAM J. Sci. Comput. 21, 1 (1999),
   https://doi.org/10.1137/S1064827595289108
.. [2] C. G. Broyden, Math. Comp. 19, 577 (1965),
   https://doi.org/10.1090/S0025-5718-1965-0198670-6
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from keras_qd.devices.device import Device
from keras_qd.errors import PhysicsError, UsageError
from keras_qd.inverse.design_space import DesignSpace, GateSpace, Space, at_bounds, fit_potential
from keras_qd.inverse.outcome import (
    Callback,
    Inversion,
    Iteration,
    Limits,
    Reason,
    check_wanted,
)
from keras_qd.inverse.refine import check_limits
from keras_qd.inverse.uncertainty import parameter_bars
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.potentials.base import PotentialFamily
from keras_qd.physics.solution import Solution
from keras_qd.physics.solver import Solver

Array = NDArray[np.float64]


#: Step in a coordinate for the differences: small, and well above the error of the solver.
_STEP = 1e-3
#: Number of settings that are tried for each start that is used.
_TRIED_PER_START = 4
#: A search ends once a step changes the distance or the coordinates by less than this share.
_STALLED = 1e-4
#: New differences are computed as long as they reduce the squared distance by this share.
_WORTHWHILE = 1e-2
#: Misfit of a potential that the solver refuses.
_REFUSED = 1e3


@dataclass(frozen=True, eq=False)
class FamilyInversion(Inversion):
    """A potential of a family or of a device, and how far its exact density is from a target.

    The constant of the potential is that of the family.

    Parameters
    ----------
    potential, density, energy, gap, residual, start_residual : see Inversion
        The potential and its exact ground state.
    iterations, residuals : see Inversion
        The search.
    potential_error, determined, density_error, duality_gap : see Inversion
        Errors among the potentials of the family, from the response of the density to the
        parameters; the gap is infinite, as it is one of all smooth potentials.
    reason, target, box, tolerance : see Inversion
        How the search ended, and what was asked for.
    family : str
        Name of the family; ``"gates"`` for a device.
    parameters : dict of str to float
        The parameters by the family's names, in a0*, Ha* and radians, or voltages of gates in mV.
    at_bounds : tuple of str
        Parameters at one of their bounds.
    distances : tuple of float
        ``integral |density - target| / N`` reached from each start.

    Examples
    --------
    >>> issubclass(FamilyInversion, Inversion)  # see `invert_in_family`
    True
    """

    family: str
    parameters: dict[str, float]
    at_bounds: tuple[str, ...]
    distances: tuple[float, ...]

    @property
    def explanation(self) -> str:
        """Why the search ended, as a sentence, with the residual."""
        if self.reason != "stagnated":
            return super().explanation
        bounds = f"; at a bound: {', '.join(self.at_bounds)}" if self.at_bounds else ""
        return (
            f"no potential of the family {self.family} came nearer, from {len(self.distances)} "
            f"starts (integral |dn| / N = {self.residual:.2g}{bounds})"
        )


def invert_in_family(
    density: Array,
    box: Box,
    n_electrons: int,
    family: PotentialFamily,
    *,
    tolerance: float = 1e-4,
    interaction: str | Interaction = "coulomb",
    n_orbitals: int | None = None,
    strength: float = 1.0,
    basis_tolerance: float = 1e-4,
    start: Array | None = None,
    n_starts: int = 3,
    seed: int = 0,
    max_iterations: int = 2000,
    max_seconds: float = 60.0,
    callback: Callback | None = None,
) -> FamilyInversion:
    """Set a device so that the exact density of its ground state is near a target.

    Parameters
    ----------
    density : ndarray, shape (n_pixels, n_pixels)
        Target at the pixel centres, in 1/a0*^2.
    box : Box
        The box.
    n_electrons : int
        Number of electrons.
    family : PotentialFamily
        The device. Its settings (low, high) are the bounds of the parameters; those that are
        numbers are fixed. See `DesignSpace`.
    tolerance : float
        Largest ``integral |dn| / N`` at which the target counts as reached.
    interaction, n_orbitals, strength, basis_tolerance : optional
        Settings of the exact solver; see `Solver`.
    start : ndarray, shape (n_pixels, n_pixels), optional
        A potential of any kind with the wanted density, such as that of `invert` or a model's
        proposal. The search starts from the settings whose potentials are nearest; by default, from
        those of some at random whose densities are.
    n_starts : int
        Number of different settings to start from, unless the target is reached before.
    seed : int
        Seed of the settings that are tried, and of `DesignSpace`.
    max_iterations : int
        Limit of exact solutions after the first.
    max_seconds : float
        Limit of processor time.
    callback : callable, optional
        As for `invert`; the solutions for differences are left out.

    Returns
    -------
    FamilyInversion
        The nearest potential that was found; its `converged` says whether it is near enough.

    Raises
    ------
    DataError
        If the target is not a density of so many electrons.
    UsageError
        If an argument is out of range, or the family has nothing that can be set.
    PhysicsError
        If the solver refuses the potential of every start.

    Examples
    --------
    >>> from keras_qd import physics
    >>> from keras_qd.physics.potentials.parabolic import Parabolic
    >>> box = physics.Box(10.0)
    >>> x, y = box.mesh(24)
    >>> wanted = physics.solve(0.3 * ((x - 5) ** 2 + (y - 5) ** 2) / 2, box, 1).density
    >>> dot = Parabolic(ratio=1.0, angle=0.0, shift=0.0, disorder=0.0)
    >>> found = invert_in_family(wanted, box, 1, dot, tolerance=1e-3)
    >>> found.converged, round(found.parameters["omega"] ** 2, 2)
    (True, 0.3)
    """
    target = check_wanted(density, box, n_electrons)
    space = DesignSpace(family, box, len(target), seed)
    solver = Solver(
        box, n_electrons, interaction, n_orbitals, strength, basis_tolerance=basis_tolerance
    )
    limits = check_limits(tolerance, max_iterations, max_seconds)
    search = _Search(space, family.name, solver, target, limits, callback)
    return search.run(start, n_starts, seed)


def invert_with_gates(
    density: Array,
    device: Device,
    bounds: Mapping[str, tuple[float, float]],
    n_electrons: int = 2,
    *,
    voltages: Mapping[str, float] | None = None,
    tolerance: float = 1e-4,
    start: Array | None = None,
    n_starts: int = 3,
    seed: int = 0,
    max_iterations: int = 2000,
    max_seconds: float = 60.0,
    callback: Callback | None = None,
) -> FamilyInversion:
    """Set the voltages of gates so that the exact density of a device is near a target.

    Parameters
    ----------
    density : ndarray, shape (n_pixels, n_pixels)
        Target at the pixel centres of the device, in 1/a0*^2.
    device : Device
        The device.
    bounds : mapping of str to pair of float
        Lowest and highest voltage in mV of each gate that is set.
    n_electrons : int, default 2
        Number of electrons.
    voltages : mapping of str to float, optional
        Voltages of the other gates in mV.
    tolerance, start, n_starts, seed, max_iterations, max_seconds, callback : optional
        As for `invert_in_family`.

    Returns
    -------
    FamilyInversion
        The nearest that was found, with the voltages in mV.

    Raises
    ------
    DataError, UnknownNameError, UsageError, PhysicsError
        As for `invert_in_family`.

    Examples
    --------
    >>> from keras_qd import physics
    >>> from keras_qd.devices import Device, GaussianGate
    >>> device = Device([GaussianGate("plunger", 40, 40, 18)], side=80, n_pixels=24)
    >>> wanted = physics.solve(device.potential({"plunger": 60}), device.box, 1).density
    >>> found = invert_with_gates(wanted, device, {"plunger": (0, 100)}, 1, tolerance=1e-3)
    >>> found.converged, round(found.parameters["plunger"])
    (True, 60)
    """
    target = check_wanted(density, device.box, n_electrons)
    if len(target) != device.n_pixels:
        raise UsageError(
            f"the target must have the pixels of the device, {device.n_pixels} a side, got "
            f"{len(target)}"
        )
    space = GateSpace(device, dict(bounds), dict(voltages or {}))
    solver = Solver(device.box, n_electrons, device.interaction)
    limits = check_limits(tolerance, max_iterations, max_seconds)
    search = _Search(space, "gates", solver, target, limits, callback)
    return search.run(start, n_starts, seed)


def _different(found: list[tuple[float, Array]]) -> list[Array]:
    """Leave out settings of equal distance: they are the same, or two parts are exchanged."""
    chosen: list[tuple[float, Array]] = []
    for misfit, coordinates in found:
        if all(misfit > (1 + 1e-2) * other + 1e-3 for other, _ in chosen):
            chosen.append((misfit, coordinates))
    return [coordinates for _, coordinates in chosen]


class _Ended(Exception):  # noqa: N818  (not an error: it leaves SciPy's loop)
    """The target is reached, or the time limit."""


class _Search:
    """Least squares on exact densities, their residuals and the best of them."""

    def __init__(
        self,
        space: Space,
        family: str,
        solver: Solver,
        target: Array,
        limits: Limits,
        callback: Callback | None = None,
    ) -> None:
        self.space, self.family, self.solver, self.target = space, family, solver, target
        self.limits, self.deadline = limits, time.process_time() + limits.seconds
        self.callback = callback
        self.solutions = 0
        self.area = solver.box.pixel_area(len(target))
        self.residuals: list[float] = []
        self.best: tuple[float, Array, Solution] | None = None
        self.refusal: PhysicsError | None = None
        self.last: tuple[Array, Array] | None = None
        self.secants: tuple[Array, Array, Array] | None = None

    def run(self, start: Array | None, n_starts: int, seed: int) -> FamilyInversion:
        """Search from the most promising settings."""
        if n_starts < 1:
            raise UsageError(f"n_starts must be at least 1, got {n_starts!r}")
        size = len(self.space.names)
        random = np.random.default_rng(seed).random((_TRIED_PER_START * n_starts - 1, size))
        tried = [np.full(size, 0.5), *random]
        if start is None:
            found = self._distances(tried)
        else:
            # With the target as weight: the potential counts where the electrons are to be.
            found = fit_potential(self.space, start, self.target, tried)
        return self.outcome(*self.from_starts(_different(found)[:n_starts]))

    def _distances(self, tried: list[Array]) -> list[tuple[float, Array]]:
        """Distances of the exact densities of settings from the target, the nearest first."""
        found: list[tuple[float, Array]] = []
        for coordinates in tried:
            if found and self._reason() != "stagnated":
                break
            solution = self._solve(coordinates)
            distance = np.inf
            if solution is not None:
                distance = float(np.linalg.norm(self._scaled(solution.density - self.target)))
            found.append((distance, coordinates))
        return sorted(found, key=lambda each: each[0])

    def from_starts(self, starts: list[Array]) -> tuple[Reason, tuple[float, ...]]:
        """Search from each start in turn; return why it ended and the residual from each."""
        distances: list[float] = []
        for start in starts:
            seen = len(self.residuals)
            with suppress(_Ended):
                self._from_start(start)
            distances.append(float(np.nanmin([np.inf, *self.residuals[seen:]])))
            if self._reason() != "stagnated":
                break
        return self._reason(), tuple(distances)

    def _from_start(self, start: Array) -> None:
        """Search until new differences bring no improvement."""
        coordinates, before, cost = start, np.inf, np.finfo(float).max
        while cost < (1 - _WORTHWHILE) * before:
            self.secants = None
            found = least_squares(
                self.misfit,
                coordinates,
                lambda here: self.slopes(here, self._misfit_at(here)),
                bounds=(0.0, 1.0),
                ftol=_STALLED,
                xtol=_STALLED,
            )
            before, coordinates, cost = cost, found.x, found.cost

    def misfit(self, coordinates: Array) -> Array:
        """Difference from the target, whose norm bounds the residual; store the residual."""
        solution = self._solve(coordinates)
        if solution is None:
            self.residuals.append(np.nan)
            return np.full(self.target.size, _REFUSED)
        difference = solution.density - self.target
        n_electrons = self.solver.n_electrons
        self.residuals.append(float(np.abs(difference).sum() * self.area / n_electrons))
        if self.best is None or self.residuals[-1] < self.best[0]:
            self.best = (self.residuals[-1], coordinates.copy(), solution)
        if self.callback is not None:
            potential = self.space.potential(coordinates)
            number, residual = len(self.residuals) - 1, self.residuals[-1]
            self.callback(Iteration(number, residual, potential, solution.density))
        if self._reason() != "stagnated":
            raise _Ended
        self.last = (coordinates.copy(), self._scaled(difference))
        return self.last[1]

    def slopes(self, coordinates: Array, misfit: Array) -> Array:
        """Return derivatives of the misfit: by differences first, then corrected by each step."""
        if self.secants is None:
            slopes = self._differences(coordinates, misfit)
        else:
            coordinates_before, misfit_before, slopes = self.secants
            step = coordinates - coordinates_before
            missed = misfit - misfit_before - slopes @ step
            slopes = slopes + np.outer(missed, step / (step @ step))
        self.secants = (coordinates.copy(), misfit.copy(), slopes)
        return slopes

    def _misfit_at(self, coordinates: Array) -> Array:
        """Return the misfit at SciPy's iterate, which as a rule is the last one computed."""
        if self.last is not None and np.array_equal(self.last[0], coordinates):
            return self.last[1]
        return self.misfit(coordinates)

    def _differences(self, coordinates: Array, misfit: Array) -> Array:
        """Return derivatives by differences, towards the middle of each range."""
        steps = np.where(coordinates < 0.5, _STEP, -_STEP)
        columns = []
        for number, step in enumerate(steps):
            moved = coordinates.copy()
            moved[number] += step
            there = self._solve(moved)
            rise = 0.0 if there is None else self._scaled(there.density - self.target) - misfit
            columns.append(np.broadcast_to(rise, misfit.shape) / step)
        return np.stack(columns, axis=1)

    def outcome(self, reason: Reason, distances: tuple[float, ...]) -> FamilyInversion:
        """Return the best potential; raise the solver's error if it refused all."""
        if self.best is None:
            raise self.refusal or PhysicsError("no potential of the family could be solved")
        residual, coordinates, solution = self.best
        potential = self.space.potential(coordinates)
        bars, determined = self._error_bars(coordinates, solution, potential)
        return FamilyInversion(
            potential=potential,
            density=solution.density,
            energy=solution.energy,
            gap=solution.gap,
            residual=residual,
            start_residual=self.residuals[0],
            iterations=len(self.residuals) - 1,
            residuals=np.array(self.residuals),
            potential_error=bars,
            determined=determined,
            density_error=solution.density_error,
            duality_gap=np.inf,
            reason=reason,
            target=self.target,
            box=self.solver.box,
            tolerance=self.limits.tolerance,
            family=self.family,
            parameters=self.space.parameters(coordinates),
            at_bounds=at_bounds(self.space, coordinates),
            distances=distances,
        )

    def _error_bars(
        self, coordinates: Array, solution: Solution, potential: Array
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Error bars from the last slopes, or from new ones, unless a limit is reached."""
        misfit = self._scaled(solution.density - self.target)
        if self.secants is not None:
            slopes = self.secants[2]
        elif self._reason() in ("time", "iterations"):
            slopes = np.zeros((misfit.size, len(coordinates)))
        else:
            slopes = self._differences(coordinates, misfit)
        steps = np.where(coordinates < 0.5, _STEP, -_STEP)
        fields = [
            (self.space.potential(coordinates + each) - potential).ravel() / step
            for each, step in zip(np.diag(steps), steps, strict=True)
        ]
        error = float(np.linalg.norm(misfit)) + (solution.density_error or 0.0)
        return parameter_bars(slopes, np.stack(fields, axis=1), error, potential, self.target)

    def _reason(self) -> Reason:
        if self.best is not None and self.best[0] <= self.limits.tolerance:
            return "converged"
        if self.solutions > self.limits.iterations:
            return "iterations"
        return "time" if time.process_time() > self.deadline else "stagnated"

    def _solve(self, coordinates: Array) -> Solution | None:
        self.solutions += 1
        try:
            return self.solver.solve(self.space.potential(coordinates))
        except PhysicsError as refusal:
            self.refusal = refusal
            return None

    def _scaled(self, difference: Array) -> Array:
        scale = self.solver.box.length * np.sqrt(self.area) / self.solver.n_electrons
        return np.asarray(scale * difference.ravel())
