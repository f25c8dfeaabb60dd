r"""Newton steps with the complete response, held to smooth potentials.

Where the density is small it hardly determines the potential, and unregularised steps dig wells
far from the electrons. Such wells take orbitals away from the electrons; as the exact states are
made of the lowest M orbitals, the target then cannot be reached. So the steps minimise

.. math:: |r|^2 + \mu\, |c|^2_R, \qquad r = \sqrt{n_t} - \sqrt{n_V},

with the whole potential, not the step, in the penalty (Tikhonov): c are its coefficients, weighted
with their roughness, and :math:`\mu` falls until the target is reached. Steps are damped as by
Levenberg and Marquardt [1]_, by a penalty on the rough part of the step or, nearer to the target,
on the exchange of orbitals at the edge of the lowest M: the density is linear in the potential only
as long as these orbitals stay the same.

References
----------
.. [1] D. W. Marquardt, J. Soc. Indust. Appl. Math. 11, 431 (1963), doi:10.1137/0111030.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from keras_qd.inverse.outcome import Attempt, History
from keras_qd.inverse.response import Band
from keras_qd.physics.integrals import (
    interaction_table,
    pair_interaction,
    product_grid,
    singlet_pairs,
)
from keras_qd.physics.interactions import as_interaction
from keras_qd.physics.orbitals import Orbitals, solve_orbitals
from keras_qd.physics.sine_basis import cosine_matrix
from keras_qd.physics.solver import Solver

#: Number of orbitals below and above the last one whose exchange is considered.
_NEAR = 4

#: Smallest distance of two levels in the exchange, in Ha*; smaller ones are raised to it.
_NEAREST = 0.01

#: Largest number of orbitals in the response.
_MOST_ORBITALS = 320


def has_singlet_response(solver: Solver) -> bool:
    """Whether there is a complete response: for two interacting electrons."""
    return (
        solver.n_electrons == 2
        and solver.spin in (None, 0)
        and solver.strength != 0
        and as_interaction(solver.interaction).name != "none"
    )


@dataclass(frozen=True, eq=False)
class SingletResponse:
    """Lowest singlet of two electrons and the derivative of its density (exact for shift 0)."""

    solver: Solver
    band: Band
    potential: Array
    shift: float

    def derivative(self) -> Array:
        """Return the derivative of the density by the coefficients, (n_pixels^2, n_cosines)."""
        state, excited = self._states[1][0], self._states[1][1:]
        inside, outside = self._products[: self._n_inside], self._products[self._n_inside :]
        transitions = state @ excited
        transitions += transitions.transpose(0, 2, 1)
        answer = (
            2
            * _flat(inside).T
            @ (transitions.reshape(len(excited), -1).T @ self._amplitudes(transitions))
        )
        # Twice the density matrix 2 C C^T between the change of an orbital and the orbital.
        mixed = np.einsum("ij,ajc->aic", 4 * state @ state, self._mixing, optimize=True)
        answer += _flat(outside).T @ mixed.reshape(-1, mixed.shape[2])
        return self._on_pixels(answer)

    def exchange(self) -> Array:
        """Exchange of orbitals at the edge of the lowest M, shape (n_rows, n_cosines), in 1/Ha*."""
        # For orbitals i up to M and a above it: the derivatives of the amplitude with which a mixes
        # into i, and of their relative distance. Where these are large, the density is not linear.
        m = self._n_inside
        inside, outside = slice(max(m - _NEAR, 0), m), slice(m, m + _NEAR)
        distance = self._orbitals.energies[outside, None] - self._orbitals.energies[inside]
        scale = 1 / np.hypot(distance, _NEAREST)[:, :, None]
        own = self._own_elements[outside, None] - self._own_elements[inside]
        rows = [self._elements[outside, inside] * scale, own * scale]
        return np.concatenate(rows).reshape(-1, own.shape[2])

    def _amplitudes(self, transitions: Array) -> Array:
        """A_k for each cosine of the band, shape (n_excited, n_cosines)."""
        energies, states = self._states
        relaxed = 2 * np.einsum("ai,kij->kaj", self._pulls[0], states[1:], optimize=True)
        relaxed += 2 * np.einsum("kal,lj->kaj", self._pulls[1:], states[0], optimize=True)
        n_excited = len(transitions)
        answer = transitions.reshape(n_excited, -1) @ _flat(self._elements[: self._n_inside])
        answer += relaxed.reshape(n_excited, -1) @ _flat(self._mixing)
        return np.asarray(-answer / (energies[1:] - energies[0])[:, None])

    @property
    def _n_inside(self) -> int:
        return self.solver.orbital_count

    @property
    def _unit(self) -> float:
        return np.pi / self.solver.box.length

    @cached_property
    def _orbitals(self) -> Orbitals:
        """The orbitals of the state, and above them those that mix in."""
        basis = self.solver.solve_orbitals(self.potential).basis
        n_orbitals = min(basis.kinetic.size, _MOST_ORBITALS)
        return solve_orbitals(self.potential, self.solver.box, basis, n_orbitals)

    @cached_property
    def _states(self) -> tuple[Array, Array]:
        """Energies of all singlets, and their matrices, shape (n, M, M)."""
        orbitals, m = self._orbitals, self._n_inside
        lowest = Orbitals(
            orbitals.basis, orbitals.box, orbitals.energies[:m], orbitals.coefficients[:, :m]
        )
        interaction = as_interaction(self.solver.interaction)
        pairs = pair_interaction(lowest, interaction, self.solver.strength)
        first, second = singlet_pairs(m)
        one_body = np.diag(lowest.energies[first] + lowest.energies[second])
        energies, vectors = np.linalg.eigh(pairs.singlet + one_body)
        matrices = np.zeros((energies.size, m, m))
        matrices[:, first, second] = (vectors / np.where(first == second, 1, np.sqrt(2))[:, None]).T
        matrices[:, second, first] = matrices[:, first, second]
        return energies, matrices

    @cached_property
    def _products(self) -> Array:
        """Cosines of products of each orbital with one of the lowest M, shape (n, M, q * p)."""
        values = self._values
        products = [self._cosines(values * values[i]) for i in range(self._n_inside)]
        return np.stack(products, axis=1)

    @cached_property
    def _values(self) -> Array:
        """Orbitals on a grid that is fine enough for products of two, shape (n, points, points)."""
        orbitals = self._orbitals
        sines, _ = product_grid(orbitals.basis.n_max)
        return np.asarray(sines @ orbitals.basis.as_grids(orbitals.coefficients) @ sines.T)

    def _cosines(self, values: Array) -> Array:
        """Cosines of fields on that grid, shape (n, q * p)."""
        _, averages = product_grid(self._orbitals.basis.n_max)
        return np.asarray((averages.T @ values @ averages).reshape(len(values), -1))

    @cached_property
    def _elements(self) -> Array:
        """Each cosine of the band between the orbitals, shape (n, M, n_cosines)."""
        return self._in_band(self._products)

    @cached_property
    def _own_elements(self) -> Array:
        """Each cosine of the band in the orbitals near the edge, shape (M + a few, n_cosines)."""
        values = self._values[: self._n_inside + _NEAR]
        return self._in_band(self._cosines(values**2))

    def _in_band(self, products: Array) -> Array:
        """Integrals of products with the cosines of the band: (..., q * p) to (..., n_cosines)."""
        n_cosines = 2 * self._orbitals.basis.n_max + 1
        q, p = self.band.orders
        known = (q < n_cosines) & (p < n_cosines)
        norms = np.where(q == 0, np.pi, np.pi / 2) * np.where(p == 0, np.pi, np.pi / 2)
        elements = np.zeros((*products.shape[:-1], q.size))
        elements[..., known] = products[..., (q * n_cosines + p)[known]] * norms[known]
        return elements

    @cached_property
    def _mixing(self) -> Array:
        """D for each cosine of the band, shape (n - M, M, n_cosines)."""
        energies, m = self._orbitals.energies, self._n_inside
        distance = energies[:m] - energies[m:, None]
        distance += self.shift**2 / distance
        return np.asarray(self._elements[m:] / distance[:, :, None])

    @cached_property
    def _pulls(self) -> Array:
        """X of all singlets, shape (n_singlets, n - M, M)."""
        m, n_max = self._n_inside, self._orbitals.basis.n_max
        interaction = as_interaction(self.solver.interaction).scaled(self._unit)
        table = interaction_table(interaction, n_max)
        half = np.concatenate([self._products[:, :, b.indices] @ b.factor for b in table], axis=2)
        integrals = _flat(half[m:]) @ _flat(half[:m]).T * (self.solver.strength * self._unit)
        # (ai|lj) as (al, ij)
        integrals = integrals.reshape(-1, m, m, m).transpose(0, 2, 1, 3).reshape(-1, m * m)
        states = self._states[1]
        pulls = states.reshape(len(states), -1) @ integrals.T
        return np.asarray(pulls.reshape(len(states), -1, m))

    def _on_pixels(self, cosines: Array) -> Array:
        """Evaluate sums of cosines at the pixel centres: (q * p, n) to (n_pixels^2, n)."""
        n_cosines = 2 * self._orbitals.basis.n_max + 1
        functions = cosine_matrix(n_cosines - 1, self.band.n_pixels)
        fields = functions @ cosines.T.reshape(-1, n_cosines, n_cosines) @ functions.T
        return np.asarray(fields.reshape(len(fields), -1).T * self._unit**2)


def _flat(pairs: Array) -> Array:
    """Take pairs of orbitals as one axis."""
    return pairs.reshape(-1, pairs.shape[2])


Array = NDArray[np.float64]

#: Share of the largest diagonal element that is added to keep the equations regular.
_REGULAR = 1e-15

#: Largest number of steps with one penalty, and of the shorter steps that keep the orbitals.
_STEPS, _SHORT_STEPS = 5, 12

#: Norm of the exchange at which its penalty equals the residual.
_EXCHANGE = 0.3

#: A penalty is left once a step leaves more than this share of the objective.
_HARDLY = 0.97

#: How often the damping is raised tenfold, and the damping below which it is dropped.
_MOST_DAMPINGS, _LEAST_DAMPING = 8, 0.1

#: Residual, in tolerances, up to which later strategies are tried.
_LATER_STRATEGIES_WITHIN = 50


@dataclass(frozen=True)
class Strategy:
    """Settings of a sequence of steps."""

    #: Power of the roughness in the penalty.
    smoothness: int
    #: Shift of the denominators of the response, in Ha*.
    shift: float
    #: mu, falling, relative to the largest response.
    penalties: tuple[float, ...]
    #: Added under the roots, as a share of the target's largest value.
    floor: float = 1e-6
    #: Whether damping penalises the exchange of orbitals.
    keeps_orbitals: bool = False


_FROM_FAR = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
_FROM_NEAR = _FROM_FAR[2:]

#: Strategies that restart from the start, tried in turn.
FIRST_STRATEGIES = tuple(
    Strategy(smoothness, shift, _FROM_FAR) for smoothness, shift in [(2, 0.1), (1, 0.1), (2, 0.03)]
)

#: Strategies that resume from the nearest potential, tried in turn: each avoids other potentials at
#: which two orbitals cross and small steps fail.
LATER_STRATEGIES = (
    Strategy(1, 0.03, _FROM_NEAR),
    Strategy(2, 0.1, _FROM_FAR, floor=1e-3),
    Strategy(1, 0.03, _FROM_NEAR, floor=1e-4, keeps_orbitals=True),
    Strategy(2, 0.1, _FROM_FAR, floor=1e-2),
    Strategy(1, 0.1, _FROM_NEAR, floor=1e-4, keeps_orbitals=True),
    Strategy(2, 0.03, _FROM_NEAR, floor=1e-4),
    Strategy(1, 0.1, _FROM_NEAR),
    Strategy(1, 0.3, _FROM_NEAR, floor=1e-3),
    Strategy(1, 0.0, _FROM_NEAR, floor=1e-4, keeps_orbitals=True),
    Strategy(2, 0.03, _FROM_NEAR, floor=1e-4, keeps_orbitals=True),
    Strategy(1, 0.03, (*_FROM_NEAR, 1e-10, 1e-11), floor=1e-4, keeps_orbitals=True),
    Strategy(2, 0.1, _FROM_NEAR, floor=1e-3, keeps_orbitals=True),
    Strategy(1, 0.03, _FROM_NEAR, floor=1e-3, keeps_orbitals=True),
    Strategy(1, 0.1, _FROM_NEAR, floor=1e-5),
    Strategy(2, 0.3, _FROM_FAR, floor=1e-4),
)


class SmoothFit:
    """Equations of one step, from the coefficients, r and minus its derivative there."""

    def __init__(
        self,
        coefficients: Array,
        residual: Array,
        jacobian: Array,
        weights: Array,
        exchange: Array | None = None,
    ) -> None:
        normal = jacobian.T @ jacobian
        largest = float(normal.diagonal().max())
        self._weights = largest * weights
        self._normal = normal + np.diag(self._weights + largest * _REGULAR)
        self._slope = jacobian.T @ residual - self._weights * coefficients
        if exchange is None:
            self._damper = np.diag(self._weights)
        else:
            self._damper = exchange.T @ exchange * float(residual @ residual) / _EXCHANGE**2
        self.value = self.value_at(coefficients, residual)

    def value_at(self, coefficients: Array, residual: Array) -> float:
        """Return the objective."""
        return float(residual @ residual + self._weights @ coefficients**2)

    def step(self, damping: float) -> Array:
        """Return the change of the coefficients; the constant stays."""
        factor = cho_factor(self._normal + damping * self._damper)
        step = np.asarray(cho_solve(factor, self._slope))
        step[0] = 0.0
        return step


def fit_smoothly(history: History, start: Attempt) -> None:
    """Take steps by all strategies in turn, if there is a complete response."""
    if not has_singlet_response(history.response.solver):
        return
    nearest = start  # not the best: mixed steps may have dug wells
    for strategy in (*FIRST_STRATEGIES, *LATER_STRATEGIES):
        last = start if strategy in FIRST_STRATEGIES else nearest
        for penalty in strategy.penalties:
            last = _fit_held(history, last, strategy, penalty)
        nearest = min(nearest, last, key=lambda one: one.residual)
        if history.end or nearest.residual > _LATER_STRATEGIES_WITHIN * history.limits.tolerance:
            return


def _fit_held(history: History, last: Attempt, strategy: Strategy, penalty: float) -> Attempt:
    """Take steps with one penalty and return the last attempt."""
    damping = 0.0
    for _ in range(_SHORT_STEPS if strategy.keeps_orbitals else _STEPS):
        if history.end:
            break
        fit = _linearised(history, last, strategy, penalty)
        after, damping = _damped(history, fit, last, strategy, damping)
        if after is None:
            break
        fall = fit.value_at(after.coefficients, _roots(history, after, strategy)) / fit.value
        last = after
        if fall > _HARDLY and damping == 0:
            break
    return last


def _linearised(history: History, last: Attempt, strategy: Strategy, penalty: float) -> SmoothFit:
    response = history.response
    field = response.band.field(last.coefficients)
    answer = SingletResponse(response.solver, response.band, field, strategy.shift)
    slope = response.slope_of_roots(last.solution.density, strategy.floor).ravel()
    return SmoothFit(
        last.coefficients,
        _roots(history, last, strategy),
        (slope * _root_unit(history))[:, None] * answer.derivative(),
        penalty * response.band.roughness**strategy.smoothness,
        answer.exchange() if strategy.keeps_orbitals else None,
    )


def _damped(
    history: History, fit: SmoothFit, last: Attempt, strategy: Strategy, damping: float
) -> tuple[Attempt | None, float]:
    """Take the longest step that lowers the objective; return it with the next damping."""
    for _ in range(_MOST_DAMPINGS):
        if history.end:
            break
        after = history.attempt(last.coefficients + fit.step(damping))
        if after and fit.value_at(after.coefficients, _roots(history, after, strategy)) < fit.value:
            return after, damping / 10 if damping > _LEAST_DAMPING else 0.0
        damping = max(10 * damping, 1.0)
    return None, damping


def _roots(history: History, attempt: Attempt, strategy: Strategy) -> Array:
    """Difference of the square roots, scaled so that its square is a share of the electrons."""
    density = attempt.solution.density
    difference = history.response.difference_of_roots(density, strategy.floor)
    return np.asarray(difference.ravel() * _root_unit(history))


def _root_unit(history: History) -> float:
    solver = history.response.solver
    return math.sqrt(solver.box.pixel_area(history.response.band.n_pixels) / solver.n_electrons)
