"""The script that a physicist would write: finite differences and determinants, nothing clever.

Five-point Laplacian on n x n interior nodes, the lowest orbitals by shift-and-invert Lanczos, 1 / r
between all nodes as a dense matrix, and the Slater-Condon rules over all determinants with S_z = 0
or 1/2. It shares nothing with the package and serves as its peer in the benchmark and as an
independent check.
"""

from itertools import combinations

import numpy as np
from scipy.interpolate import RectBivariateSpline
from scipy.linalg import eigh
from scipy.sparse import diags_array, eye_array, kron
from scipy.sparse.linalg import eigsh


def orbitals(potential, length, n_nodes, n_orbitals):
    """Energies, and orbitals (m, n_nodes^2) of unit sum of squares times h^2."""
    h = length / (n_nodes + 1)
    nodes = h * np.arange(1, n_nodes + 1)
    centres = (np.arange(potential.shape[0]) + 0.5) * length / potential.shape[0]
    values = RectBivariateSpline(centres, centres, potential)(nodes, nodes)
    second = diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(n_nodes, n_nodes)) / h**2
    one = eye_array(n_nodes)
    hamiltonian = -0.5 * (kron(second, one) + kron(one, second)) + diags_array(values.ravel())
    start = np.ones(n_nodes**2)
    energies, vectors = eigsh(hamiltonian.tocsc(), k=n_orbitals, sigma=values.min() - 1.0, v0=start)
    order = np.argsort(energies)
    return energies[order], vectors.T[order] / h


def coulomb_integrals(functions, length, n_nodes):
    """(ij|kl) by summation over all pairs of nodes.

    The distance of a node to itself, -h / (4 zeta(1/2) beta(1/2)), is the one that leaves an error
    of third order only.
    """
    h = length / (n_nodes + 1)
    y, x = np.meshgrid(*[h * np.arange(1, n_nodes + 1)] * 2, indexing="ij")
    distance = np.hypot(x.ravel()[:, None] - x.ravel(), y.ravel()[:, None] - y.ravel())
    np.fill_diagonal(distance, h / 3.9002649200019564)
    products = functions[:, None] * functions[None]
    m = functions.shape[0]
    products = products.reshape(m * m, -1)
    return (products @ (1 / distance) @ products.T * h**4).reshape(m, m, m, m)


def ground_state(potential, length, n_electrons, n_orbitals, n_nodes=63):
    """Lowest energy and its density (n_nodes, n_nodes); as many up as down, or one more."""
    energies, functions = orbitals(potential, length, n_nodes, n_orbitals)
    integrals = coulomb_integrals(functions, length, n_nodes)
    up = list(combinations(range(n_orbitals), (n_electrons + 1) // 2))
    down = list(combinations(range(n_orbitals), n_electrons // 2))
    determinants = [tuple((i, 0) for i in a) + tuple((i, 1) for i in b) for a in up for b in down]
    matrix = np.zeros((len(determinants),) * 2)
    for row, bra in enumerate(determinants):
        for column, ket in enumerate(determinants[: row + 1]):
            matrix[row, column] = element(bra, ket, energies, integrals)
    values, vectors = eigh(matrix, lower=True, subset_by_index=(0, 0))
    one_body = density_matrix(determinants, vectors[:, 0], n_orbitals)
    density = np.einsum("ij,ip,jp->p", one_body, functions, functions, optimize=True)
    return values[0], density.reshape(n_nodes, n_nodes)


def density_matrix(determinants, vector, n_orbitals):
    """Sum of c_K c_L <K| a+_i a_j |L> over both spins."""
    matrix = np.zeros((n_orbitals, n_orbitals))
    for bra, amplitude in zip(determinants, vector, strict=True):
        for i, _ in bra:
            matrix[i, i] += amplitude**2
    for row, bra in enumerate(determinants):
        for column, ket in enumerate(determinants[:row]):
            left, right = differences(bra, ket)
            if len(left) == 1 and left[0][1] == right[0][1]:
                value = sign(bra, left) * sign(ket, right) * vector[row] * vector[column]
                matrix[left[0][0], right[0][0]] += value
                matrix[right[0][0], left[0][0]] += value
    return matrix


def element(bra, ket, energies, integrals):
    """Slater-Condon rules for orbitals that diagonalise the one-body part."""
    left, right = differences(bra, ket)
    if len(left) > 2:
        return 0.0
    if len(left) == 2:
        return sign(bra, left) * sign(ket, right) * pair(*left, *right, integrals)
    if len(left) == 1:
        common = [spin_orbital for spin_orbital in bra if spin_orbital in ket]
        total = sum(pair(left[0], other, right[0], other, integrals) for other in common)
        return sign(bra, left) * sign(ket, right) * total
    pairs = combinations(bra, 2)
    return sum(energies[i] for i, _ in bra) + sum(pair(a, b, a, b, integrals) for a, b in pairs)


def differences(bra, ket):
    """Spin orbitals of each determinant that the other one lacks."""
    left = [spin_orbital for spin_orbital in bra if spin_orbital not in ket]
    return left, [spin_orbital for spin_orbital in ket if spin_orbital not in bra]


def pair(a, b, c, d, integrals):
    """<ab||cd> between spin orbitals."""
    direct = integrals[a[0], c[0], b[0], d[0]] if a[1] == c[1] and b[1] == d[1] else 0.0
    exchange = integrals[a[0], d[0], b[0], c[0]] if a[1] == d[1] and b[1] == c[1] else 0.0
    return direct - exchange


def sign(determinant, taken):
    """Fermi sign of moving the taken spin orbitals to the front."""
    positions = [determinant.index(spin_orbital) for spin_orbital in taken]
    return (-1) ** (sum(positions) - len(positions) * (len(positions) - 1) // 2)
