r"""Setting the parameters of a device so that its exact density is as near a target as possible.

With coordinates u from 0 to 1 for the parameters, it minimises

.. math:: \frac{L^2}{N^2} \int (n[V_u] - n_t)^2 \, dA ,

the square of a bound on the distance :math:`\int |n - n_t| / N`, by least squares within bounds (a
trust region that reflects at them [1]_). The derivatives of the exact density are differences at
first: a device has few parameters, and the linear response of some orbitals would miss the minimum.
Each step then corrects them (Broyden's rule [2]_); once that brings no improvement, new differences
decide whether the minimum is reached.

References
----------
.. [1] M. A. Branch, T. F. Coleman and Y. Li, SIAM J. Sci. Comput. 21, 1 (1999),
   https://doi.org/10.1137/S1064827595289108
.. [2] C. G. Broyden, Math. Comp. 19, 577 (1965),
   https://doi.org/10.1090/S0025-5718-1965-0198670-6
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from keras_qd.errors import PhysicsError, UsageError
from keras_qd.inverse.design_space import DesignSpace, fit_potential
from keras_qd.inverse.outcome import Inversion, Limits, Reason, check_wanted
from keras_qd.inverse.refine import check_limits, refine
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.potentials.base import PotentialFamily
from keras_qd.physics.solution import Solution
from keras_qd.physics.solver import DEFAULT_ORBITALS, Solver

Array = NDArray[np.float64]


#: Step in a coordinate for the differences: small, and well above the error of the solver.
_STEP = 1e-3
#: Number of settings that are fitted to the given potential for each start that is used.
_TRIED_PER_START = 4
#: A search ends once a step changes the distance or the coordinates by less than this share.
_STALLED = 1e-4
#: New differences are computed as long as they reduce the squared distance by this share.
_WORTHWHILE = 1e-2
#: Misfit of a potential that the solver refuses.
_REFUSED = 1e3

#: Share of the largest density above which the potential of a family counts as determined.
_DETERMINED = 1e-3


@dataclass(frozen=True, eq=False)
class FamilyInversion(Inversion):
    """A potential of a given family, and the distance of its exact density from a target.

    The constant of the potential is that of the family.

    Parameters
    ----------
    potential, density, energy, gap, residual, start_residual : see Inversion
        The potential and its exact ground state.
    iterations, residuals, determined, reason, target : see Inversion
        The search.
    family : str
        Name of the family.
    parameters : dict of str to float
        The parameters by the family's names, in a0*, Ha* and radians.
    n_at_bounds : int
        Number of parameters at one of their bounds.
    distances : tuple of float
        ``integral |density - target| / N`` reached from each start.

    Examples
    --------
    >>> issubclass(FamilyInversion, Inversion)  # see `invert_in_family`
    True
    """

    family: str
    parameters: dict[str, float]
    n_at_bounds: int
    distances: tuple[float, ...]

    @property
    def explanation(self) -> str:
        """Why the search ended, as a sentence, with the residual."""
        if self.reason != "stagnated":
            return super().explanation
        at_bounds = f", {self.n_at_bounds} parameters at a bound" if self.n_at_bounds else ""
        return (
            f"no potential of the family {self.family} came nearer, from {len(self.distances)} "
            f"starts{at_bounds} (integral |dn| / N = {self.residual:.2g})"
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
        A potential of any kind with the wanted density, such as a model's proposal; by default
        `invert` finds one. The search starts from the settings whose potentials are nearest.
    n_starts : int
        Number of different settings to start from, unless the target is reached before.
    seed : int
        Seed of the settings that are fitted to the start, and of `DesignSpace`.
    max_iterations : int
        Limit of exact solutions after the first.
    max_seconds : float
        Limit of processor time.

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
    if n_starts < 1:
        raise UsageError(f"n_starts must be at least 1, got {n_starts!r}")
    target = check_wanted(density, box, n_electrons)
    # Responses are made of orbitals, as configuration interaction is.
    if n_orbitals is None:
        n_orbitals = DEFAULT_ORBITALS.get(n_electrons)
    solver = Solver(
        box, n_electrons, interaction, n_orbitals, strength, basis_tolerance=basis_tolerance
    )
    space = DesignSpace(family, box, len(target), seed)
    limits = check_limits(tolerance, max_iterations, max_seconds)
    search = _Search(space, solver, target, limits)
    if start is None:
        start = refine(
            target,
            box,
            n_electrons,
            tolerance=max(tolerance, 1e-2),
            interaction=interaction,
            strength=strength,
            max_iterations=max_iterations,
            max_seconds=max_seconds / 4,
        ).potential
    reason, distances = search.from_starts(_starts(space, start, target, n_starts, seed))
    return search.outcome(reason, distances)


def _starts(
    space: DesignSpace, wanted: Array, target: Array, n_starts: int, seed: int
) -> list[Array]:
    """Coordinates of different potentials near the wanted one, the nearest first."""
    generator = np.random.default_rng(seed)
    random = generator.random((_TRIED_PER_START * n_starts - 1, space.n_coordinates))
    found = fit_potential(space, wanted, target, [np.full(space.n_coordinates, 0.5), *random])
    chosen: list[tuple[float, Array]] = []
    for misfit, coordinates in found:
        # Equal distances mean the same settings, or the same with two parts exchanged.
        if all(misfit > (1 + 1e-2) * other + 1e-3 for other, _ in chosen):
            chosen.append((misfit, coordinates))
    return [coordinates for _, coordinates in chosen[:n_starts]]


class _Ended(Exception):  # noqa: N818  (not an error: it leaves SciPy's loop)
    """The target is reached, or the time limit."""


class _Search:
    """Least squares on exact densities, their residuals and the best of them."""

    def __init__(self, space: DesignSpace, solver: Solver, target: Array, limits: Limits) -> None:
        self.space, self.solver, self.target = space, solver, target
        self.limits, self.deadline = limits, time.process_time() + limits.seconds
        self.solutions = 0
        self.area = solver.box.pixel_area(len(target))
        self.residuals: list[float] = []
        self.best: tuple[float, Array, Solution] | None = None
        self.refusal: PhysicsError | None = None
        self.last: tuple[Array, Array] | None = None
        self.secants: tuple[Array, Array, Array] | None = None

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
        return FamilyInversion(
            potential=self.space.potential(coordinates),
            density=solution.density,
            energy=solution.energy,
            gap=solution.gap,
            residual=residual,
            start_residual=self.residuals[0],
            iterations=len(self.residuals) - 1,
            residuals=np.array(self.residuals),
            potential_error=np.full_like(self.target, np.nan),
            determined=self.target > _DETERMINED * self.target.max(),
            density_error=solution.density_error,
            duality_gap=np.inf,
            reason=reason,
            target=self.target,
            family=self.space.family.name,
            parameters=self.space.parameters(coordinates),
            n_at_bounds=int(np.count_nonzero(np.abs(coordinates - 0.5) > 0.5 - _STEP)),
            distances=distances,
        )

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
