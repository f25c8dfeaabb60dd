r"""Newton steps with the complete response, held to smooth potentials.

Where the density is small it says little about the potential, and steps that ask it there dig wells
far from the electrons. These take orbitals away from the electrons, and as the exact states are
made of the lowest M orbitals, no density is met any more. So what is made least is

.. math:: |r|^2 + \mu\, |c|^2_R, \qquad r = \sqrt{n_t} - \sqrt{n_V},

not with the step but with the whole potential in the penalty (Tikhonov): c are its coefficients,
weighted with their roughness, and :math:`\mu` falls until the target is met. Steps are damped as by
Levenberg and Marquardt [1]_.

References
----------
.. [1] D. W. Marquardt, J. Soc. Indust. Appl. Math. 11, 431 (1963), doi:10.1137/0111030.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

Array = NDArray[np.float64]

#: Share of the largest diagonal element that keeps the equations regular.
_REGULAR = 1e-15


@dataclass(frozen=True)
class Manner:
    """How to go: more than one is tried.

    Parameters
    ----------
    smoothness : int
        Power of the roughness in the penalty.
    shift : float
        Of the denominators of the response, in Ha*; see `SingletResponse`.
    penalties : tuple of float
        mu, falling, relative to the largest response.
    """

    smoothness: int
    shift: float
    penalties: tuple[float, ...]


_FROM_FAR = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)

#: The ways to begin again from the start, each tried in turn.
FIRST_MANNERS = tuple(
    Manner(smoothness, shift, _FROM_FAR) for smoothness, shift in [(2, 0.1), (1, 0.1), (2, 0.03)]
)

#: The ways to go on from the nearest: each other penalty moves the potential away from where two
#: orbitals cross and no small step leads on.
OTHER_MANNERS = tuple(
    Manner(smoothness, shift, _FROM_FAR[2:])
    for smoothness, shift in 2 * [(1, 0.03), (2, 0.03), (1, 0.1), (1, 0.3), (2, 0.1)]
)


class SmoothFit:
    """The equations of one step.

    Parameters
    ----------
    place : ndarray, shape (n_cosines,)
        Coefficients of the potential.
    residual : ndarray, shape (n_rows,)
        r there.
    jacobian : ndarray, shape (n_rows, n_cosines)
        Minus the derivative of r with the coefficients.
    weights : ndarray, shape (n_cosines,)
        Penalty on each squared coefficient, relative to the largest response.
    """

    def __init__(self, place: Array, residual: Array, jacobian: Array, weights: Array) -> None:
        self._place = place
        self._normal = jacobian.T @ jacobian
        largest = float(self._normal.diagonal().max())
        self._weights, self._regular = largest * weights, largest * _REGULAR
        self._slope = jacobian.T @ residual - self._weights * place
        self.value = self.value_at(place, residual)

    def value_at(self, place: Array, residual: Array) -> float:
        """Return what is to be made least, at another place too."""
        return float(residual @ residual + self._weights @ place**2)

    def step(self, damping: float) -> Array:
        """Return the change of the coefficients; the constant is left as it is."""
        diagonal = (1 + damping) * self._weights + self._regular
        step = np.asarray(cho_solve(cho_factor(self._normal + np.diag(diagonal)), self._slope))
        step[0] = 0.0
        return step
