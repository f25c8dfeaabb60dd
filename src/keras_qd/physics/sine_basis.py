"""Sine functions of the hard-wall box, and matrix elements of a potential between them.

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
