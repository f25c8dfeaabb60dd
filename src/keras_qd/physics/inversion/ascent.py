r"""The potential as the maximum of a concave function, climbed where steps by a model fail.

Among all potentials, that of the density :math:`n_t` maximises

.. math:: W[V] = E[V] - \int n_t V, \qquad \frac{\delta W}{\delta V} = n_V - n_t,

which is concave, whatever the electrons do [1]_ [2]_. So a step along an uphill direction is too
long when the slope at its end points back, and a step in between is right: a search on a line needs
no more than the density, also where a little tilt takes an electron from one well to the other and
no linear model holds. Directions come from a quasi-Newton method that begins with the model's
response [3]_.

References
----------
.. [1] E. H. Lieb, Int. J. Quantum Chem. 24, 243 (1983), doi:10.1002/qua.560240302.
.. [2] Q. Wu and W. Yang, J. Chem. Phys. 118, 2498 (2003), doi:10.1063/1.1535422.
.. [3] J. Nocedal, Math. Comput. 35, 773 (1980), doi:10.1090/S0025-5718-1980-0572855-7.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: A step ends where the slope has fallen to this share of the first, uphill or downhill.
_FLAT_ENOUGH = 0.7

#: Factor on a step that ends as steep as it began.
_STRETCH = 2.5

#: Least distance from either end, relative to the bracket, of the next step to try in it.
_MARGIN = 0.1


class QuasiNewton:
    """Directions by the limited-memory formula of Broyden, Fletcher, Goldfarb and Shanno.

    Parameters
    ----------
    precondition : callable
        From a gradient to a direction: an approximate inverse of minus the second derivative,
        symmetric and positive definite.
    """

    def __init__(self, precondition: Callable[[Array], Array]) -> None:
        self._precondition = precondition
        self._steps: list[tuple[Array, Array]] = []

    def learn(self, move: Array, fall: Array) -> None:
        """Remember by how much the gradient fell along a move, if it did."""
        if move @ fall > 0:
            self._steps.append((move, fall))

    def direction(self, gradient: Array) -> Array:
        """Return the way up."""
        rest, shares = gradient, []
        for move, fall in reversed(self._steps):
            shares.append((move @ rest) / (move @ fall))
            rest = rest - shares[-1] * fall
        way = self._precondition(rest)
        for (move, fall), share in zip(self._steps, reversed(shares), strict=True):
            way = way + (share - (fall @ way) / (move @ fall)) * move
        return way


class LineSearch:
    """The lengths to try along an uphill direction, from the slopes found there.

    Parameters
    ----------
    slope : float
        Slope at the beginning, positive.
    length : float
        First length to try, as a factor on the direction.
    """

    def __init__(self, slope: float, length: float) -> None:
        self.length = length
        self._first = slope
        self._uphill = (0.0, slope)
        self._downhill: tuple[float, float] | None = None

    def accepts(self, slope: float) -> bool:
        """Tell whether the step may end here; if not, `length` is the next to try.

        Parameters
        ----------
        slope : float
            Along the direction at its end: -inf where nothing can be said but that it is too far.
        """
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
