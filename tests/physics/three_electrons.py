"""Three electrons (up, up, down) on the full six-dimensional product of a grid: a reference.

Wave functions psi(a, b, c), antisymmetric in a and b, over all one-electron states of the grid; by
Davidson's method from a configuration interaction in few orbitals.
"""

from itertools import combinations

import numpy as np

from keras_qd.physics.interactions import as_interaction
from keras_qd.physics.pair_grid import grid_orbitals, pair_grid
from keras_qd.physics.pair_state import natural_orbitals
from keras_qd.physics.window import find_window

#: Orbitals of the configurations that the iteration starts from.
N_START = 8


class ThreeElectrons:
    """The Hamiltonian of three electrons on a grid of n x n points."""

    def __init__(self, potential, box, n, interaction="coulomb"):
        interaction = as_interaction(interaction)
        self.window = find_window(potential, box, interaction, 1.0, 3)
        self.n_pixels = len(potential)
        grid = pair_grid(n)
        cosines = self.window.cosines(potential[None], 2 * grid.n_fine + 1)
        self.orbitals = grid_orbitals(grid, cosines, self.window.side)
        self.between = grid.interaction(self.window.side, interaction, 1.0).astype(np.float32)
        self.states = self.orbitals.points[0].astype(np.float32)
        energies = self.orbitals.energies[0].astype(np.float32)
        self.free = energies[:, None, None] + energies[:, None] + energies

    def apply(self, x):
        on_points = legs(x, self.states)
        w = self.between
        on_points *= w[:, :, None] + w[:, None, :] + w
        return self.free * x + legs(on_points, np.ascontiguousarray(self.states.T))

    def start(self, n_starts):
        """Lowest states of all configurations of a few orbitals."""
        size, pairs = len(self.free), list(combinations(range(N_START), 2))
        basis = np.zeros((len(pairs) * N_START, N_START, N_START, N_START), np.float32)
        for row, ((a, b), c) in enumerate((p, c) for p in pairs for c in range(N_START)):
            basis[row, a, b, c], basis[row, b, a, c] = 0.5**0.5, -(0.5**0.5)
        images = np.empty_like(basis)
        few = slice(N_START)
        for vector, image in zip(basis, images, strict=True):
            x = np.zeros((size,) * 3, np.float32)
            x[few, few, few] = vector
            image[:] = self.apply(x)[few, few, few]
        flat = basis.reshape(len(basis), -1)
        mixing = np.linalg.eigh((flat @ images.reshape(len(basis), -1).T).astype(float))[1]
        starts = np.zeros((n_starts, *self.free.shape), np.float32)
        starts[:, few, few, few] = np.tensordot(mixing[:, :n_starts].T, basis, 1)
        return starts

    def solve(self, n_levels=2, tolerance=2e-3, most=60):
        """Lowest energies, and density of the lowest state at the pixel centres."""
        vectors, images = [], []
        new = self.start(n_levels + 1)
        while new is not None and len(vectors) < most:
            for x in new:
                vectors.append(orthogonal(x - x.swapaxes(0, 1), vectors))
                images.append(self.apply(vectors[-1]))
            projection = np.array([[np.vdot(v, h) for h in images] for v in vectors], float)
            energies, mixing = np.linalg.eigh(0.5 * (projection + projection.T))
            mixing = mixing[:, :n_levels].astype(np.float32)
            states = [np.tensordot(column, vectors, 1) for column in mixing.T]
            found = zip(energies, states, mixing.T, strict=False)
            new = [self.correction(e, x, np.tensordot(m, images, 1)) for e, x, m in found]
            new = [each for each, residual in new if residual > tolerance] or None
        return energies[:n_levels], self.density(states[0])

    def correction(self, energy, state, image):
        residual = image - np.float32(energy) * state
        shift = np.float32(energy - np.vdot(state, image - self.free * state))
        return residual / np.minimum(shift - self.free, -0.1), np.linalg.norm(residual)

    def density(self, state):
        first, last = state.reshape(len(state), -1), state.reshape(-1, len(state))
        up = 2.0 * (first @ first.T).astype(float)
        down = (last.T @ last).astype(float)
        _, values, up, down = natural_orbitals(self.orbitals, self.window, up, down, self.n_pixels)
        return np.einsum("ij,iyx,jyx->yx", up + down, values, values, optimize=True)


def orthogonal(x, vectors):
    """Part of x orthogonal to orthonormal vectors, normalised."""
    for _ in range(2):
        for known in vectors:
            x = x - np.vdot(known, x) * known
    return x / np.linalg.norm(x)


def legs(x, matrix):
    """Apply a matrix to each of three indices."""
    n = len(matrix)
    x = np.matmul(matrix, (matrix @ x.reshape(n, -1)).reshape(n, n, n))
    return (x.reshape(-1, n) @ matrix.T).reshape(n, n, n)
