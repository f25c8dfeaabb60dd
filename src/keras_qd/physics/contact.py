r"""The interaction of two electrons on one grid point and on neighbouring ones.

On a grid of spacing h the interaction is the diagonal matrix w(r_i - r_j), which leaves out
its singularity. Two values stand for what happens within a spacing: the one of both electrons on
one point and the one of nearest neighbours. They are fixed by the relative motion in a parabola,

.. math:: [-\nabla^2 + \tfrac14 \omega^2 r^2 + s\,w(r)]\, \chi = \epsilon \chi,

such that its lowest states of angular momentum 0 (two electrons in a singlet) and 1 (in a triplet)
have their exact energies on the grid. For bare 1/r this tends to ``(3.9003 - 4 a) / h - c`` on one
point and ``(1 + a) / h`` on neighbours, with a = 0.05 and c = 0.15: 3.9003 is minus the regularised
sum of 1/abs(n) over the plane's integer points, ``-4 zeta(1/2) beta(1/2)`` [1]_. Both values are
linear in the energy epsilon to better than a thousandth, with slopes of the order of h.

References
----------
.. [1] J. M. Borwein, M. L. Glasser, R. C. McPhedran, J. G. Wan and I. J. Zucker, "Lattice Sums Then
   and Now" (Cambridge, 2013), section 1.2, https://doi.org/10.1017/CBO9781139626804
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, solve, solve_triangular

from keras_qd.physics.interactions import Interaction

Array = NDArray[np.float64]

#: Polynomials of the distance, and Gauss points, that the exact relative motion is expanded in.
_N_POLYNOMIALS, _N_NODES = 24, 200

#: Factor on the frequency that slopes are taken with.
_RATIO = 1.4

#: Where the oscillator's wave function counts as zero, in units of 1 / sqrt(omega): for the exact
#: energies and on the grid.
_FAR, _FAR_ON_GRID = 9.0, 7.0


_gauss_nodes = lru_cache(np.polynomial.legendre.leggauss)


@lru_cache(maxsize=64)
def contact_values(
    interaction: Interaction, strength: float, spacing: float, omega: float
) -> tuple[float, float]:
    """Interaction in Ha* on one point and on neighbours, exact in a parabola of frequency omega."""
    if strength == 0 or interaction.name == "none":
        return 0.0, 0.0
    n = int(np.ceil(_FAR_ON_GRID / np.sqrt(omega) / spacing))
    grid = np.arange(n + 1) * spacing
    distances = np.hypot(grid[:, None], grid)
    distances[0, 0] = spacing  # any value: it is replaced
    potential = strength * interaction(distances) + 0.25 * omega**2 * distances**2
    even, odd = _kinetic(n, spacing, 1), _kinetic(n, spacing, -1)
    exact = [relative_energy(interaction, strength, omega, m) for m in (0, 1)]
    # Odd along x: the first point is the nearest neighbour.
    neighbour = _defect(odd, even, potential[1:], exact[1])
    potential[0, 1] += neighbour
    potential[1, 0] += neighbour
    potential[0, 0] = 0.0
    return _defect(even, even, potential, exact[0]), float(
        strength * interaction(np.array(spacing)) + neighbour
    )


@lru_cache(maxsize=64)
def contact_slopes(
    interaction: Interaction, strength: float, spacing: float, omega: float
) -> tuple[float, float, float]:
    """Energy of the relative motion at omega, and slopes of both `contact_values` with it."""
    soft, stiff = omega / _RATIO, omega * _RATIO
    low, middle, high = (
        relative_energy(interaction, strength, each, 0) for each in (soft, omega, stiff)
    )
    changes = np.subtract(
        contact_values(interaction, strength, spacing, stiff),
        contact_values(interaction, strength, spacing, soft),
    )
    on_site, neighbour = changes / (high - low)
    return middle, float(on_site), float(neighbour)


def relative_energy(
    interaction: Interaction, strength: float, omega: float, angular_momentum: int
) -> float:
    """Lowest energy of the relative motion of two electrons in a round parabola, in Ha*."""
    m, far = angular_momentum, _FAR / np.sqrt(omega)
    nodes, weights = _gauss_nodes(_N_NODES)
    r, weights = 0.5 * far * (nodes + 1), 0.5 * far * weights
    polynomials = np.polynomial.legendre.legvander(nodes, _N_POLYNOMIALS - 1)
    slopes = np.polynomial.legendre.legder(np.eye(_N_POLYNOMIALS))
    slopes = np.polynomial.legendre.legvander(nodes, _N_POLYNOMIALS - 2) @ slopes * (2 / far)
    envelope = (np.sqrt(weights * r) * r**m * np.exp(-0.25 * omega * r**2))[:, None]
    logarithmic = (m / r - 0.5 * omega * r)[:, None]
    values, upper = np.linalg.qr(envelope * polynomials)
    derivatives = envelope * (slopes + logarithmic * polynomials)
    derivatives = solve_triangular(upper, derivatives.T, trans="T").T
    potential = strength * interaction(r) + 0.25 * omega**2 * r**2 + m**2 / r**2
    matrix = derivatives.T @ derivatives + values.T @ (potential[:, None] * values)
    return float(eigh(matrix, eigvals_only=True, subset_by_index=(0, 0))[0])


def _kinetic(n: int, spacing: float, parity: int) -> Array:
    """Matrix of -d^2/dx^2 on the points 0..n (parity 1) or 1..n (-1) of an infinite grid."""
    i = np.arange(0 if parity > 0 else 1, n + 1)

    def sinc(distance: NDArray[np.intp]) -> Array:
        square = np.where(distance == 0, 1, distance**2)
        off = 2.0 * (-1.0) ** distance / square
        return np.where(distance == 0, np.pi**2 / 3, off) / spacing**2

    norms = np.where(i == 0, np.sqrt(0.5), 1.0)
    matrix = sinc(i[:, None] - i) + parity * sinc(i[:, None] + i)
    return np.asarray(matrix * np.outer(norms, norms))


def _defect(along_y: Array, along_x: Array, potential: Array, energy: float) -> float:
    """Return what, added to the potential on the first point, makes `energy` an eigenvalue."""
    # Adding d on one point shifts the spectrum to the zeros of 1 + d <0|(H - E)^-1|0>.
    matrix = np.kron(along_y, np.eye(len(along_x))) + np.kron(np.eye(len(along_y)), along_x)
    matrix[np.diag_indices_from(matrix)] += potential.ravel() - energy
    unit = np.zeros(len(matrix))
    unit[0] = 1.0
    return float(-1.0 / solve(matrix, unit, assume_a="sym", overwrite_a=True)[0])
