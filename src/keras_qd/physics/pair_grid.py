r"""One electron on a small grid: the half of the two-electron problem that both electrons share.

A square window of side L carries n x n points with spacing ``h = L / (n + 1)``, the points of the
sine functions with up to n half waves a side (a discrete variable representation [1]_): G = n^2
orbitals per electron. Matrix elements of the potential are exact (its cosine series), not sampled.

Sine functions with up to `n_fine` half waves (Q, next to the n^2 of P) are folded down [2]_ at the
lowest level e0:

.. math:: H_{\rm eff} = e_0 + N^{-1/2} [H_{PP} - e_0 + H_{PQ} X] N^{-1/2},\quad
   X = -(H_{QQ} - e_0)^{-1} H_{QP},\quad N = 1 + X^T X .

Its states have the energies of the finer basis to second order in e - e0, and their components in Q
are X times those in P.

Everything takes a batch of systems and the array namespace `xp` of the caller (NumPy, jax.numpy).

The interaction is the diagonal matrix w(r_i - r_j), which leaves out its singularity. Two values,
the contact, stand for what happens within a spacing: the one of both electrons on one point and the
one of nearest neighbours. They are fixed by the relative motion in a parabola,

.. math:: [-\nabla^2 + \tfrac14 \omega^2 r^2 + s\,w(r)]\, \chi = \epsilon \chi,

such that its lowest states of angular momentum 0 (two electrons in a singlet) and 1 (in a triplet)
have their exact energies on the grid. For bare 1/r this tends to ``(3.9003 - 4 a) / h - c`` on one
point and ``(1 + a) / h`` on neighbours, with a = 0.05 and c = 0.15: 3.9003 is minus the regularised
sum of 1/abs(n) over the plane's integer points, ``-4 zeta(1/2) beta(1/2)`` [3]_. Both values are
linear in the energy epsilon to better than a thousandth, with slopes of the order of h.

References
----------
.. [1] D. T. Colbert and W. H. Miller, J. Chem. Phys. 96, 1982 (1992),
   https://doi.org/10.1063/1.462100
.. [2] P.-O. Loewdin, J. Math. Phys. 3, 969 (1962), https://doi.org/10.1063/1.1724312
.. [3] J. M. Borwein, M. L. Glasser, R. C. McPhedran, J. G. Wan and I. J. Zucker, "Lattice Sums Then
   and Now" (Cambridge, 2013), section 1.2, https://doi.org/10.1017/CBO9781139626804
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, solve, solve_triangular

from keras_qd.physics.interactions import Interaction
from keras_qd.physics.solution import LabelError

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

#: Half waves a side that are folded down beyond those of the grid.
_MORE_HALF_WAVES = 6

#: Frequency of the parabola in which pair energies are exact, times the square of the window: a
#: dot that fills its window is about that strong.
_CONTACT_OMEGA = 50.0

#: Half waves a side beyond which a density is summed function by function, to save memory.
_MANY_HALF_WAVES = 30

#: Newton-Schulz iterations for a root: the matrix is 1 up to a few hundredths, and the error is
#: squared.
_ROOT_STEPS = 5


@dataclass(frozen=True)
class PairGrid:
    """Tables of a grid of n x n points, with P and Q up to `n_fine` half waves; see `pair_grid`."""

    n: int
    n_fine: int

    @property
    def size(self) -> int:
        """Number of points and of orbitals per electron."""
        return self.n**2

    @cached_property
    def half_waves(self) -> NDArray[np.intp]:
        """Half waves (b along y, a along x) of each function, first P, then Q."""
        b, a = (grid.ravel() + 1 for grid in np.indices((self.n_fine, self.n_fine)))
        in_p = (b <= self.n) & (a <= self.n)
        in_q = ~in_p & (a**2 + b**2 <= self.n_fine**2 + 1)
        order = np.concatenate([np.flatnonzero(in_p), np.flatnonzero(in_q)])
        return np.stack([b[order], a[order]], axis=1)

    @cached_property
    def kinetic(self) -> Array:
        """Kinetic energies of the functions in a window of side pi."""
        return np.asarray(0.5 * (self.half_waves**2).sum(axis=1), dtype=np.float64)

    @cached_property
    def low(self) -> Indices:
        """Indices in P of the functions with few half waves, which give e0 well enough."""
        return np.flatnonzero((self.half_waves[: self.size] <= 2 * self.n // 3).all(axis=1))

    @cached_property
    def cosine_indices(self) -> tuple[Indices, ...]:
        """Flat indices of the four cosines that the product of two functions has."""
        b, a = self.half_waves.T
        n_cosines = 2 * self.n_fine + 1
        minus_y, plus_y = np.abs(b[:, None] - b) * n_cosines, (b[:, None] + b) * n_cosines
        minus_x, plus_x = np.abs(a[:, None] - a), a[:, None] + a
        return minus_y + minus_x, minus_y + plus_x, plus_y + minus_x, plus_y + plus_x

    @cached_property
    def to_points(self) -> Array:
        """Orthogonal matrix from coefficients of P to values on the points times h."""
        i = np.arange(1, self.n + 1)
        sines = np.sqrt(2 / (self.n + 1)) * np.sin(np.pi * np.outer(i, i) / (self.n + 1))
        return np.kron(sines, sines)

    @cached_property
    def square_indices(self) -> Indices:
        """Index of each function of the square of half waves, the last one for those left out."""
        b, a = self.half_waves.T - 1
        indices = np.full((self.n_fine, self.n_fine), len(b))
        indices[b, a] = np.arange(len(b))
        return indices.ravel()

    @cached_property
    def outside(self) -> NDArray[np.bool_]:
        """Which functions of the square of half waves, shape (n_fine^2,), are not in P."""
        return np.asarray((np.indices((self.n_fine, self.n_fine)) >= self.n).any(axis=0).ravel())

    @cached_property
    def steps(self) -> tuple[Array, Indices]:
        """Distances between points in units of h, and all pairs of nearest neighbours."""
        y, x = (grid.ravel() for grid in np.indices((self.n, self.n)))
        squares = (y[:, None] - y) ** 2 + (x[:, None] - x) ** 2
        return np.sqrt(squares), np.flatnonzero(squares == 1)

    def interaction(self, side: float, interaction: Interaction, strength: float) -> Array:
        """Interaction in Ha* between all pairs of points of a window, shape (n^2, n^2)."""
        return _interaction_matrix(self, side, interaction, strength)

    def contact(
        self, side: float, interaction: Interaction, strength: float
    ) -> tuple[float, Array]:
        """Energy of the relative motion that `interaction` is exact for, and its slope with it."""
        return _contact_slope(self, side, interaction, strength)


@lru_cache(maxsize=16)
def pair_grid(n: int, n_fine: int | None = None) -> PairGrid:
    """Return the cached grid of n x n points; `n_fine` is n + 6 by default."""
    return PairGrid(n, n + _MORE_HALF_WAVES if n_fine is None else n_fine)


@lru_cache(maxsize=8)
def _interaction_matrix(
    grid: PairGrid, side: float, interaction: Interaction, strength: float
) -> Array:
    spacing = side / (grid.n + 1)
    omega = _CONTACT_OMEGA / side**2
    on_site, neighbour = contact_values(interaction, strength, spacing, omega)
    steps, neighbours = grid.steps
    matrix = strength * interaction(np.where(steps == 0, 1.0, steps) * spacing)
    matrix.ravel()[neighbours] = neighbour
    np.fill_diagonal(matrix, on_site)
    return np.asarray(matrix)


@lru_cache(maxsize=8)
def _contact_slope(
    grid: PairGrid, side: float, interaction: Interaction, strength: float
) -> tuple[float, Array]:
    spacing, omega = side / (grid.n + 1), _CONTACT_OMEGA / side**2
    energy, on_site, neighbour = contact_slopes(interaction, strength, spacing, omega)
    matrix = on_site * np.eye(grid.size)
    matrix.ravel()[grid.steps[1]] = neighbour
    return energy, matrix


@dataclass(frozen=True)
class GridOrbitals:
    """All n^2 orbitals of one electron on a grid, for a batch of b systems."""

    grid: PairGrid
    side: float
    #: Shape (b, n^2), in Ha*, rising.
    energies: Any
    #: Shape (b, n^2, n^2): values on the points (rows) of each orbital times h, orthogonal.
    points: Any
    #: Shape (b, n_functions, n^2): expansion of each orbital (columns) in P and Q.
    coefficients: Any


def grid_orbitals(grid: PairGrid, cosines: Any, side: float, xp: Any = np) -> GridOrbitals:
    """Solve the one-electron problem; `cosines` (b, 2 n_fine + 1, ...) from `Window.cosines`."""
    size = grid.size
    full = _hamiltonian(grid, cosines, side, xp)
    inner, mixed, outer = full[:, :size, :size], full[:, size:, :size], full[:, size:, size:]
    low = full[:, grid.low[:, None], grid.low]
    reference = xp.linalg.eigvalsh(low)[:, 0][:, None, None]
    amplitudes = -xp.linalg.solve(
        outer - reference * xp.eye(outer.shape[1], dtype=full.dtype), mixed
    )
    root = _inverse_root(amplitudes, xp)
    unit = xp.eye(size, dtype=full.dtype)
    folded = inner - reference * unit + xp.swapaxes(mixed, 1, 2) @ amplitudes
    folded = root @ folded @ root
    energies, vectors = xp.linalg.eigh(0.5 * (folded + xp.swapaxes(folded, 1, 2)))
    inside = root @ vectors
    return GridOrbitals(
        grid,
        side,
        energies + reference[:, :, 0],
        xp.asarray(grid.to_points, dtype=full.dtype) @ vectors,
        xp.concatenate([inside, amplitudes @ inside], axis=1),
    )


def square_coefficients(orbitals: GridOrbitals, xp: Any = np) -> Any:
    """Spread coefficients over the square of half waves: (b, n_fine^2, n^2), rows (b, a)."""
    rows = orbitals.coefficients
    padded = xp.concatenate([rows, xp.zeros_like(rows[:, :1])], axis=1)
    return xp.take(padded, orbitals.grid.square_indices, axis=1)


def density_of(amplitudes: Any, along_y: Array, along_x: Array, xp: Any = np) -> Any:
    """Sum of squares of functions with sine coefficients (b, n_fine^2, m), at the pixels."""
    n = along_y.shape[1]
    if n > _MANY_HALF_WAVES:
        functions = xp.swapaxes(amplitudes, 1, 2).reshape(*amplitudes.shape[::2], n, n)
        return ((along_y @ functions @ along_x.T) ** 2).sum(axis=1)
    # (b, a), (b', a') to (b, b'), (a, a'): products of sines along y, products along x.
    matrix = (amplitudes @ xp.swapaxes(amplitudes, 1, 2)).reshape(-1, n, n, n, n)
    matrix = xp.swapaxes(matrix, 2, 3).reshape(-1, n * n, n * n)
    pairs = [
        xp.asarray((sines[:, :, None] * sines[:, None, :]).reshape(-1, n * n), dtype=matrix.dtype)
        for sines in (along_y, along_x)
    ]
    # In single precision a vanishing sum of squares may come out negative.
    return xp.maximum(pairs[0] @ matrix @ pairs[1].T, 0.0)


def _hamiltonian(grid: PairGrid, cosines: Any, side: float, xp: Any) -> Any:
    """Matrix of -1/2 laplacian + V between the functions P and Q, shape (b, f, f)."""
    flat = cosines.reshape(cosines.shape[0], -1)
    both, minus_plus, plus_minus, neither = (xp.take(flat, k, axis=1) for k in grid.cosine_indices)
    kinetic = xp.asarray(np.diag(grid.kinetic * (np.pi / side) ** 2), dtype=flat.dtype)
    return both - minus_plus - plus_minus + neither + kinetic


def _inverse_root(x: Any, xp: Any) -> Any:
    """(1 + x^T x)^(-1/2), as 1 - x^T (M + M^(1/2))^(-1) x with the smaller M = 1 + x x^T."""
    outer, inner = (xp.eye(size, dtype=x.dtype) for size in x.shape[1:])
    excess = x @ xp.swapaxes(x, 1, 2)
    inverse = xp.linalg.solve(outer + excess + _root(excess, xp), x)
    return inner - xp.swapaxes(x, 1, 2) @ inverse


def _root(excess: Any, xp: Any) -> Any:
    """(1 + excess)^(1/2) by the coupled Newton-Schulz iteration, for small positive `excess`."""
    unit = xp.eye(excess.shape[-1], dtype=excess.dtype)
    # Between its ends 1 and 1 + bound the spectrum is centred on 1, or the iteration could diverge.
    centre = 1.0 + 0.5 * xp.abs(excess).sum(axis=-1).max(axis=-1)[:, None, None]
    root, inverse = (unit + excess) / centre, unit
    for _ in range(_ROOT_STEPS):
        factor = 1.5 * unit - 0.5 * inverse @ root
        root, inverse = root @ factor, factor @ inverse
    return root * xp.sqrt(centre)


# The error of a grid of spacing h falls as h^p, so that the difference of two grids is that of the
# coarser one up to 1 - (h / h')^p: L. F. Richardson and J. A. Gaunt, Phil. Trans. R. Soc. A 226,
# 299 (1927), doi:10.1098/rsta.1927.0008. Measured over six families at n = 10 to 18.

#: Powers of the spacing that errors of densities and energies fall with.
DENSITY_ORDER, ENERGY_ORDER = 6, 5

#: How many points more along a side the grid has that a solution is compared with afterwards.
FINER = 4


def extrapolation(n_coarse: int, n_fine: int, order: int) -> float:
    """Error of the finer of two results that differ by 1, on n x n points in one window."""
    return float(1.0 / (((n_fine + 1) / (n_coarse + 1)) ** order - 1.0))


def error_by_finer(
    n: int, energy: float, density: float, gap: float, exchange: float
) -> LabelError:
    """Errors of a result on n x n points, from its differences to n + `FINER` points a side."""
    # Energies in Ha*; `density` is the integral of the absolute difference, per electron.
    of_energy = 1.0 + extrapolation(n, n + FINER, ENERGY_ORDER)
    of_density = 1.0 + extrapolation(n, n + FINER, DENSITY_ORDER)
    return LabelError(
        of_energy * energy, of_density * density, of_energy * gap, of_energy * exchange
    )


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
