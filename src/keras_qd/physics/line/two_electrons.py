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

from keras_qd.errors import PhysicsError, UnknownNameError, UsageError

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
MOST_ITERATIONS = 200
#: Size at which the basis is compressed to its best vectors.
LARGEST_BASIS = 24
#: Number of states that the iteration starts from, and that a compression keeps.
N_STARTS = 4
#: Number of orbitals whose products give those states.
N_START_ORBITALS = 8


def two_electron_ground_state(
    hamiltonian: NDArray[np.float64], interaction: NDArray[np.float64], *, triplet: bool = False
) -> tuple[float, NDArray[np.float64]]:
    """Lowest singlet or triplet: energy and wave function (points, points), normalised to 1."""
    problem = _PairProblem(hamiltonian, interaction, triplet)
    energy, vector = _davidson(problem)
    return energy, problem.orbitals @ vector @ problem.orbitals.T


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

    def apply(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the Hamiltonian times a matrix of coefficients of products."""
        on_grid = self.orbitals @ vector @ self.orbitals.T
        on_grid *= self.interaction
        result: NDArray[np.float64] = self.orbitals.T @ on_grid @ self.orbitals
        result += self.pair_levels * vector
        return result

    def correct(self, residual: NDArray[np.float64], energy: float) -> NDArray[np.float64]:
        """Davidson's correction, in the sector of the right symmetry."""
        denominator = self.diagonal - energy
        step = residual / np.where(np.abs(denominator) < 1e-3, 1e-3, denominator)
        return self._symmetrised(step)

    def starts(self) -> NDArray[np.float64]:
        """Lowest states among the products of a few orbitals, shape (states, points, points)."""
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
        lowest = (weights[:, :N_STARTS].T @ flat).reshape(-1, few, few)
        beyond = len(self.orbitals) - few
        return np.pad(lowest, ((0, 0), (0, beyond), (0, beyond)))

    def _symmetrised(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        return 0.5 * (vector + self.sign * vector.swapaxes(-1, -2))


def _davidson(problem: _PairProblem) -> tuple[float, NDArray[np.float64]]:
    shape = problem.pair_levels.shape
    basis = _Basis(problem)
    for start in problem.starts():
        basis.add(start.ravel())
    for _ in range(MOST_ITERATIONS):
        energy, vector, image = basis.lowest()
        residual = image - energy * vector
        if np.linalg.norm(residual) < TOLERANCE:
            return energy, vector.reshape(shape)
        basis.add(problem.correct(residual.reshape(shape), energy).ravel())
    raise PhysicsError(
        f"two electrons did not converge in {MOST_ITERATIONS} iterations (residual"
        f" {np.linalg.norm(residual):.1e} Ha*); use a finer grid or a longer softening"
    )


class _Basis:
    """Orthonormal vectors, their images, and the projected Hamiltonian."""

    def __init__(self, problem: _PairProblem) -> None:
        self.problem = problem
        self.vectors = np.empty((LARGEST_BASIS, problem.pair_levels.size))
        self.images = np.empty_like(self.vectors)
        self.matrix = np.empty((LARGEST_BASIS, LARGEST_BASIS))
        self.size = 0

    def add(self, vector: NDArray[np.float64]) -> None:
        """Add a vector; compress the basis first if it is full."""
        if self.size == LARGEST_BASIS:
            self._compress()
        n = self.size
        self.vectors[n] = _orthonormalised(vector, self.vectors[:n])
        square = self.vectors[n].reshape(self.problem.pair_levels.shape)
        self.images[n] = self.problem.apply(square).ravel()
        self.matrix[n, : n + 1] = self.vectors[: n + 1] @ self.images[n]
        self.size = n + 1

    def lowest(self) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """Lowest eigenvalue in the basis, its vector and that vector's image."""
        n = self.size
        values, weights = np.linalg.eigh(self.matrix[:n, :n], UPLO="L")
        best = weights[:, 0]
        return float(values[0]), best @ self.vectors[:n], best @ self.images[:n]

    def _compress(self) -> None:
        values, weights = np.linalg.eigh(self.matrix, UPLO="L")
        kept = weights[:, :N_STARTS].T
        self.vectors[:N_STARTS], self.images[:N_STARTS] = kept @ self.vectors, kept @ self.images
        self.matrix[:N_STARTS, :N_STARTS] = np.diag(values[:N_STARTS])
        self.size = N_STARTS


def _orthonormalised(
    vector: NDArray[np.float64], basis: NDArray[np.float64]
) -> NDArray[np.float64]:
    for _ in range(2):  # twice is enough for rounding
        vector = vector - (basis @ vector) @ basis
        vector = vector / np.linalg.norm(vector)
    return vector
