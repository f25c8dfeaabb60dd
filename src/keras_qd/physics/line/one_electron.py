r"""Ground states of many one-electron systems at once: Numerov's matrix and Noda's iteration.

On interior nodes :math:`x_i = i h` Numerov's scheme [1]_ turns
:math:`-\tfrac12 \psi'' + V \psi = E \psi` into

.. math:: \left[ -\tfrac12 A + B V \right] \psi = E B \psi, \qquad
    A = \frac{1}{h^2} \mathrm{tridiag}(1, -2, 1), \quad B = \frac{1}{12} \mathrm{tridiag}(1, 10, 1)

with an error of order :math:`h^4`. For a shift s below E the matrix of one inverse iteration
:math:`[-A/2 + B(V - s)] y = B x` has a positive inverse, so that [2]_ [3]_

.. math:: s + \min_i x_i / y_i \le E \le s + \max_i x_i / y_i

for every positive x. The lower bound is the next shift: it rises quadratically to E and never
passes it, and no elimination needs a pivot. Written for :math:`\phi_i = w_i y_i` with
:math:`w_i = 1 - h^2 (V_i - s) / 6` the matrix is tridiagonal with -1 beside the diagonal
:math:`12 / w_i - 10`.

References
----------
.. [1] M. Pillai, J. Goglio and T. G. Walker, "Matrix Numerov method for solving Schrödinger's
   equation", Am. J. Phys. 80, 1017 (2012), https://doi.org/10.1119/1.4748813
.. [2] T. Noda, "Note on the computation of the maximal eigenvalue of a non-negative irreducible
   matrix", Numer. Math. 17, 382 (1971), https://doi.org/10.1007/BF01436087
.. [3] L. Elsner, "Inverse iteration for calculating the spectral radius of a non-negative
   irreducible matrix", Linear Algebra Appl. 15, 235 (1976).
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PhysicsError
from keras_qd.physics.levels import DEGENERACY

#: Systems diagonalised together, to bound the memory that their matrices take.
DVR_BLOCK = 256


@functools.lru_cache(maxsize=8)
def kinetic_matrix(n_points: int, length: float) -> NDArray[np.float64]:
    """Kinetic energy between the interior nodes, in Ha*; read-only."""
    orders = np.arange(1, n_points + 1)
    sines = np.sin(np.outer(orders, orders) * (math.pi / (n_points + 1)))
    energies = (orders * math.pi / length) ** 2 / 2.0
    kinetic: NDArray[np.float64] = (sines * energies) @ sines * (2.0 / (n_points + 1))
    kinetic.flags.writeable = False
    return kinetic


def dvr_states(
    potentials: NDArray[np.float64], length: float, n_states: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest states of one-electron systems: energies (n, k), orbitals (n, k, points)."""
    n, points = potentials.shape
    kinetic = kinetic_matrix(points, length)
    energies = np.empty((n, n_states))
    orbitals = np.empty((n, n_states, points))
    diagonal = np.arange(points)
    for start in range(0, n, DVR_BLOCK):
        part = slice(start, start + DVR_BLOCK)
        matrices = np.repeat(kinetic[None], len(potentials[part]), axis=0)
        matrices[:, diagonal, diagonal] += potentials[part]
        values, vectors = np.linalg.eigh(matrices)
        energies[part] = values[:, :n_states]
        orbitals[part] = np.swapaxes(vectors[:, :, :n_states], 1, 2)
    return energies, orbitals / math.sqrt(length / (points + 1))


#: Systems solved together: few enough for the arrays to stay in the cache of one core.
BLOCK = 1024
#: Width of the bounds, relative to the kinetic scale 1/h^2, at which the iteration ends.
TOLERANCE = 1e-12
MOST_ITERATIONS = 60

#: Estimated error of an energy that Numerov's matrix, and that the sine functions may leave, in
#: units of the ground-state energy of the empty line.
NUMEROV_ERROR, LARGEST_ERROR = 2e-3, 2e-2

#: Error in sine functions over the kinetic energy in the shortest quarter of them: at most so much
#: in 300 wells of widths from 0.02 to 0.1 and depths from 5 to 500.
_ERROR_OF_TAIL = 0.2


class GroundStates(NamedTuple):
    """Energies and densities of one-electron systems, with rigorous bounds of the energies.

    `reliable` are those that Numerov's matrix resolves and whose ground state is not degenerate.
    """

    energies: NDArray[np.float64]
    densities: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    errors: NDArray[np.float64]
    reliable: NDArray[np.bool_]


def numerov_ground_states(potentials: NDArray[np.float64], length: float) -> GroundStates:
    """Ground states of one-electron systems (n, points)."""
    n, points = potentials.shape
    spacing = length / (points + 1)
    energies, lower, upper, errors = np.empty((4, n))
    reliable = np.empty(n, dtype=bool)
    result = GroundStates(energies, np.empty((n, points)), lower, upper, errors, reliable)
    for start in range(0, n, BLOCK):
        part = slice(start, start + BLOCK)
        # Systems along the last axis: each step of the elimination is one vector operation.
        block = _Block(np.ascontiguousarray(potentials[part].T), spacing)
        block.iterate()
        result.energies[part] = block.energies
        result.densities[part] = block.densities().T
        result.lower[part], result.upper[part] = block.lower, block.upper
        errors[part] = block.errors()
        resolved = errors[part] <= NUMEROV_ERROR * empty_energy(length)
        reliable[part] = block.sound & resolved & (block.count_states(DEGENERACY) == 1)
    return result


def empty_energy(length: float) -> float:
    """Ground-state energy between walls without a potential, in Ha*."""
    return 0.5 * (math.pi / length) ** 2


def resolution_errors(
    energies: NDArray[np.float64],
    orbitals: NDArray[np.float64],
    potentials: NDArray[np.float64],
    length: float,
) -> NDArray[np.float64]:
    """Errors in sine functions, from the kinetic energy in the shortest quarter of them.

    `PhysicsError` where one is too large: the potential is narrower than the grid.
    """
    points = potentials.shape[1]
    orders = np.arange(1, points + 1)
    sines = np.sin(np.outer(orders, orders) * (math.pi / (points + 1)))
    squares = (orbitals @ sines) ** 2 * (2 * length / (points + 1) ** 2)
    kinetic = (orders * math.pi / length) ** 2 / 2.0
    tails = (squares * kinetic)[:, 3 * points // 4 :].sum(axis=1)
    errors: NDArray[np.float64] = _ERROR_OF_TAIL * tails
    bad = int(np.argmax(errors))
    if errors[bad] > LARGEST_ERROR * empty_energy(length):
        # Five points to the shortest wave, which has the electron's energy and what the potential
        # rises by from one point to the next.
        potential, peak = potentials[bad], int(np.argmax(np.abs(orbitals[bad])))
        rise = np.ptp(potential[max(peak - 1, 0) : peak + 2])
        waves = math.sqrt(2.0 * float(energies[bad] - potential.min() + rise)) / math.pi
        more = max(2 * points + 1, math.ceil(2.5 * length * waves))
        raise PhysicsError(
            f"a potential is too narrow for {points} points, which leave an error of about"
            f" {errors[bad]:.1g} Ha*; use at least {more} points"
        )
    return errors


class _Block:
    """Systems few enough to stay in the cache, and the arrays of their iteration."""

    def __init__(self, potentials: NDArray[np.float64], spacing: float) -> None:
        points = len(potentials)
        self.spacing = spacing
        # h^2 V / 6 and the shift in the same unit: what the elimination needs.
        self.unit = spacing**2 / 6.0
        self.scaled = potentials * self.unit
        floor = math.pi**2 / (2.0 * (spacing * (points + 1)) ** 2)
        # Numerov's kinetic energy is less than the exact one, by under 3 % even on one node.
        self.lower = potentials.min(axis=0) + 0.97 * floor
        self.upper = np.full_like(self.lower, np.inf)
        # Where Numerov's weights would not be positive another potential is used.
        self.sound = self.scaled.max(axis=0) - self.unit * self.lower < 1.0
        self.scaled[:, ~self.sound] = 0.0
        self.lower[~self.sound] = 0.97 * floor
        self.energies = self.lower.copy()
        nodes = np.arange(1, points + 1) * (math.pi / (points + 1))
        self.x = np.repeat(np.sin(nodes)[:, None], potentials.shape[1], axis=1)
        self.y = np.empty_like(self.scaled)
        self.inverse_weight = np.empty_like(self.scaled)
        self.pivot = np.empty_like(self.scaled)

    def iterate(self) -> None:
        """Iterate until the bounds of all systems agree to rounding."""
        tolerance = TOLERANCE / self.spacing**2
        for _ in range(MOST_ITERATIONS):
            self._solve()
            self._update()
            unfinished = self.upper - self.lower > tolerance + 1e-13 * np.abs(self.lower)
            if not unfinished.any():
                return
        # Two lowest levels that are equal to rounding.
        self.sound &= ~unfinished

    def densities(self) -> NDArray[np.float64]:
        """Squares of the wave functions, shape (points, block), normalised to one electron."""
        squares = self.x**2
        squares /= squares.sum(axis=0) * self.spacing
        return squares

    def errors(self) -> NDArray[np.float64]:
        """Errors of the energies: ``h^4 / 480`` times the squared third derivative of psi."""
        second = (self.scaled - self.unit * self.energies) * np.sqrt(self.densities())
        second = np.pad(second * (2.0 / self.unit), ((1, 1), (0, 0)))
        third = np.diff(second, axis=0) / self.spacing
        return np.asarray(self.spacing**5 / 480.0 * (third**2).sum(axis=0))

    def count_states(self, above: float) -> NDArray[np.intp]:
        """Count the states up to `above` over the lowest: negative pivots of the elimination."""
        shift = self.energies + above
        diagonal = 12.0 / (1.0 + self.unit * shift - self.scaled) - 10.0
        pivot = diagonal[0]
        count = (pivot < 0).astype(np.intp)
        for row in diagonal[1:]:
            pivot = row - 1.0 / np.where(pivot == 0.0, 1e-300, pivot)
            count += pivot < 0
        return np.asarray(count)

    def _solve(self) -> None:
        """One inverse iteration: y from x, by elimination without pivoting."""
        x, y, pivot, inverse_weight = self.x, self.y, self.pivot, self.inverse_weight
        # Slightly below the bound, since the matrix of a converged system would be singular.
        margin = 1e-13 * (1.0 / self.spacing**2 + np.abs(self.lower))
        self.shift = self.lower - margin
        np.subtract(1.0 + self.unit * self.shift, self.scaled, out=inverse_weight)
        np.reciprocal(inverse_weight, out=inverse_weight)
        np.multiply(inverse_weight, 12.0, out=pivot)
        pivot -= 10.0
        np.multiply(x, 10.0, out=y)
        y[1:] += x[:-1]
        y[:-1] += x[1:]
        np.reciprocal(pivot[0], out=pivot[0])
        y[0] *= pivot[0]
        for i in range(1, len(y)):
            pivot[i] -= pivot[i - 1]
            np.reciprocal(pivot[i], out=pivot[i])
            y[i] += y[i - 1]
            y[i] *= pivot[i]
        carry = np.empty_like(y[0])
        for i in range(len(y) - 2, -1, -1):
            np.multiply(pivot[i], y[i + 1], out=carry)
            y[i] += carry
        # The omitted factors 1/12 of the right-hand side and 1/(2 h^2) of the matrix.
        inverse_weight *= self.unit
        y *= inverse_weight

    def _update(self) -> None:
        """Update bounds, energies (Rayleigh quotients) and vectors."""
        x, y = self.x, self.y
        overlap = np.einsum("ij,ij->j", x, y)
        norm = np.einsum("ij,ij->j", y, y)
        np.divide(x, y, out=x)
        self.energies = self.shift + overlap / norm
        self.lower = np.maximum(self.lower, self.shift + x.min(axis=0))
        self.upper = np.minimum(self.upper, self.shift + x.max(axis=0))
        # Inverse iteration grows without bound; the old x holds the next solution.
        y /= y.max(axis=0)
        self.x, self.y = y, x
