"""The result of an inversion, the history of the search, and the check of a wanted density."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from keras_qd._shown import Shown
from keras_qd.errors import DataError
from keras_qd.physics.box import Box, check_field

Array = NDArray[np.float64]

#: Why a search ended.
Reason = Literal["converged", "stagnated", "level-crossing", "time", "iterations"]

#: The same as sentences.
EXPLANATIONS: dict[str, str] = {
    "converged": "the density agrees with the target to the tolerance",
    "stagnated": (
        "no smooth potential came nearer: the target is not the density of a ground state in such "
        "a potential"
    ),
    "level-crossing": (
        "no potential came nearer, and the ground state of the nearest is about to cross another "
        "level: the target lies in the gap between the densities of the two"
    ),
    "time": "the limit of processor time was reached",
    "iterations": "the limit of iterations was reached",
}


@dataclass(frozen=True, eq=False)
class Inversion(Shown):
    """A potential, and the distance of its exact ground-state density from a target.

    Parameters
    ----------
    potential : ndarray, shape (n_pixels, n_pixels)
        The best potential that was found, in Ha*, y first.
    density : ndarray, shape (n_pixels, n_pixels)
        Exact density of its ground state, in 1/a0*^2.
    energy : float
        Ground-state energy in Ha*, in the gauge of `potential`.
    gap : float
        Distance to the next level in Ha*.
    residual : float
        ``integral |density - target| / N``.
    start_residual : float
        Residual of the potential that the search started from.
    iterations : int
        Number of exact solutions after that of the start.
    residuals : ndarray, shape (iterations + 1,)
        Residual of each exact solution, that of the start first; NaN where the solver refused a
        potential.
    potential_error : ndarray, shape (n_pixels, n_pixels)
        Half width in Ha* of an interval that holds the potential with 90 % probability, the
        constant aside: of the potential less its mean weighted with the density.
    determined : ndarray of bool, shape (n_pixels, n_pixels)
        Where that error is less than a quarter of the standard deviation of the potential, weighted
        with the density.
    density_error : float
        Estimated error of `density` itself, ``integral |dn| / N``: its change with the last
        refinement of the grid.
    duality_gap : float
        Estimate in Ha* of how much ``E[V] - integral target V``, which is concave, can still rise,
        to second order; infinite if no step was taken. `duality_bound` is a bound.
    reason : str
        Why the search ended: ``"converged"``, ``"stagnated"``, ``"level-crossing"``, ``"time"`` or
        ``"iterations"``; `explanation` is a sentence.
    target : ndarray, shape (n_pixels, n_pixels)
        The target, normalised to N electrons.
    box : Box
        The box with hard walls.
    tolerance : float
        Residual at which the target counts as reached.

    Examples
    --------
    >>> from keras_qd import inverse, physics
    >>> box = physics.Box(10.0)
    >>> x, y = box.mesh(32)
    >>> wanted = physics.solve((x - 5) ** 2 / 2 + (y - 5) ** 2, box, 2).density
    >>> found = inverse.invert(wanted, box, 2, tolerance=1e-3)
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
    potential_error: Array
    determined: NDArray[np.bool_]
    density_error: float
    duality_gap: float
    reason: Reason
    target: Array
    box: Box
    tolerance: float

    @property
    def converged(self) -> bool:
        """Whether the density agrees with the target to the tolerance."""
        return self.reason == "converged"

    @property
    def nearest(self) -> float | None:
        """Distance of the target from the nearest density of a ground state that was found.

        It is `residual` where the search ended because nothing came nearer, None elsewhere: where
        the target is reached, or a limit was.
        """
        return self.residual if self.reason in ("stagnated", "level-crossing") else None

    @property
    def duality_bound(self) -> float:
        """Bound in Ha* on how much higher ``E[V] - integral target V`` is anywhere near.

        It holds for each potential whose difference from `potential` has a range (largest less
        smallest value) of at most 2 Ha*, and in proportion for others: the functional is concave
        with the slope ``density - target``, so that it rises by no more than
        ``N (residual + density_error)`` for each Ha* of half that range.
        """
        n_electrons = float(self.target.sum()) * self.box.pixel_area(len(self.target))
        return n_electrons * (self.residual + self.density_error)

    @property
    def explanation(self) -> str:
        """Why the search ended, as a sentence, with the residual."""
        head = "" if self.nearest is None else "nearest density reached: "
        return f"{head}{EXPLANATIONS[self.reason]} (integral |dn| / N = {self.residual:.2g})"

    def _entries(self) -> dict[str, Any]:
        return {
            "result": self.explanation,
            "energy (Ha*)": self.energy,
            "gap (Ha*)": self.gap,
            "exact solutions": len(self.residuals),
        }


@dataclass(frozen=True, eq=False)
class Iteration:
    """One exact solution on the way to a density, as passed to the callback of `invert`.

    Parameters
    ----------
    number : int
        0 for the start.
    residual : float
        ``integral |density - target| / N``.
    potential : ndarray, shape (n_pixels, n_pixels)
        In Ha*, y first, with a mean of zero.
    density : ndarray, shape (n_pixels, n_pixels)
        Exact density of its ground state, in 1/a0*^2, on the grid that the search has reached.

    Examples
    --------
    >>> from keras_qd import inverse, physics
    >>> box, seen = physics.Box(10.0), []
    >>> wanted = inverse.density_target("ring").density(box, 24, n_electrons=1)
    >>> found = inverse.invert(wanted, box, 1, tolerance=1e-2, callback=seen.append)
    >>> isinstance(seen[0], Iteration), seen[-1].residual == found.residual
    (True, True)
    """

    number: int
    residual: float
    potential: Array
    density: Array


#: What `invert` calls with each exact solution.
Callback = Callable[[Iteration], None]


@dataclass(frozen=True)
class Limits:
    """When a search ends: tolerance, most solutions after the first, processor time."""

    tolerance: float
    iterations: int
    seconds: float


#: Largest relative error of a target's number of electrons; the target is scaled to the exact one.
CHARGE_TOLERANCE = 0.02

#: Negative values up to this share of the largest value count as zero: rounding and noise.
NEGATIVE_TOLERANCE = 0.05


def check_wanted(density: Array, box: Box, n_electrons: int) -> Array:
    """Return a target as float64, not negative and normalised, or raise `DataError`."""
    density = check_field(
        density, "density", several="use invert_many for several", not_finite="replace them"
    )
    lowest, highest = density.min(), density.max()
    if lowest < -NEGATIVE_TOLERANCE * highest or highest <= 0:
        raise DataError(
            f"a density must not be negative, nor zero everywhere, got values from {lowest:.3g} "
            f"to {highest:.3g}; negative values up to {NEGATIVE_TOLERANCE:.0%} of the largest are "
            "taken for noise"
        )
    return _normalised(np.maximum(density, 0.0), box, n_electrons)


def _normalised(density: Array, box: Box, n_electrons: int) -> Array:
    charge = float(density.sum()) * box.pixel_area(density.shape[0])
    if abs(charge - n_electrons) > CHARGE_TOLERANCE * n_electrons:
        raise DataError(
            f"the density holds {charge:.4g} electrons, expected {n_electrons}; multiply it "
            f"by {n_electrons / charge:.6g}, or check the box length and that it is in 1/a0*^2"
        )
    return density * (n_electrons / charge)
