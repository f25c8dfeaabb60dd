"""Lowest eigenpairs against NumPy's full diagonalisation."""

import numpy as np
import pytest

from keras_qd.physics.eigenpairs import lowest_eigenpairs


@pytest.mark.parametrize(("n", "n_lowest"), [(2, 1), (3, 3), (60, 7), (185, 20)])
def test_against_full_diagonalisation(n, n_lowest):
    matrix = np.random.default_rng(n).standard_normal((n, n))
    matrix += matrix.T
    values, vectors = lowest_eigenpairs(matrix, n_lowest)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(matrix)[:n_lowest], atol=1e-11)
    np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=1e-11)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(n_lowest), atol=1e-12)


def test_degenerate_eigenvalues_have_orthonormal_vectors():
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((40, 40)))[0]
    matrix = (rotation * np.repeat(np.arange(10.0), 4)) @ rotation.T
    values, vectors = lowest_eigenpairs((matrix + matrix.T) / 2, 9)
    np.testing.assert_allclose(values, np.repeat([0.0, 1.0, 2.0], 4)[:9], atol=1e-12)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(9), atol=1e-12)


def test_the_matrix_is_left_alone():
    matrix = np.diag([2.0, 1.0, 3.0])
    lowest_eigenpairs(matrix, 2)
    np.testing.assert_array_equal(matrix, np.diag([2.0, 1.0, 3.0]))
