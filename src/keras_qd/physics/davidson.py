"""Lowest eigenvalues of a large symmetric matrix, given as a matrix-vector product."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PhysicsError

Array = NDArray[np.float64]

#: Roots this close above the lowest, in the unit of the matrix, must reach the strict tolerance as
#: well, since the residual of one would mix into the other.
_CLUSTER = 0.02

#: Residual norm of the other roots, of which only the eigenvalue matters. 1e-3 would do for it, but
#: a root hidden close below another one appears only as that one converges.
_LOOSE_TOLERANCE = 1e-5

#: Residual norm of one more root, in case it turns out to lie below the wanted ones.
_GUARD_TOLERANCE = 3e-2


def davidson(
    apply: Callable[[Array], Array],
    precondition: Callable[[Array, Array], Array],
    starts: Array,
    n_roots: int,
    *,
    tolerance: float = 1e-6,
    lowest: float = np.inf,
    max_iterations: int = 200,
) -> tuple[Array, Array]:
    """Return the lowest eigenvalues (k,) and eigenvectors (k, n) of a symmetric n x n matrix."""
    # `apply` maps rows (k, n) to the matrix times each row; `precondition` maps residuals (k, n)
    # and their eigenvalues (k,) to roughly (value - matrix)^-1 residual. All wanted roots and one
    # more are improved together in one subspace that starts from all `starts` (k, n), more than
    # n_roots, so that a root that is nearly degenerate, or hidden from one start by symmetry, is
    # found from the others. `tolerance` bounds |A x - e x| of the lowest root and its neighbours,
    # or of the eigenvalue `lowest` known from elsewhere; the error of the eigenvalue is about its
    # square. Roots above need 1e-5. E. R. Davidson, J. Comput. Phys. 17, 87 (1975),
    # doi:10.1016/0021-9991(75)90065-0; M. Crouzeix, B. Philippe and M. Sadkane, SIAM J. Sci.
    # Comput. 15, 62 (1994), doi:10.1137/0915004.
    subspace = _Subspace(apply, max(16 * n_roots, starts.shape[0]) + 2 * n_roots)
    subspace.extend(starts)
    for _ in range(max_iterations):
        values, mixing = np.linalg.eigh(subspace.projection)
        values, lowest_mixing = values[: n_roots + 1], mixing[:, : n_roots + 1].T
        vectors = lowest_mixing @ subspace.vectors
        residuals = lowest_mixing @ subspace.images - values[:, None] * vectors
        norms = np.linalg.norm(residuals, axis=1)
        strict = values <= min(values[0], lowest) + _CLUSTER
        allowed = np.where(strict, tolerance, max(tolerance, _LOOSE_TOLERANCE))
        allowed[n_roots:] = max(tolerance, _GUARD_TOLERANCE)
        wanted = norms > allowed
        if not wanted.any():
            return values[:n_roots], vectors[:n_roots]
        if subspace.is_full(int(wanted.sum())):
            subspace.contract(mixing[:, : 2 * n_roots + 2].T)
        subspace.extend(precondition(residuals[wanted], values[wanted]))
    raise PhysicsError(
        f"the eigenvalue solver did not converge in {max_iterations} iterations: residuals "
        f"{norms} are above {tolerance}; a potential of high or sharp walls is the usual cause: "
        "lower them, or blur them (--smooth)"
    )


class _Subspace:
    """Orthonormal vectors, their images, and the projection of the matrix."""

    def __init__(self, apply: Callable[[Array], Array], capacity: int) -> None:
        self._apply = apply
        self._capacity = capacity
        self._size = 0

    @property
    def vectors(self) -> Array:
        return self._vectors[: self._size]

    @property
    def images(self) -> Array:
        return self._images[: self._size]

    @property
    def projection(self) -> Array:
        return self._projection[: self._size, : self._size]

    def is_full(self, n_more: int) -> bool:
        return self._size + n_more > self._capacity

    def extend(self, vectors: Array) -> None:
        """Add the components of vectors that are orthogonal to the subspace."""
        if self._size == 0:
            self._vectors = np.empty((self._capacity, vectors.shape[1]))
            self._images = np.empty_like(self._vectors)
            self._projection = np.empty((self._capacity, self._capacity))
        start = self._size
        for vector in vectors:
            self._add(vector)
        new = slice(start, self._size)
        self._images[new] = self._apply(self._vectors[new])
        overlap = self.images @ self._vectors[new].T
        self._projection[: self._size, new] = overlap
        self._projection[new, : self._size] = overlap.T

    def _add(self, vector: Array) -> None:
        length = np.linalg.norm(vector)
        known = self.vectors
        # Twice is enough: W. Kahan, in B. N. Parlett, The Symmetric Eigenvalue Problem (1980).
        for _ in range(2):
            vector = vector - (known @ vector) @ known
        norm = np.linalg.norm(vector)
        if norm > 1e-8 * length:
            self._vectors[self._size] = vector / norm
            self._size += 1

    def contract(self, mixing: Array) -> None:
        """Replace the vectors by the given combinations."""
        size = mixing.shape[0]
        projection = mixing @ self.projection @ mixing.T
        self._vectors[:size], self._images[:size] = mixing @ self.vectors, mixing @ self.images
        self._projection[:size, :size] = projection
        self._size = size
