r"""Two interacting electrons on a line, exactly on the grid.

The wave function on the pairs of nodes is a matrix :math:`\Psi`, symmetric for the singlet and
antisymmetric for the triplet, and the Hamiltonian acts as

.. math:: \Psi \mapsto h \Psi + \Psi h + W \circ \Psi

with the one-electron Hamiltonian h and the interaction W at every pair of nodes. Davidson's
iteration [1]_ finds the lowest eigenvector; in the eigenbasis of h all but the interaction is
diagonal, which makes the correction of the residual cheap and good.

References
----------
.. [1] E. R. Davidson, "The iterative calculation of a few of the lowest eigenvalues and
   corresponding eigenvectors of large real-symmetric matrices", J. Comput. Phys. 17, 87 (1975),
   https://doi.org/10.1016/0021-9991(75)90065-0
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PhysicsError

#: Norm of the residual in Ha* at which the iteration ends; the energy's error is its square.
TOLERANCE = 1e-7
MOST_ITERATIONS = 200
#: The basis is compressed to its best vector at this size.
LARGEST_BASIS = 24


def two_electron_ground_state(
    hamiltonian: NDArray[np.float64], interaction: NDArray[np.float64], *, triplet: bool = False
) -> tuple[float, NDArray[np.float64]]:
    """Lowest singlet or triplet state of two electrons.

    Parameters
    ----------
    hamiltonian : ndarray, shape (points, points)
        One electron's Hamiltonian h between the nodes, in Ha*.
    interaction : ndarray, shape (points, points)
        Energy W of a pair at each pair of nodes, in Ha*.
    triplet : bool
        The lowest triplet instead of the lowest singlet, which is the ground state.

    Returns
    -------
    energy : float
        In Ha*.
    wave_function : ndarray, shape (points, points)
        Symmetric or antisymmetric, with ``sum(wave_function**2) == 1``.

    Raises
    ------
    PhysicsError
        The iteration did not converge.
    """
    problem = _PairProblem(hamiltonian, interaction, triplet)
    energy, vector = _davidson(problem)
    return energy, problem.orbitals @ vector @ problem.orbitals.T


class _PairProblem:
    """The pair Hamiltonian in the eigenbasis of one electron's."""

    def __init__(
        self, hamiltonian: NDArray[np.float64], interaction: NDArray[np.float64], triplet: bool
    ) -> None:
        levels, self.orbitals = np.linalg.eigh(hamiltonian)
        self.interaction = interaction
        self.pair_levels = levels[:, None] + levels
        self.sign = -1.0 if triplet else 1.0
        densities = self.orbitals**2
        self.diagonal = self.pair_levels + densities.T @ interaction @ densities
        self.start = np.zeros_like(hamiltonian)
        if triplet:
            self.start[0, 1], self.start[1, 0] = 1.0, -1.0
        else:
            self.start[0, 0] = 1.0

    def apply(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        on_grid = self.orbitals @ vector @ self.orbitals.T
        on_grid *= self.interaction
        result: NDArray[np.float64] = self.orbitals.T @ on_grid @ self.orbitals
        result += self.pair_levels * vector
        return result

    def correct(self, residual: NDArray[np.float64], energy: float) -> NDArray[np.float64]:
        """Davidson's step, in the sector of the right symmetry."""
        denominator = self.diagonal - energy
        step = residual / np.where(np.abs(denominator) < 1e-3, 1e-3, denominator)
        return 0.5 * (step + self.sign * step.T)


def _davidson(problem: _PairProblem) -> tuple[float, NDArray[np.float64]]:
    shape = problem.start.shape
    basis = np.empty((LARGEST_BASIS, problem.start.size))
    images = np.empty_like(basis)
    projected = np.empty((LARGEST_BASIS, LARGEST_BASIS))
    step, size = problem.start.ravel(), 0
    for _ in range(MOST_ITERATIONS):
        basis[size] = _orthonormalised(step, basis[:size])
        images[size] = problem.apply(basis[size].reshape(shape)).ravel()
        size += 1
        projected[size - 1, :size] = basis[:size] @ images[size - 1]
        values, vectors = np.linalg.eigh(projected[:size, :size], UPLO="L")
        energy, weights = float(values[0]), vectors[:, 0]
        vector, image = weights @ basis[:size], weights @ images[:size]
        residual = image - energy * vector
        if np.linalg.norm(residual) < TOLERANCE:
            return energy, vector.reshape(shape)
        step = problem.correct(residual.reshape(shape), energy).ravel()
        if size == LARGEST_BASIS:
            basis[0], images[0], projected[0, 0], size = vector, image, energy, 1
    raise PhysicsError(
        f"two electrons did not converge in {MOST_ITERATIONS} iterations (residual"
        f" {np.linalg.norm(residual):.1e} Ha*); is the interaction finite at every distance?"
    )


def _orthonormalised(
    vector: NDArray[np.float64], basis: NDArray[np.float64]
) -> NDArray[np.float64]:
    for _ in range(2):  # twice is enough to lose nothing to rounding
        vector = vector - (basis @ vector) @ basis
        vector = vector / np.linalg.norm(vector)
    return vector
