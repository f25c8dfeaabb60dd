"""Smooth potentials: the cosines of the box up to a circle in wave-vector space."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.sine_basis import cosine_matrix

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """Fields ``sum_pq c_pq cos(p pi x / L) cos(q pi y / L)`` with ``p^2 + q^2 <= half_waves^2``.

    Parameters
    ----------
    half_waves : int
        Radius of the circle: the largest number of half waves along the side of the box.
    n_pixels : int
        Pixels along the side of the grid, more than `half_waves`.
    """

    half_waves: int
    n_pixels: int

    @cached_property
    def orders(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Half waves q along y and p along x of each cosine; the constant comes first."""
        q, p = np.mgrid[0 : self.half_waves + 1, 0 : self.half_waves + 1]
        inside = q**2 + p**2 <= self.half_waves**2
        return q[inside], p[inside]

    @property
    def cosines(self) -> Array:
        """cos(p x_i), shape (n_pixels, half_waves + 1)."""
        return cosine_matrix(self.half_waves, self.n_pixels)

    @cached_property
    def roughness(self) -> Array:
        """Weight ``(1 + (p^2 + q^2) / 16)^2`` of each cosine in the penalty on rough potentials."""
        q, p = self.orders
        return np.asarray((1 + (q**2 + p**2) / 16) ** 2, dtype=np.float64)

    def coefficients(self, field: Array) -> Array:
        """Coefficients of the part of a field that lies in the band."""
        squares = self.cosines.T @ field @ self.cosines * (2 / self.n_pixels) ** 2
        squares[0] /= 2
        squares[:, 0] /= 2
        return np.asarray(squares[self.orders])

    def field(self, coefficients: Array) -> Array:
        """Evaluate at the pixel centres, shape (n_pixels, n_pixels)."""
        squares = np.zeros((self.half_waves + 1, self.half_waves + 1))
        squares[self.orders] = coefficients
        return np.asarray(self.cosines @ squares @ self.cosines.T)
