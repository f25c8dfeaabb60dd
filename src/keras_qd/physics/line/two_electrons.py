r"""Two interacting electrons on a line, exactly on the grid.

The wave function on the pairs of nodes is a matrix :math:`\Psi`, symmetric for the singlet and
antisymmetric for the triplet, and the Hamiltonian acts as

.. math:: \Psi \mapsto h \Psi + \Psi h + W \circ \Psi

with the one-electron Hamiltonian h and the interaction W at every pair of nodes. Davidson's
iteration [1]_ finds the lowest eigenvector; in the eigenbasis of h all but the interaction is
diagonal, which makes the correction of the residual cheap and good. It starts from several of
the lowest states among the products of a few orbitals: from the lowest product alone it would
sometimes converge to an excited state, such as both electrons in the deeper of two wells.

References
----------
.. [1] E. R. Davidson, "The iterative calculation of a few of the lowest eigenvalues and
   corresponding eigenvectors of large real-symmetric matrices", J. Comput. Phys. 17, 87 (1975),
   https://doi.org/10.1016/0021-9991(75)90065-0
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.physics.davidson import davidson
from keras_qd.physics.levels import DEGENERACY

#: Name -> interaction in Ha* at a distance and with a softening length, both in a0*.
INTERACTIONS: dict[str, Callable[[NDArray[np.float64], float], NDArray[np.float64]]] = {
    "none": lambda distance, softening: np.zeros_like(distance),
    "soft-coulomb": lambda distance, softening: 1.0 / np.sqrt(distance**2 + softening**2),
    "cusp-coulomb": lambda distance, softening: 1.0 / (distance + softening),
}


def interaction_matrix(
    name: str, n_points: int, length: float, softening: float, strength: float
) -> NDArray[np.float64]:
    """Interaction in Ha* of electrons at each pair of nodes; see `keras_qd.physics.solve_1d`."""
    if name not in INTERACTIONS:
        raise UnknownNameError("interaction on a line", name, INTERACTIONS)
    if not (softening > 0 and strength >= 0):
        raise UsageError(
            f"softening={softening!r} must be positive and strength={strength!r} not negative"
        )
    nodes = np.arange(1, n_points + 1) * (length / (n_points + 1))
    return strength * INTERACTIONS[name](np.abs(nodes[:, None] - nodes), softening)


#: Norm of the residual in Ha* at which the iteration ends; the energy's error is its square.
TOLERANCE = 1e-7
#: Number of levels that are solved for: more where the first are degenerate.
N_LEVELS = (2, 4, 8)
#: Number of orbitals whose products the iteration starts from.
N_START_ORBITALS = 8


def lowest_pair_levels(
    hamiltonian: NDArray[np.float64], interaction: NDArray[np.float64], *, triplet: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest levels of one spin: energies (k,) and wave functions (k, points, points), norm 1.

    There is at least one level beyond those that are degenerate with the lowest, if it exists.
    """
    problem = _PairProblem(hamiltonian, interaction, triplet)
    starts = problem.starts()
    for n_levels in N_LEVELS:
        found = min(n_levels, max(1, len(starts) - 1))
        energies, vectors = davidson(
            problem.apply, problem.correct, starts, found, tolerance=TOLERANCE
        )
        if found < n_levels or energies[-1] - energies[0] >= DEGENERACY:
            break
    shape = problem.pair_levels.shape
    return energies, problem.orbitals @ vectors.reshape(-1, *shape) @ problem.orbitals.T


class _PairProblem:
    """The pair Hamiltonian in the eigenbasis of the one-electron Hamiltonian."""

    def __init__(
        self, hamiltonian: NDArray[np.float64], interaction: NDArray[np.float64], triplet: bool
    ) -> None:
        levels, self.orbitals = np.linalg.eigh(hamiltonian)
        self.interaction = interaction
        self.pair_levels = levels[:, None] + levels
        self.sign = -1.0 if triplet else 1.0
        densities = self.orbitals**2
        self.diagonal = self.pair_levels + densities.T @ interaction @ densities

    def apply(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the Hamiltonian times rows of coefficients of products."""
        squares = vectors.reshape(-1, *self.pair_levels.shape)
        on_grid = (self.orbitals @ squares @ self.orbitals.T) * self.interaction
        images = self.orbitals.T @ on_grid @ self.orbitals + self.pair_levels * squares
        return np.asarray(images.reshape(vectors.shape))

    def correct(
        self, residuals: NDArray[np.float64], energies: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Davidson's corrections, in the sector of the right symmetry."""
        squares = residuals.reshape(-1, *self.pair_levels.shape)
        distance = self.diagonal - energies[:, None, None]
        steps = self._symmetrised(squares / np.where(np.abs(distance) < 1e-3, 1e-3, distance))
        return steps.reshape(residuals.shape)

    def starts(self) -> NDArray[np.float64]:
        """Lowest states among the products of a few orbitals, as rows of coefficients."""
        few = min(N_START_ORBITALS, len(self.orbitals))
        chosen = self.orbitals[:, :few]
        pairs = (chosen[:, :, None] * chosen[:, None, :]).reshape(len(chosen), few**2)
        repulsion = (pairs.T @ self.interaction @ pairs).reshape(few, few, few, few)
        hamiltonian = repulsion.swapaxes(1, 2).reshape(few**2, few**2)
        hamiltonian += np.diag(self.pair_levels[:few, :few].ravel())
        rows, columns = np.tril_indices(few, k=-1 if self.sign < 0 else 0)
        products = np.zeros((len(rows), few, few))
        products[np.arange(len(rows)), rows, columns] = 1.0
        products = self._symmetrised(products)
        products /= np.sqrt(np.sum(products**2, axis=(1, 2), keepdims=True))
        flat = products.reshape(len(rows), few**2)
        _, weights = np.linalg.eigh(flat @ hamiltonian @ flat.T)
        lowest = (weights[:, : N_LEVELS[-1] + 2].T @ flat).reshape(-1, few, few)
        beyond = len(self.orbitals) - few
        return np.pad(lowest, ((0, 0), (0, beyond), (0, beyond))).reshape(len(lowest), -1)

    def _symmetrised(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        return 0.5 * (vector + self.sign * vector.swapaxes(-1, -2))
