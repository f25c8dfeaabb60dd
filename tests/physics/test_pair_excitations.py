"""Density matrices with pair excitations against plain second quantisation in Fock space."""

from itertools import combinations

import numpy as np
import pytest
from scipy.sparse import csr_array, kron

from keras_qd.physics.determinants import strings
from keras_qd.physics.effective import EffectivePairs, PairAmplitudes
from keras_qd.physics.integrals import PairInteraction, singlet_pairs, triplet_pairs
from keras_qd.physics.pair_excitations import density_matrices

M, G = 3, 5


class FockSpace:
    """Matrices of creation operators of `G` states and two spins, by Jordan and Wigner."""

    def __init__(self):
        raising, parity = np.array([[0.0, 0.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
        self.create = []
        for mode in range(2 * G):
            matrix = csr_array(np.ones((1, 1)))
            for other in range(2 * G):
                factor = raising if other == mode else parity if other < mode else np.eye(2)
                matrix = csr_array(kron(matrix, factor))
            self.create.append(matrix)
        self.vacuum = np.eye(1, 4**G).ravel()

    def up(self, state):
        return self.create[state]

    def down(self, state):
        return self.create[G + state]

    def state(self, amplitudes, n_up, n_down):
        """Turn amplitudes of strings into a vector, up operators to the left."""
        vector = np.zeros_like(self.vacuum)
        for a, up in enumerate(strings(M, n_up)):
            for b, down in enumerate(strings(M, n_down)):
                part = self.vacuum
                for state in down[::-1]:
                    part = self.down(state) @ part
                for state in up[::-1]:
                    part = self.up(state) @ part
                vector += amplitudes[a, b] * part
        return vector


def excite(fock, vector, pairs):
    """Apply 1 + sum X P+ P, pair by pair."""
    result = vector.copy()
    singlet, triplet = (part.combined(np.eye(len(part.mixing))) for part in pairs)
    for matrix, i, k in zip(singlet, *singlet_pairs(M), strict=True):
        share = 0.5 if i == k else 0.5**0.5
        result += share * excite_opposite(fock, vector, matrix, i, k)
        result += share * excite_opposite(fock, vector, matrix, k, i)
    for matrix, i, k in zip(triplet, *triplet_pairs(M), strict=True):
        result += 0.5**0.5 * excite_opposite(fock, vector, matrix, i, k)
        result -= 0.5**0.5 * excite_opposite(fock, vector, matrix, k, i)
        for create in (fock.up, fock.down):
            rest = create(k).T @ (create(i).T @ vector)
            for q, r in combinations(range(G), 2):
                result += np.sqrt(2) * matrix[q, r] * (create(q) @ (create(r) @ rest))
    return result


def excite_opposite(fock, vector, matrix, i, k):
    """Put a pair of opposite spins in the place of an up electron in i and a down one in k."""
    rest = fock.down(k).T @ (fock.up(i).T @ vector)
    return sum(matrix[q, r] * (fock.up(q) @ (fock.down(r) @ rest)) for q, r in np.argwhere(matrix))


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(3)
    amplitudes = []
    for symmetry, n_pairs in ((1, M * (M + 1) // 2), (-1, M * (M - 1) // 2)):
        matrix = 0.2 * rng.standard_normal((n_pairs, G, G))
        matrix = matrix + symmetry * matrix.transpose(0, 2, 1)
        matrix[:, :M, :M] = 0
        upper = np.triu_indices(G)
        functions, nowhere = matrix[:, *upper].astype(np.float32), np.empty(0, int)
        nothing = np.empty((n_pairs, 0))
        ones = np.triu(np.ones((G, G), np.float32))
        ones += symmetry * np.tril(ones.T, -1)
        amplitudes.append(
            PairAmplitudes(symmetry, np.eye(n_pairs), functions, ones, nothing, (nowhere, nowhere))
        )
    return amplitudes


@pytest.mark.parametrize(("n_up", "n_down"), [(1, 1), (2, 0), (2, 1), (2, 2), (3, 1), (3, 2)])
def test_density_matrices_are_those_of_the_excited_state(pairs, n_up, n_down):
    rng = np.random.default_rng(0)
    amplitudes = rng.standard_normal((len(strings(M, n_up)), len(strings(M, n_down))))
    if n_up == n_down:
        amplitudes = amplitudes + amplitudes.T
    amplitudes /= np.linalg.norm(amplitudes)
    fock = FockSpace()
    exact = excite(fock, fock.state(amplitudes, n_up, n_down), pairs)
    exact /= np.linalg.norm(exact)
    nothing = PairInteraction(np.zeros((6, 6)), np.zeros((3, 3)))
    found = density_matrices(amplitudes, n_up, n_down, EffectivePairs(M, nothing, *pairs))
    for create, matrix, n_electrons in zip(
        (fock.up, fock.down), found, (n_up, n_down), strict=True
    ):
        lowered = np.array([create(state).T @ exact for state in range(G)])
        np.testing.assert_allclose(matrix, lowered @ lowered.T, atol=1e-6)
        assert np.trace(matrix) == pytest.approx(n_electrons, abs=1e-6)
