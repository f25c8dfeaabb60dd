"""What an inversion returns."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import DataError, PhysicsError
from keras_qd.inverse.response import Response
from keras_qd.physics.box import Box, check_field
from keras_qd.physics.solution import Solution

Array = NDArray[np.float64]

#: Why an inversion ended.
Reason = Literal["converged", "stagnated", "level-crossing", "time", "iterations"]

#: The same in words.
EXPLANATIONS: dict[str, str] = {
    "converged": "the density agrees with the target to the tolerance",
    "stagnated": (
        "no potential within the smoothness bound came nearer: the target is not the density of a "
        "ground state that such a potential can have, or only of an extreme one"
    ),
    "level-crossing": (
        "no potential came nearer, and the ground state of the nearest is about to change with "
        "another level: the target lies in the gap that opens there between densities"
    ),
    "time": "the time was up",
    "iterations": "the iterations were used up",
}


@dataclass(frozen=True, eq=False)
class Inversion:
    """A potential, and how near the exact density of its ground state comes to a target.

    Parameters
    ----------
    potential : ndarray, shape (n_pixels, n_pixels)
        Potential in Ha*, y first: the best one that was reached.
    density : ndarray, shape (n_pixels, n_pixels)
        Exact density of its ground state, in 1/a0*^2.
    energy : float
        Ground-state energy in Ha*, in the gauge of `potential`.
    gap : float
        Distance to the next level in Ha*.
    residual : float
        ``integral |density - target| / N``.
    start_residual : float
        The same of the potential that the refinement started from.
    iterations : int
        Exact solutions after that of the start, up to the end.
    residuals : ndarray, shape (iterations + 1,)
        Residual of each exact solution, that of the start first; NaN where the solver refused a
        potential.
    determined : ndarray of bool, shape (n_pixels, n_pixels)
        Where the density is large enough to determine the potential: above `DETERMINED` times its
        maximum.
    reason : str
        Why the refinement ended: ``"converged"``, ``"stagnated"``, ``"level-crossing"``, ``"time"``
        or ``"iterations"``; `explanation` says it in words.
    target : ndarray, shape (n_pixels, n_pixels)
        The target as it was aimed at: normalised to N electrons.

    Examples
    --------
    >>> from keras_qd import physics
    >>> box = physics.Box(10.0)
    >>> x, y = box.mesh(32)
    >>> wanted = physics.solve((x - 5) ** 2 / 2 + (y - 5) ** 2, box, 2).density
    >>> found = physics.invert(wanted, box, 2, tolerance=1e-3)
    >>> isinstance(found, Inversion), found.reason
    (True, 'converged')
    """

    potential: Array
    density: Array
    energy: float
    gap: float
    residual: float
    start_residual: float
    iterations: int
    residuals: Array
    determined: NDArray[np.bool_]
    reason: Reason
    target: Array

    @property
    def converged(self) -> bool:
        """Whether the density agrees with the target to the tolerance."""
        return self.reason == "converged"

    @property
    def explanation(self) -> str:
        """Why the refinement ended, in a sentence, with the distance that is left."""
        return f"{EXPLANATIONS[self.reason]} (integral |dn| / N = {self.residual:.2g})"


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


#: Largest relative error of the number of electrons in a target, which is then scaled to it.
CHARGE_TOLERANCE = 0.02

#: Negative values up to this share of the largest value count as zero: rounding and noise.
NEGATIVE_TOLERANCE = 0.05


def check_wanted(density: Array, box: Box, n_electrons: int) -> Array:
    """Return a target as float64, without negative values and normalised.

    Parameters
    ----------
    density : ndarray, shape (n_pixels, n_pixels)
        Density at the pixel centres, in 1/a0*^2.
    box : Box
        The box.
    n_electrons : int
        Number of electrons.

    Returns
    -------
    ndarray, shape (n_pixels, n_pixels)

    Raises
    ------
    DataError
        If it is not square, has values that are not finite or clearly negative, or holds another
        number of electrons.
    """
    density = check_field(
        density, "density", several="use invert_many for several", not_finite="replace them"
    )
    lowest, highest = density.min(), density.max()
    if lowest < -NEGATIVE_TOLERANCE * highest or highest <= 0:
        raise DataError(
            f"a density must not be negative, nor zero everywhere, got values from {lowest:.3g} "
            f"to {highest:.3g}; "
            f"up to {NEGATIVE_TOLERANCE:.0%} of the largest value below zero pass as noise"
        )
    return _normalised(np.maximum(density, 0.0), box, n_electrons)


def _normalised(density: Array, box: Box, n_electrons: int) -> Array:
    charge = float(density.sum()) * box.pixel_area(density.shape[0])
    if abs(charge - n_electrons) > CHARGE_TOLERANCE * n_electrons:
        raise DataError(
            f"the density holds {charge:.4g} electrons and {n_electrons} are wanted; multiply it "
            f"by {n_electrons / charge:.6g}, or check the box length and that it is in 1/a0*^2"
        )
    return density * (n_electrons / charge)
