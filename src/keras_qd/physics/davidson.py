"""Lowest eigenvalues of a large symmetric matrix that is known by its action alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from keras_qd.errors import PhysicsError

Array = NDArray[np.float64]

#: Roots this close above the lowest, in the unit of the matrix, are held to the strict tolerance as well:
#: what is left of one would else leak into the other.
_CLUSTER = 0.02

#: Residual norm of the other roots, of which the eigenvalue alone matters.
_LOOSE_TOLERANCE = 3e-4


def davidson(
    apply: Callable[[Array], Array],
    precondition: Callable[[Array, Array], Array],
    starts: Array,
    n_roots: int,
    *,
    tolerance: float = 1e-6,
    lowest: float = np.inf,
    ceiling: float = np.inf,
    max_iterations: int = 200,
) -> tuple[Array, Array]:
    """Find the lowest eigenvalues and eigenvectors by block Davidson iteration [1]_.

    All wanted roots are improved together in one subspace, which starts from all the given vectors: a root
    that is nearly degenerate with another one, or hidden from one start by symmetry, is found from the others.

    Parameters
    ----------
    apply : callable
        Maps rows, shape (k, n), to the matrix times each row.
    precondition : callable
        Maps residuals, shape (k, n), and their eigenvalues, shape (k,), to corrections: roughly
        ``(value - matrix)^-1 residual``.
    starts : ndarray, shape (k, n)
        Start vectors, at least `n_roots` of them and linearly independent.
    n_roots : int
        How many eigenvalues, from the lowest.
    tolerance : float, default 1e-6
        Largest residual norm ``|A x - e x|`` of the lowest root and of those in its neighbourhood; the
        eigenvalue is then good to about its square. Roots above it need only 3e-4.
    lowest : float, default inf
        A smaller value than the lowest eigenvalue, known from elsewhere: no root above its neighbourhood needs the
        strict tolerance.
    ceiling : float, default inf
        Roots are of no interest above this value: they are left as they are once ``e - |residual|``
        is above it.
    max_iterations : int, default 200
        Blocks of new directions before giving up.

    Returns
    -------
    values : ndarray, shape (n_roots,)
    vectors : ndarray, shape (n_roots, n)
        Orthonormal rows.

    Raises
    ------
    PhysicsError
        If the iteration does not converge.

    References
    ----------
    .. [1] E. R. Davidson, J. Comput. Phys. 17, 87 (1975), doi:10.1016/0021-9991(75)90065-0;
       M. Crouzeix, B. Philippe and M. Sadkane, SIAM J. Sci. Comput. 15, 62 (1994), doi:10.1137/0915004.
    """
    largest_subspace = max(8 * n_roots, starts.shape[0]) + 4 * n_roots
    space = _orthonormal(starts, np.empty((0, starts.shape[1])))
    images = apply(space)
    for _ in range(max_iterations):
        values, mixing = eigh(space @ images.T, check_finite=False)
        values, lowest_mixing = values[:n_roots], mixing[:, :n_roots].T
        vectors = lowest_mixing @ space
        residuals = lowest_mixing @ images - values[:, None] * vectors
        norms = np.linalg.norm(residuals, axis=1)
        strict = values <= min(values[0], lowest) + _CLUSTER
        allowed = np.where(strict, tolerance, max(tolerance, _LOOSE_TOLERANCE))
        wanted = (norms > allowed) & (values - norms < ceiling)
        if not wanted.any():
            return values, vectors
        new = precondition(residuals[wanted], values[wanted])
        if space.shape[0] + new.shape[0] > largest_subspace:
            kept = mixing[:, : 2 * n_roots + 1].T
            space, images = kept @ space, kept @ images
        new = _orthonormal(new, space)
        space, images = np.vstack([space, new]), np.vstack([images, apply(new)])
    raise PhysicsError(
        f"the eigenvalue solver did not converge in {max_iterations} iterations: residuals {norms} are above "
        f"{tolerance}; use fewer orbitals or a looser tolerance"
    )


def _orthonormal(vectors: Array, space: Array) -> Array:
    """Part of the vectors orthogonal to the rows of the space, orthonormalised; dependent ones fall out."""
    kept = np.empty((0, vectors.shape[1]))
    for start in vectors:
        vector = start
        # Twice is enough: W. Kahan, in B. N. Parlett, The Symmetric Eigenvalue Problem (1980).
        for _ in range(2):
            vector = vector - (space @ vector) @ space
            vector = vector - (kept @ vector) @ kept
        norm = np.linalg.norm(vector)
        if norm > 1e-8 * np.linalg.norm(start):
            kept = np.vstack([kept, vector / norm])
    return kept
