"""Sine functions of the hard-wall box, matrix elements of a potential, and orbitals in them.

The box is [0, pi] x [0, pi], and its sine functions are

    s_ab(x, y) = (2 / pi) sin(a x) sin(b y),    a, b = 1, 2, ...,  a^2 + b^2 <= n_max^2 + 1.

The circular cut keeps all functions up to one kinetic energy, so that no direction is preferred.
A potential at the pixel centres represents its cosine interpolant. The product of two sines is a
sum of cosines, so that matrix elements are gathered from the cosine coefficients of the potential
[1]_.

References
----------
.. [1] D. T. Colbert and W. H. Miller, J. Chem. Phys. 96, 1982 (1992), doi:10.1063/1.462100 (sine
   functions and grids); the sums over cosines are elementary.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from keras_qd.errors import PhysicsError
from keras_qd.physics.box import Box

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SineBasis:
    """Sine functions of up to `n_max` half waves within the circular cut, on a pixel grid."""

    n_max: int
    n_pixels: int

    @cached_property
    def half_waves(self) -> NDArray[np.intp]:
        """Half waves (b along y, a along x) of each function, shape (n_functions, 2)."""
        b, a = np.mgrid[1 : self.n_max + 1, 1 : self.n_max + 1]
        inside = a**2 + b**2 <= self.n_max**2 + 1
        return np.stack([b[inside], a[inside]], axis=1).astype(np.intp)

    @cached_property
    def kinetic(self) -> Array:
        """Kinetic energies (a^2 + b^2) / 2, shape (n_functions,)."""
        return np.asarray(0.5 * (self.half_waves**2).sum(axis=1), dtype=np.float64)

    @cached_property
    def sines(self) -> Array:
        """sqrt(2 / pi) sin(a x_i), shape (n_pixels, n_max)."""
        return sine_matrix(self.n_max, self.n_pixels)

    @cached_property
    def _averaging_cosines(self) -> Array:
        # Cosines that the grid aliases to lower ones do not occur in the interpolant.
        order = np.arange(2 * self.n_max + 1)
        cosines = cosine_matrix(2 * self.n_max, self.n_pixels) / self.n_pixels
        return np.asarray(np.where(order < self.n_pixels, cosines, 0.0))

    @cached_property
    def _gather(self) -> tuple[NDArray[np.intp], ...]:
        """Flat indices of the four cosines in each product of two sines."""
        b, a = self.half_waves.T
        minus_y, plus_y = np.abs(b[:, None] - b), b[:, None] + b
        minus_x, plus_x = np.abs(a[:, None] - a), a[:, None] + a
        n_cosines = 2 * self.n_max + 1
        return tuple(
            (y * n_cosines + x)
            for y, x in [(minus_y, minus_x), (minus_y, plus_x), (plus_y, minus_x), (plus_y, plus_x)]
        )

    def potential_matrix(self, potential: Array) -> Array:
        """Matrix elements ``<ab|V|cd>`` of a potential at the pixel centres, y first."""
        cosines = (self._averaging_cosines.T @ potential @ self._averaging_cosines).ravel()
        both, minus_plus, plus_minus, neither = self._gather
        matrix = cosines[both] - cosines[minus_plus]
        matrix -= cosines[plus_minus]
        matrix += cosines[neither]
        return np.asarray(matrix)

    def as_grids(self, coefficients: Array) -> Array:
        """Spread coefficients (n_functions, m) of the functions over (b, a) squares (m, n, n)."""
        squares = np.zeros((coefficients.shape[1], self.n_max, self.n_max))
        b, a = self.half_waves.T - 1
        squares[:, b, a] = coefficients.T
        return squares

    def values(self, coefficients: Array, n_pixels: int | None = None) -> Array:
        """Evaluate expansions (n_functions, m) at the pixel centres: (m, n_pixels, n_pixels)."""
        sines = self.sines if n_pixels is None else sine_matrix(self.n_max, n_pixels)
        return np.asarray(sines @ self.as_grids(coefficients) @ sines.T)

    def outside(self, fields: Array) -> tuple[Array, Array]:
        """Components (m, k) of fields (m, n, n) outside the cut, and kinetic energies (k,)."""
        n = self.n_pixels
        sines = sine_matrix(n - 1, n) * (np.pi / n)
        indices, kinetic = self._left_out
        return (sines.T @ fields @ sines).reshape(-1, (n - 1) ** 2)[:, indices], kinetic

    @cached_property
    def _left_out(self) -> tuple[NDArray[np.intp], Array]:
        """Flat indices (b, a) and kinetic energies of the functions that only the grid holds."""
        b, a = np.mgrid[1 : self.n_pixels, 1 : self.n_pixels]
        squares = (a**2 + b**2).ravel()
        indices = np.flatnonzero(squares > self.n_max**2 + 1)
        return indices, 0.5 * squares[indices].astype(np.float64)


@lru_cache(maxsize=16)
def sine_basis(n_max: int, n_pixels: int) -> SineBasis:
    """Return a cached basis."""
    return SineBasis(n_max, n_pixels)


@lru_cache(maxsize=32)
def sine_matrix(n_max: int, n_pixels: int) -> Array:
    """sqrt(2 / pi) sin(a x_i) at pixel centres, shape (n_pixels, n_max)."""
    x = (np.arange(n_pixels) + 0.5) * (np.pi / n_pixels)
    return np.asarray(np.sqrt(2 / np.pi) * np.sin(np.outer(x, np.arange(1, n_max + 1))))


@lru_cache(maxsize=32)
def cosine_matrix(n_max: int, n_pixels: int) -> Array:
    """cos(p x_i) at pixel centres, shape (n_pixels, n_max + 1)."""
    x = (np.arange(n_pixels) + 0.5) * (np.pi / n_pixels)
    return np.cos(np.outer(x, np.arange(n_max + 1)))


@dataclass(frozen=True)
class Orbitals:
    """The lowest orbitals of a potential: energies, and coefficients (n_functions, n_orbitals)."""

    basis: SineBasis
    box: Box
    energies: Array
    coefficients: Array

    def values(self, n_pixels: int | None = None) -> Array:
        """Orbitals at the pixel centres in 1/a0*, shape (n_orbitals, n_pixels, n_pixels)."""
        return self.basis.values(self.coefficients, n_pixels) * (np.pi / self.box.length)


def solve_orbitals(potential: Array, box: Box, basis: SineBasis, n_orbitals: int) -> Orbitals:
    """Solve (-1/2 laplacian + V) phi = e phi with hard walls; largest coefficients are positive."""
    hamiltonian = basis.potential_matrix(potential)
    diagonal = np.einsum("ii->i", hamiltonian)
    diagonal += basis.kinetic * (np.pi / box.length) ** 2
    energies, coefficients = eigh(
        hamiltonian, subset_by_index=(0, n_orbitals - 1), driver="evr", check_finite=False
    )
    largest = np.argmax(np.abs(coefficients), axis=0)
    coefficients *= np.sign(coefficients[largest, np.arange(n_orbitals)])
    return Orbitals(basis, box, energies, coefficients)


def truncation_errors(orbitals: Orbitals, potential: Array, n_lowest: int) -> tuple[Array, Array]:
    """Energies in Ha* and norms that the functions left out have in the lowest orbitals."""
    # Second order in the coupling to the functions that the grid holds and the basis does not,
    # sum_k <k|V|phi>^2 / (T_k + mean V - e): P.-O. Loewdin, J. Chem. Phys. 19, 1396 (1951),
    # doi:10.1063/1.1748067, with the mean potential for each of them.
    unit = (np.pi / orbitals.box.length) ** 2
    lowest = orbitals.coefficients[:, :n_lowest]
    components, kinetic = orbitals.basis.outside(potential * orbitals.basis.values(lowest))
    distance = kinetic * unit + potential.mean() - orbitals.energies[:n_lowest, None]
    # Where V is so rough that the functions left out lie lower, the bare kinetic distance is the
    # safe one.
    distance = np.maximum(distance, 0.25 * kinetic * unit)
    energies, squares = components**2 / distance, (components / distance) ** 2
    return energies.sum(axis=1), np.sqrt(squares.sum(axis=1))


#: Length in wavelengths of the shortest sine that edges have to be blurred over.
_BLUR = 1.0

#: Half waves along one direction that are tried in turn.
_SIZES = (16, 20, 24, 28, 32)


def largest_orbitals(
    potential: Array, box: Box, n_orbitals: int, n_checked: int, tolerance: float
) -> tuple[Orbitals, Array]:
    """Orbitals in the first basis that is good enough, or the last one, and errors of energies."""
    n_pixels = potential.shape[0]
    sizes = [n_max for n_max in _SIZES if n_max < n_pixels] or [n_pixels - 1]
    bases = [sine_basis(n_max, n_pixels) for n_max in sizes]
    if bases[-1].kinetic.size < n_orbitals:
        raise PhysicsError(
            f"a grid of {n_pixels} x {n_pixels} pixels cannot hold {n_orbitals} orbitals; "
            "use more pixels"
        )
    for basis in bases:
        if basis.kinetic.size < n_orbitals:
            continue
        orbitals = solve_orbitals(potential, box, basis, n_orbitals)
        errors = truncation_errors(orbitals, potential, n_checked)[0]
        if errors.max() <= tolerance:
            break
    return orbitals, errors


def grow_orbitals(
    potential: Array, box: Box, n_orbitals: int, n_checked: int, tolerance: float
) -> Orbitals:
    """Enlarge the basis until the lowest `n_checked` orbitals err by less than the tolerance."""
    orbitals, errors = largest_orbitals(potential, box, n_orbitals, n_checked, tolerance)
    error = errors.max()
    if error <= tolerance:
        return orbitals
    n_max = orbitals.basis.n_max
    raise PhysicsError(
        f"the potential is too sharp for configuration interaction in orbitals: {n_max} half waves "
        f"a side leave an error of about {error:.1g} Ha* in their energies, and {tolerance:.1g} is "
        "allowed; leave n_orbitals out, which solves sharp potentials, blur the potential with "
        f"smooth={_BLUR * box.length / n_max:.1g} (in a0*), or allow it with "
        f"basis_tolerance={2 * error:.1g}"
    )
