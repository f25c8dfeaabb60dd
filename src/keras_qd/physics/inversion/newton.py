r"""Newton steps with the complete response, held to smooth potentials.

Where the density is small it says little about the potential, and steps that ask it there dig wells
far from the electrons. These take orbitals away from the electrons, and as the exact states are
made of the lowest M orbitals, no density is met any more. So what is made least is

.. math:: |r|^2 + \mu\, |c|^2_R, \qquad r = \sqrt{n_t} - \sqrt{n_V},

not with the step but with the whole potential in the penalty (Tikhonov): c are its coefficients,
weighted with their roughness, and :math:`\mu` falls until the target is met. Steps are damped as by
Levenberg and Marquardt [1]_: what makes them long is penalised, which is the rough part of the step
or, nearer to the target, what exchanges orbitals at the edge of the lowest M, as the density is
linear in the potential only as long as these stay what they are.

References
----------
.. [1] D. W. Marquardt, J. Soc. Indust. Appl. Math. 11, 431 (1963), doi:10.1137/0111030.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from keras_qd.physics.inversion.singlet_response import SingletResponse, has_singlet_response
from keras_qd.physics.inversion.trail import Attempt, Trail

Array = NDArray[np.float64]

#: Share of the largest diagonal element that keeps the equations regular.
_REGULAR = 1e-15

#: Steps that are taken with one penalty, and such as keep the orbitals, which are shorter.
_STEPS, _SHORT_STEPS = 5, 12

#: Root of the summed squares of what a step exchanges that costs as much as the residual.
_EXCHANGE = 0.3

#: Fall of the fit's value, as a share of it left, that is no reason to go on with a penalty.
_HARDLY = 0.97

#: How often a step is damped ten times more, and the damping below which none is needed.
_MOST_DAMPINGS, _LEAST_DAMPING = 8, 0.1

#: Residual, in tolerances, above which other manners are not worth their time.
_WORTH_OTHER_MANNERS = 50


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
    floor : float
        Added under the roots, as a share of the target's largest value: where the density is much
        smaller, it counts less.
    keeps_orbitals : bool
        Whether it is the exchange of orbitals that damping penalises.
    """

    smoothness: int
    shift: float
    penalties: tuple[float, ...]
    floor: float = 1e-6
    keeps_orbitals: bool = False


_FROM_FAR = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
_FROM_NEAR = _FROM_FAR[2:]

#: The ways to begin again from the start, each tried in turn.
FIRST_MANNERS = tuple(
    Manner(smoothness, shift, _FROM_FAR) for smoothness, shift in [(2, 0.1), (1, 0.1), (2, 0.03)]
)

#: The ways to go on from the nearest: each leads past other potentials where two orbitals cross and
#: no small step leads on.
OTHER_MANNERS = (
    Manner(1, 0.03, _FROM_NEAR),
    Manner(2, 0.1, _FROM_FAR, floor=1e-3),
    Manner(1, 0.03, _FROM_NEAR, floor=1e-4, keeps_orbitals=True),
    Manner(2, 0.1, _FROM_FAR, floor=1e-2),
    Manner(1, 0.1, _FROM_NEAR, floor=1e-4, keeps_orbitals=True),
    Manner(2, 0.03, _FROM_NEAR, floor=1e-4),
    Manner(1, 0.1, _FROM_NEAR),
    Manner(1, 0.3, _FROM_NEAR, floor=1e-3),
    Manner(1, 0.0, _FROM_NEAR, floor=1e-4, keeps_orbitals=True),
    Manner(2, 0.03, _FROM_NEAR, floor=1e-4, keeps_orbitals=True),
    Manner(1, 0.03, (*_FROM_NEAR, 1e-10, 1e-11), floor=1e-4, keeps_orbitals=True),
    Manner(2, 0.1, _FROM_NEAR, floor=1e-3, keeps_orbitals=True),
    Manner(1, 0.03, _FROM_NEAR, floor=1e-3, keeps_orbitals=True),
    Manner(1, 0.1, _FROM_NEAR, floor=1e-5),
    Manner(2, 0.3, _FROM_FAR, floor=1e-4),
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
    exchange : ndarray, shape (n, n_cosines), optional
        What damping penalises, times the step; by default it is the same penalty on the step.
    """

    def __init__(
        self,
        place: Array,
        residual: Array,
        jacobian: Array,
        weights: Array,
        exchange: Array | None = None,
    ) -> None:
        self._place = place
        normal = jacobian.T @ jacobian
        largest = float(normal.diagonal().max())
        self._weights = largest * weights
        self._normal = normal + np.diag(self._weights + largest * _REGULAR)
        self._slope = jacobian.T @ residual - self._weights * place
        if exchange is None:
            self._damper = np.diag(self._weights)
        else:
            self._damper = exchange.T @ exchange * float(residual @ residual) / _EXCHANGE**2
        self.value = self.value_at(place, residual)

    def value_at(self, place: Array, residual: Array) -> float:
        """Return what is to be made least, at another place too."""
        return float(residual @ residual + self._weights @ place**2)

    def step(self, damping: float) -> Array:
        """Return the change of the coefficients; the constant is left as it is."""
        factor = cho_factor(self._normal + damping * self._damper)
        step = np.asarray(cho_solve(factor, self._slope))
        step[0] = 0.0
        return step


def fit_smoothly(trail: Trail, start: Attempt) -> None:
    """Take steps in several manners, from a start and from where these end.

    Nothing is done where there is no complete response.

    Parameters
    ----------
    trail : Trail
        Takes what is found.
    start : Attempt
        One of its attempts, before any mixed step.
    """
    if not has_singlet_response(trail.response.solver):
        return
    nearest = start  # not the best, whose mixed steps may have dug wells
    for manner in (*FIRST_MANNERS, *OTHER_MANNERS):
        last = start if manner in FIRST_MANNERS else nearest
        for penalty in manner.penalties:
            last = _fit_held(trail, last, manner, penalty)
        nearest = min(nearest, last, key=lambda one: one.residual)
        if trail.end or nearest.residual > _WORTH_OTHER_MANNERS * trail.limits.tolerance:
            return


def _fit_held(trail: Trail, last: Attempt, manner: Manner, penalty: float) -> Attempt:
    """Take steps with one penalty, and return where they end."""
    damping = 0.0
    for _ in range(_SHORT_STEPS if manner.keeps_orbitals else _STEPS):
        if trail.end:
            break
        fit = _linearised(trail, last, manner, penalty)
        after, damping = _damped(trail, fit, last, manner, damping)
        if after is None:
            break
        fall = fit.value_at(after.place, _roots(trail, after, manner)) / fit.value
        last = after
        if fall > _HARDLY and damping == 0:
            break
    return last


def _linearised(trail: Trail, last: Attempt, manner: Manner, penalty: float) -> SmoothFit:
    response = trail.response
    field = response.band.field(last.place)
    answer = SingletResponse(response.solver, response.band, field, manner.shift)
    slope = response.slope_of_roots(last.solution.density, manner.floor).ravel()
    return SmoothFit(
        last.place,
        _roots(trail, last, manner),
        (slope * _root_unit(trail))[:, None] * answer.derivative(),
        penalty * response.band.roughness**manner.smoothness,
        answer.exchange() if manner.keeps_orbitals else None,
    )


def _damped(
    trail: Trail, fit: SmoothFit, last: Attempt, manner: Manner, damping: float
) -> tuple[Attempt | None, float]:
    """Take the longest step that leads down, and return it with the next damping."""
    for _ in range(_MOST_DAMPINGS):
        if trail.end:
            break
        after = trail.attempt(last.place + fit.step(damping))
        if after and fit.value_at(after.place, _roots(trail, after, manner)) < fit.value:
            return after, damping / 10 if damping > _LEAST_DAMPING else 0.0
        damping = max(10 * damping, 1.0)
    return None, damping


def _roots(trail: Trail, attempt: Attempt, manner: Manner) -> Array:
    """Difference of square roots, a vector whose square is some share of the electrons."""
    density = attempt.solution.density
    difference = trail.response.difference_of_roots(density, manner.floor)
    return np.asarray(difference.ravel() * _root_unit(trail))


def _root_unit(trail: Trail) -> float:
    solver = trail.response.solver
    return math.sqrt(solver.box.pixel_area(trail.response.band.n_pixels) / solver.n_electrons)
