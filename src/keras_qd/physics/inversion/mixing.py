"""Anderson mixing: what the steps taken so far tell about the next one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: How many earlier steps are remembered.
DEPTH = 8

#: Combinations of earlier residuals smaller than this, relative to the largest, are left out.
_NEGLIGIBLE = 1e-8


class Anderson:
    """Anderson mixing of order 8 with a preconditioner [1]_.

    The next potential is that of the combination of earlier ones whose residual, taken as linear,
    is smallest, and the preconditioner's step for what is left of the residual.

    References
    ----------
    .. [1] D. G. Anderson, J. ACM 12, 547 (1965), doi:10.1145/321296.321305; H. Fang and Y. Saad,
       Numer. Linear Algebra Appl. 16, 197 (2009), doi:10.1002/nla.617.
    """

    def __init__(self) -> None:
        self._places: list[Array] = []
        self._residuals: list[Array] = []

    def forget(self) -> None:
        """Start anew: what was seen so far belongs to another branch."""
        self._places, self._residuals = [], []

    def step(self, place: Array, residual: Array, precondition: Callable[[Array], Array]) -> Array:
        """Return the step from a place with this residual, and remember both."""
        self._places = [*self._places[-DEPTH:], place]
        self._residuals = [*self._residuals[-DEPTH:], residual]
        if len(self._places) == 1:
            return precondition(residual)
        moves = np.diff(self._places, axis=0)
        changes = np.diff(self._residuals, axis=0)
        mixing = np.linalg.lstsq(changes.T, residual, rcond=_NEGLIGIBLE)[0]
        return precondition(residual - mixing @ changes) - mixing @ moves
