r"""The interaction as two matrices: between singlet pairs and between triplet pairs of electrons.

Two electrons in orbitals i, k have the spatial states ``(|ik> + |ki>) / sqrt 2`` (``|ii>`` where
i = k) when their spins form a singlet, and ``(|ik> - |ki>) / sqrt 2`` when they form a triplet. The
interaction does not mix the two kinds:

.. math:: W^\pm_{ik,jl} = n_{ik} n_{jl} [(ij|kl) \pm (il|kj)],
   \quad n_{ik} = 1,\; n_{ii} = 1/\sqrt 2 .

For two electrons these matrices and the orbital energies are the Hamiltonian; for more, every pair
of electrons is acted on by them (see `determinants`). The integrals (ij|kl) are in the chemists'
order, as in A. Szabo and N. S. Ostlund, "Modern Quantum Chemistry" (Dover, 1996), section 2.3,
ISBN 978-0-486-69186-2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk, dtrmm

from keras_qd.physics.interactions import Interaction
from keras_qd.physics.sine_basis import Orbitals, cosine_matrix, sine_matrix

Array = NDArray[np.float64]


def centre_of_mass_integral(first: NDArray[np.intp], second: NDArray[np.intp], u: Array) -> Array:
    """Integrate products of two cosines of one parity over their centre of mass, shape (k, m)."""
    # g(u) = 2 int_0^{pi-u} [cos(p (x + u)) cos(p' x) + cos(p x) cos(p' (x + u))] / 2 dx
    # = -(sin pu + sin p'u) / (p + p') - (sin pu - sin p'u) / (p - p'), and its limits where p = p'.
    p, q = first[:, None], second[:, None]
    sine_p, sine_q = np.sin(p * u), np.sin(q * u)
    same, zero = p == q, p + q == 0
    plus = (sine_p + sine_q) / np.where(zero, 1, p + q)
    minus = (sine_p - sine_q) / np.where(same, 1, p - q)
    values = np.where(same, (np.pi - u) * np.cos(p * u), -minus) - plus
    return np.asarray(np.where(zero, 2 * (np.pi - u), values))


@dataclass(frozen=True)
class ParityBlock:
    """W among the cosines of one parity: their flat (q, p), and its lower Cholesky factor."""

    # (q, p) in a square of 2 n_max + 1 a side; the factor is in Fortran order.

    indices: NDArray[np.intp]
    factor: Array


@lru_cache(maxsize=8)
def interaction_table(interaction: Interaction, n_max: int) -> tuple[ParityBlock, ...]:
    """Interaction between products of up to n_max half waves in a box of side pi: four blocks."""
    # Products of sines have no cosines beyond p^2 + q^2 = 4 (n_max^2 + 1).
    quadrature = _duffy_quadrature(interaction, n_max)
    return tuple(
        _parity_block(quadrature, n_max, parity_y, parity_x)
        for parity_y in (0, 1)
        for parity_x in (0, 1)
    )


def _duffy_quadrature(interaction: Interaction, n_max: int) -> tuple[Array, Array, Array]:
    """Return s, t and weights such that the integral of f(u, v) is sum f(s, s t) + f(s t, s)."""
    # Panels double in size from the interaction's own length on; nodes follow the phase of the
    # cosines.
    edges = [np.pi]
    while interaction.length is not None and edges[0] > 2 * interaction.length and len(edges) < 40:
        edges.insert(0, edges[0] / 2)
    panels = [
        _gauss_legendre(low, high, 20 + int(np.ceil(2 * n_max * (high - low))))
        for low, high in zip([0.0, *edges], edges, strict=False)
    ]
    s = np.concatenate([nodes for nodes, _ in panels])
    s_weights = np.concatenate([weights for _, weights in panels])
    t, t_weights = _gauss_legendre(0.0, 1.0, 20 + int(np.ceil(np.pi * n_max)))
    distances = s[:, None] * np.sqrt(1 + t**2)
    return s, t, interaction(distances) * (s * s_weights)[:, None] * t_weights


def _gauss_legendre(low: float, high: float, n: int) -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return low + (high - low) * (nodes + 1) / 2, weights * (high - low) / 2


def _parity_block(
    quadrature: tuple[Array, Array, Array], n_max: int, parity_y: int, parity_x: int
) -> ParityBlock:
    far_y, near_y = _along_one_direction(quadrature, n_max, parity_y)
    far_x, near_x = _along_one_direction(quadrature, n_max, parity_x)
    pairs = far_y @ near_x.T + near_y @ far_x.T
    orders_y, orders_x = _orders(n_max, parity_y), _orders(n_max, parity_x)
    q, p = (grid.ravel() for grid in np.meshgrid(orders_y, orders_x, indexing="ij"))
    inside = q**2 + p**2 <= 4 * (n_max**2 + 1)
    q, p = q[inside], p[inside]
    table = pairs[_pair_index(q[:, None] // 2, q // 2), _pair_index(p[:, None] // 2, p // 2)]
    # W is positive, but down to rounding for interactions that are smooth on the scale of the
    # cosines.
    np.einsum("ii->i", table)[:] += 1e-12 * table.diagonal().max()
    indices = q * (2 * n_max + 1) + p
    return ParityBlock(indices, np.asfortranarray(np.linalg.cholesky(table)))


def _along_one_direction(
    quadrature: tuple[Array, Array, Array], n_max: int, parity: int
) -> tuple[Array, Array]:
    """Return g at the distances s, and g at s t summed over t, for all pairs of one parity."""
    s, t, weights = quadrature
    orders = _orders(n_max, parity)
    first, second = np.tril_indices(orders.size)
    first, second = orders[first], orders[second]
    far = centre_of_mass_integral(first, second, s)
    near = [
        centre_of_mass_integral(first, second, distance * t) @ row
        for distance, row in zip(s, weights, strict=True)
    ]
    return far, np.stack(near, axis=1)


def _orders(n_max: int, parity: int) -> NDArray[np.intp]:
    return np.arange(parity, 2 * n_max + 1, 2, dtype=np.intp)


def _pair_index(first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.intp]:
    high, low = np.maximum(first, second), np.minimum(first, second)
    return np.asarray(high * (high + 1) // 2 + low)


def pair_integrals(squares: Array, interaction: Interaction) -> Array:
    """Integrals (ij|kl) of orbitals (m, n_max, n_max) in the box [0, pi]^2, pairs i >= j a side."""
    # Pairs are in the order of `numpy.tril_indices`; the upper triangle alone is filled.
    blocks = interaction_table(interaction, squares.shape[-1])
    cosines = _pair_cosines(squares, [block.indices for block in blocks])
    integrals = np.zeros((cosines[0].shape[0],) * 2, order="F")
    for block, half in zip(blocks, cosines, strict=True):
        # Row-major (pairs, cosines) is Fortran's (cosines, pairs): BLAS works in place.
        factored = dtrmm(1.0, block.factor, half.T, lower=1, trans_a=1, overwrite_b=1)
        integrals = dsyrk(1.0, factored, trans=1, beta=1.0, c=integrals, overwrite_c=1)
    return integrals


def _pair_cosines(squares: Array, indices: list[NDArray[np.intp]]) -> list[Array]:
    """Cosine coefficients of the products of orbitals i >= j, shape (pairs, k)."""
    sines, averages = product_grid(squares.shape[-1])
    values = sines @ squares @ sines.T
    n_orbitals, n_points, _ = values.shape
    cosines = [np.empty((n_orbitals * (n_orbitals + 1) // 2, k.size)) for k in indices]
    # One row of pairs at a time stays in the cache: all at once takes twice as long.
    for i in range(n_orbitals):
        products = values[: i + 1] * values[i]
        along_x = (products.reshape(-1, n_points) @ averages).reshape(products.shape)
        along_y = (averages.T @ along_x).reshape(i + 1, -1)
        rows = slice(i * (i + 1) // 2, (i + 1) * (i + 2) // 2)
        for block, k in zip(cosines, indices, strict=True):
            # Other than indexing, this writes directly; "clip" spares it a copy in case of error.
            np.take(along_y, k, axis=1, out=block[rows], mode="clip")
    return cosines


@lru_cache(maxsize=8)
def product_grid(n_max: int) -> tuple[Array, Array]:
    """Sines on a grid that resolves all cosines of their products, and its cosine transform."""
    n_points = 2 * n_max + 1
    averages = cosine_matrix(2 * n_max, n_points) * (2 / n_points)
    averages[:, 0] /= 2
    return sine_matrix(n_max, n_points), averages


Indices = NDArray[np.intp]


@dataclass(frozen=True)
class PairInteraction:
    """Interaction in Ha* between the pairs of `singlet_pairs` and of `triplet_pairs`."""

    singlet: Array
    triplet: Array


def singlet_pairs(n_orbitals: int) -> tuple[Indices, Indices]:
    """Orbitals i >= k of each symmetric pair; the first pairs are those of the lowest orbitals."""
    return np.tril_indices(n_orbitals)


def triplet_pairs(n_orbitals: int) -> tuple[Indices, Indices]:
    """Orbitals i > k of each antisymmetric pair, in the same order."""
    return np.tril_indices(n_orbitals, -1)


def pair_interaction(
    orbitals: Orbitals, interaction: Interaction, strength: float = 1.0
) -> PairInteraction:
    """Matrix elements of an interaction, lengths in a0*, between all pairs of orbitals."""
    unit = np.pi / orbitals.box.length
    squares = orbitals.basis.as_grids(orbitals.coefficients)
    integrals = pair_integrals(squares, interaction.scaled(unit))
    integrals *= strength * unit
    return _between_pairs(integrals, orbitals.energies.size)


def pair_interaction_on_points(points: Array, interaction: Array) -> PairInteraction:
    """Matrix elements between all pairs of orbitals that are given on points, shape (g, m)."""
    i, j = singlet_pairs(points.shape[1])
    products = points[:, i] * points[:, j]
    return _between_pairs(products.T @ interaction @ products, points.shape[1])


def _between_pairs(integrals: Array, n_orbitals: int) -> PairInteraction:
    """Sort integrals (ij|kl), of which the upper triangle is used, into the two matrices."""
    flat = integrals.ravel(order="F")
    direct, exchange, weights = _singlet_indices(n_orbitals)
    singlet = (flat[direct] + flat[exchange]) * weights
    direct, exchange = _triplet_indices(n_orbitals)
    return PairInteraction(singlet, flat[direct] - flat[exchange])


@lru_cache(maxsize=8)
def _singlet_indices(n_orbitals: int) -> tuple[Indices, Indices, Array]:
    pairs = singlet_pairs(n_orbitals)
    norms = np.where(pairs[0] == pairs[1], np.sqrt(0.5), 1.0)
    return *_integral_indices(pairs), np.outer(norms, norms)


@lru_cache(maxsize=8)
def _triplet_indices(n_orbitals: int) -> tuple[Indices, Indices]:
    return _integral_indices(triplet_pairs(n_orbitals))


def _integral_indices(pairs: tuple[Indices, Indices]) -> tuple[Indices, Indices]:
    """Flat indices of (ij|kl) and (il|kj) in the upper triangle, for rows ik and columns jl."""
    i, k = (row[:, None] for row in pairs)
    j, ell = pairs
    n_pairs = int(max(i.max(initial=0), 0)) + 1
    n_pairs = n_pairs * (n_pairs + 1) // 2
    return _flat_index(i, j, k, ell, n_pairs), _flat_index(i, ell, k, j, n_pairs)


def _flat_index(i: Indices, j: Indices, k: Indices, ell: Indices, n_pairs: int) -> Indices:
    first = np.maximum(i, j) * (np.maximum(i, j) + 1) // 2 + np.minimum(i, j)
    second = np.maximum(k, ell) * (np.maximum(k, ell) + 1) // 2 + np.minimum(k, ell)
    return np.asarray(np.minimum(first, second) + n_pairs * np.maximum(first, second))
