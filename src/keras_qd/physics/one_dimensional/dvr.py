r"""States of one electron in the sine discrete-variable representation, exact to spectral order.

The basis of the functions :math:`\sin(k \pi x / L)`, k = 1..n, is transformed to the n interior
nodes, where the potential is diagonal and the kinetic energy is the full matrix [1]_

.. math:: T = S\, \mathrm{diag}(k^2 \pi^2 / 2 L^2)\, S, \qquad
    S_{ik} = \sqrt{2 / (n + 1)} \sin(i k \pi / (n + 1))

For a smooth potential the error falls faster than any power of the spacing.

References
----------
.. [1] D. T. Colbert and W. H. Miller, "A novel discrete variable representation for quantum
   mechanical reactive scattering via the S-matrix Kohn method", J. Chem. Phys. 96, 1982 (1992),
   https://doi.org/10.1063/1.462100
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

#: Systems diagonalised together, to bound the memory that their matrices take.
BLOCK = 256


@functools.lru_cache(maxsize=8)
def kinetic_matrix(n_points: int, length: float) -> NDArray[np.float64]:
    """Kinetic energy between the nodes.

    Parameters
    ----------
    n_points : int
        Number of interior nodes.
    length : float
        Distance of the walls in a0*.

    Returns
    -------
    ndarray, shape (n_points, n_points)
        In Ha*; read-only.

    Examples
    --------
    >>> levels = np.linalg.eigvalsh(kinetic_matrix(10, math.pi))
    >>> print(np.round(2 * levels[:3], 12))
    [1. 4. 9.]
    """
    orders = np.arange(1, n_points + 1)
    sines = np.sin(np.outer(orders, orders) * (math.pi / (n_points + 1)))
    energies = (orders * math.pi / length) ** 2 / 2.0
    kinetic: NDArray[np.float64] = (sines * energies) @ sines * (2.0 / (n_points + 1))
    kinetic.flags.writeable = False
    return kinetic


def dvr_states(
    potentials: NDArray[np.float64], length: float, n_states: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Solve a batch of one-electron systems for their lowest states, by LAPACK.

    Parameters
    ----------
    potentials : ndarray, shape (n, points)
        At the interior nodes, in Ha*.
    length : float
        Distance of the walls in a0*.
    n_states : int
        States of each system.

    Returns
    -------
    energies : ndarray, shape (n, n_states)
        In Ha*, rising.
    orbitals : ndarray, shape (n, n_states, points)
        Real wave functions in a0*^(-1/2) with ``sum(orbital**2) * h == 1``.
    """
    n, points = potentials.shape
    kinetic = kinetic_matrix(points, length)
    energies = np.empty((n, n_states))
    orbitals = np.empty((n, n_states, points))
    diagonal = np.arange(points)
    for start in range(0, n, BLOCK):
        part = slice(start, start + BLOCK)
        matrices = np.repeat(kinetic[None], len(potentials[part]), axis=0)
        matrices[:, diagonal, diagonal] += potentials[part]
        values, vectors = np.linalg.eigh(matrices)
        energies[part] = values[:, :n_states]
        orbitals[part] = np.swapaxes(vectors[:, :, :n_states], 1, 2)
    return energies, orbitals / math.sqrt(length / (points + 1))
