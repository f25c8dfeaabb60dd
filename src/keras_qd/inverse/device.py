r"""The potential of a device, set so that its exact density comes as near a target as it can.

With coordinates u from 0 to 1 for what can be set, it minimises

.. math:: \frac{L^2}{N^2} \int (n[V_u] - n_t)^2 \, dA ,

the square of a bound on the distance :math:`\int |n - n_t| / N`, by least squares within bounds (a
trust region that reflects at them [1]_). The derivatives of the exact density are differences at
first: a device has few settings, and the linear response of some orbitals alone would miss the
minimum. Each step then corrects them by what it met (Broyden's rule [2]_), and once that leads no
further, new differences decide whether it is the minimum.

References
----------
.. [1] M. A. Branch, T. F. Coleman and Y. Li, SIAM J. Sci. Comput. 21, 1 (1999),
   https://doi.org/10.1137/S1064827595289108
.. [2] C. G. Broyden, Math. Comp. 19, 577 (1965),
   https://doi.org/10.1090/S0025-5718-1965-0198670-6
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from keras_qd.errors import PhysicsError, UsageError
from keras_qd.inverse._refine import DETERMINED, refine_potential
from keras_qd.inverse.outcome import Inversion, Reason, check_wanted
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.potentials.base import Drawn, PotentialFamily
from keras_qd.physics.potentials.random_mixture import RandomMixture
from keras_qd.physics.solution import Solution
from keras_qd.physics.solver import Solver

Array = NDArray[np.float64]


class DesignSpace:
    """The potentials that a device of one family can be set to.

    A sample of a family draws every number uniformly between the bounds of a setting. Here they are
    not drawn but given, as coordinates from 0 at the lower bound to 1 at the upper one; settings
    that are fixed have none. Where a family draws how many of something there are, there are as
    many as it allows; a random field that it adds stays that of the seed.

    Parameters
    ----------
    family : PotentialFamily
        The family, whose settings (low, high) are the bounds.
    box : Box
        The box.
    n_pixels : int
        Pixels a side.
    seed : int
        Of a random field.

    Raises
    ------
    UsageError
        If the family is a mixture, draws in another way, or has no setting left to vary.

    Examples
    --------
    >>> from keras_qd.physics import potential_family
    >>> space = DesignSpace(potential_family("gate-array", n_gates=2), Box(10.0), 32)
    >>> space.n_coordinates  # the gates; the outer gate is at a fixed energy
    4
    >>> space.parameters([0.5, 0.5, 1.0, 0.0])["gate_1_0"]
    3.0
    """

    def __init__(self, family: PotentialFamily, box: Box, n_pixels: int, seed: int = 0) -> None:
        if isinstance(family, RandomMixture):
            raise UsageError("a device is of one family: name one of those in the mixture")
        self.family = family
        self.box = box
        self.n_pixels = n_pixels
        self.seed = seed
        if not len(self._free):
            raise UsageError(f"all settings of {family.name} are fixed: give a pair (low, high)")

    @property
    def n_coordinates(self) -> int:
        """How many numbers set the device."""
        return len(self._free)

    def potential(self, coordinates: ArrayLike) -> Array:
        """Return the potential.

        Parameters
        ----------
        coordinates : array_like, shape (n_coordinates,)
            From 0 to 1 between the bounds of each setting.

        Returns
        -------
        ndarray, shape (n_pixels, n_pixels)
            In Ha*, y first.
        """
        return self._sample(coordinates)[0]

    def parameters(self, coordinates: ArrayLike) -> Drawn:
        """Return the parameters by the family's names.

        Parameters
        ----------
        coordinates : array_like, shape (n_coordinates,)
            From 0 to 1 between the bounds of each setting.

        Returns
        -------
        dict of str to float
            In a0*, Ha* and radians.
        """
        return {name: float(value) for name, value in self._sample(coordinates)[1].items()}

    def _sample(self, coordinates: ArrayLike) -> tuple[Array, Drawn]:
        numbers = np.full(self._n_draws, 0.5)
        numbers[self._free] = np.clip(coordinates, 0.0, 1.0)
        return self._with_draws(numbers)

    def _with_draws(self, numbers: Sequence[float] | Array) -> tuple[Array, Drawn]:
        draws = cast(np.random.Generator, _GivenDraws(self.family.name, list(numbers), self.seed))
        return self.family.sample(draws, self.box, self.n_pixels)

    @cached_property
    def _n_draws(self) -> int:
        draws = _GivenDraws(self.family.name, [], self.seed)
        self.family.sample(cast(np.random.Generator, draws), self.box, self.n_pixels)
        return draws.n_beyond

    @cached_property
    def _free(self) -> NDArray[np.intp]:
        """The draws that something depends on."""
        middle = self._with_draws(np.full(self._n_draws, 0.5))[1]
        changed = (self._with_draws(draws)[1] for draws in 0.5 + 0.25 * np.eye(self._n_draws))
        return np.flatnonzero([parameters != middle for parameters in changed])


class _GivenDraws:
    """Stands where a sample expects its random generator, and gives it numbers in order."""

    def __init__(self, family: str, numbers: list[float], seed: int) -> None:
        self._family = family
        self._numbers = iter(numbers)
        self._normal = np.random.default_rng(seed)
        self.n_beyond = 0

    def random(self) -> float:
        """Return the next number; those that were not given are 1/2, and are counted."""
        number = next(self._numbers, None)
        if number is None:
            self.n_beyond += 1
            return 0.5
        return number

    def integers(self, low: int, high: int | None = None, *, endpoint: bool = False) -> int:
        """Return the largest number."""
        return (low if high is None else high) - (not endpoint)

    def standard_normal(self, size: int | tuple[int, ...]) -> Array:
        """Return the numbers of the seed."""
        return self._normal.standard_normal(size)

    def __getattr__(self, name: str) -> NoReturn:
        raise UsageError(
            f"{self._family} draws by {name}(): a device can be designed only with families that "
            "draw uniformly, by random()"
        )


def fit_potential(
    space: DesignSpace, potential: Array, weight: Array, starts: Sequence[Array]
) -> list[tuple[float, Array]]:
    """Set the device to potentials near a wished one.

    Parameters
    ----------
    space : DesignSpace
        The device.
    potential : ndarray, shape (n_pixels, n_pixels)
        What it shall come near to, but for a constant, in Ha*.
    weight : ndarray, shape (n_pixels, n_pixels)
        Where, such as the density.
    starts : sequence of ndarray, shape (n_coordinates,)
        Where to begin.

    Returns
    -------
    list of (float, ndarray of shape (n_coordinates,))
        Root mean square distance in Ha* and coordinates that were reached from each start, the
        nearest first.
    """
    weight = weight / weight.sum()
    root = np.sqrt(weight)

    def misfit(coordinates: Array) -> Array:
        difference = space.potential(coordinates) - potential
        return np.asarray((root * (difference - np.sum(weight * difference))).ravel())

    def fit(start: Array) -> tuple[float, Array]:
        found: Any = least_squares(misfit, start, bounds=(0.0, 1.0), max_nfev=20)
        return float(np.sqrt(2 * found.cost)), np.asarray(found.x)

    return sorted((fit(start) for start in starts), key=lambda found: found[0])


#: Step in a coordinate for the differences: well above what the solver leaves, and small.
_STEP = 1e-3
#: Starts are looked for near the potential that would do, among so many for each that is used.
_TRIED_PER_START = 4
#: The search ends once a step changes the distance, or the coordinates, by no more than this share.
_STALLED = 1e-4
#: New differences are made as long as they take off more than this share of the squared distance.
_WORTHWHILE = 1e-2
#: What stands for the misfit of a potential that the solver refuses.
_REFUSED = 1e3


@dataclass(frozen=True, eq=False)
class FamilyInversion(Inversion):
    """A potential of a given family, and how near its exact density comes to a target.

    Its potential is that of the parameters, in the gauge that they give it.

    Parameters
    ----------
    potential, density, energy, gap, residual, start_residual : see Inversion
        What was found, and how near it comes.
    iterations, residuals, determined, reason, target : see Inversion
        How it was found.
    family : str
        Name of the family.
    parameters : dict of str to float
        The parameters, as the family names them, in a0*, Ha* and radians.
    n_at_bounds : int
        How many of the settings are at one of their bounds.
    distances : tuple of float
        ``integral |density - target| / N`` that was reached from each start.

    Examples
    --------
    >>> issubclass(FamilyInversion, Inversion)  # `invert_in_family` shows one
    True
    """

    family: str
    parameters: dict[str, float]
    n_at_bounds: int
    distances: tuple[float, ...]

    @property
    def explanation(self) -> str:
        """Why the search ended, in a sentence, with the distance that is left."""
        if self.reason != "stagnated":
            return super().explanation
        at_bounds = f", {self.n_at_bounds} settings at a bound" if self.n_at_bounds else ""
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
    max_seconds: float = 60.0,
) -> FamilyInversion:
    """Set a device so that the exact density of its ground state comes near a target.

    Parameters
    ----------
    density : ndarray, shape (n_pixels, n_pixels)
        Target at the pixel centres, in 1/a0*^2.
    box : Box
        The box.
    n_electrons : int
        Number of electrons.
    family : PotentialFamily
        The device. Its settings (low, high) bound what can be set; those that are numbers are
        fixed. See `DesignSpace`.
    tolerance : float
        Largest ``integral |dn| / N`` with which the target counts as reached.
    interaction, n_orbitals, strength, basis_tolerance : optional
        Of the exact solver; see `Solver`.
    start : ndarray, shape (n_pixels, n_pixels), optional
        A potential that would do, of any family, such as a model's proposal; by default one is
        found by `invert`. The search begins at the settings that come nearest to it.
    n_starts : int
        How many different settings to begin with, unless the target is reached before.
    seed : int
        Of the settings that are tried to begin with.
    max_seconds : float
        When to end the search.

    Returns
    -------
    FamilyInversion
        The nearest that was found, whether it is near enough or not.

    Raises
    ------
    DataError
        If the target is no density of so many electrons.
    UsageError
        If an argument makes no sense, or the family cannot be set.
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
        raise UsageError(f"the search needs at least one start, got n_starts={n_starts!r}")
    target = check_wanted(density, box, n_electrons)
    solver = Solver(
        box, n_electrons, interaction, n_orbitals, strength, basis_tolerance=basis_tolerance
    )
    space = DesignSpace(family, box, len(target), seed)
    search = _Search(space, solver, target, tolerance, time.monotonic() + max_seconds)
    if start is None:
        start = refine_potential(
            target,
            box,
            n_electrons,
            tolerance=max(tolerance, 1e-2),
            interaction=interaction,
            n_orbitals=n_orbitals,
            strength=strength,
            basis_tolerance=basis_tolerance,
            max_seconds=max_seconds / 4,
        ).potential
    reason, distances = search.from_starts(_starts(space, start, target, n_starts, seed))
    return search.outcome(reason, distances)


def _starts(
    space: DesignSpace, wished: Array, target: Array, n_starts: int, seed: int
) -> list[Array]:
    """Return different settings whose potentials come near the wished one, the nearest first."""
    generator = np.random.default_rng(seed)
    random = generator.random((_TRIED_PER_START * n_starts - 1, space.n_coordinates))
    found = fit_potential(space, wished, target, [np.full(space.n_coordinates, 0.5), *random])
    chosen: list[tuple[float, Array]] = []
    for misfit, coordinates in found:
        # Settings that are as far off are the same, or the same with two parts exchanged.
        if all(misfit > (1 + 1e-2) * other + 1e-3 for other, _ in chosen):
            chosen.append((misfit, coordinates))
    return [coordinates for _, coordinates in chosen[:n_starts]]


class _Ended(Exception):  # noqa: N818  (no error: it leaves SciPy's loop)
    """The target is reached, or the time is up."""


class _Search:
    """The exact densities that were seen on the way, and the nearest of them."""

    def __init__(
        self, space: DesignSpace, solver: Solver, target: Array, tolerance: float, deadline: float
    ) -> None:
        self.space, self.solver, self.target = space, solver, target
        self.tolerance, self.deadline = tolerance, deadline
        self.area = solver.box.pixel_area(len(target))
        self.residuals: list[float] = []
        self.best: tuple[float, Array, Solution] | None = None
        self.refusal: PhysicsError | None = None
        self.last: tuple[Array, Array] | None = None
        self.secants: tuple[Array, Array, Array] | None = None

    def from_starts(self, starts: list[Array]) -> tuple[Reason, tuple[float, ...]]:
        """Search from one start after the other; return why it ended and what each reached."""
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
        """Search until new differences find no way on."""
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
        """Difference from the target, whose norm bounds the distance; note the distance."""
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
        """Return the misfit where SciPy stands, which as a rule is where it was asked for last."""
        if self.last is not None and np.array_equal(self.last[0], coordinates):
            return self.last[1]
        return self.misfit(coordinates)

    def _differences(self, coordinates: Array, misfit: Array) -> Array:
        """Return derivatives by differences, towards the middle of each range."""
        steps = np.where(coordinates < 0.5, _STEP, -_STEP)
        columns = []
        for place, step in enumerate(steps):
            moved = coordinates.copy()
            moved[place] += step
            there = self._solve(moved)
            rise = 0.0 if there is None else self._scaled(there.density - self.target) - misfit
            columns.append(np.broadcast_to(rise, misfit.shape) / step)
        return np.stack(columns, axis=1)

    def outcome(self, reason: Reason, distances: tuple[float, ...]) -> FamilyInversion:
        """Return the nearest."""
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
            determined=self.target > DETERMINED * self.target.max(),
            reason=reason,
            target=self.target,
            family=self.space.family.name,
            parameters=self.space.parameters(coordinates),
            n_at_bounds=int(np.count_nonzero(np.abs(coordinates - 0.5) > 0.5 - _STEP)),
            distances=distances,
        )

    def _reason(self) -> Reason:
        if self.best is not None and self.best[0] <= self.tolerance:
            return "converged"
        return "time" if time.monotonic() > self.deadline else "stagnated"

    def _solve(self, coordinates: Array) -> Solution | None:
        try:
            return self.solver.solve(self.space.potential(coordinates))
        except PhysicsError as refusal:
            self.refusal = refusal
            return None

    def _scaled(self, difference: Array) -> Array:
        scale = self.solver.box.length * np.sqrt(self.area) / self.solver.n_electrons
        return np.asarray(scale * difference.ravel())
