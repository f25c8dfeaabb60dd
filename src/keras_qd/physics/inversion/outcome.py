"""What an inversion returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

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
