"""Orbitals of one electron in the box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.box import Box
from keras_qd.physics.eigenpairs import lowest_eigenpairs
from keras_qd.physics.sine_basis import SineBasis

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Orbitals:
    """The lowest orbitals of a potential.

    Parameters
    ----------
    basis : SineBasis
        Functions that the orbitals are expanded in.
    box : Box
        The box that they live in.
    energies : ndarray, shape (n_orbitals,)
        Orbital energies in Ha*, rising.
    coefficients : ndarray, shape (n_functions, n_orbitals)
        Expansion in the basis; columns are orthonormal.
    """

    basis: SineBasis
    box: Box
    energies: Array
    coefficients: Array

    def values(self, n_pixels: int | None = None) -> Array:
        """Orbitals at the pixel centres.

        Parameters
        ----------
        n_pixels : int, optional
            Pixels along the side; those of the potential by default.

        Returns
        -------
        ndarray, shape (n_orbitals, n_pixels, n_pixels)
            In 1/a0*; ``sum(values**2) * box.pixel_area(n_pixels)`` is 1 for each.
        """
        return self.basis.values(self.coefficients, n_pixels) * (np.pi / self.box.length)


def solve_orbitals(potential: Array, box: Box, basis: SineBasis, n_orbitals: int) -> Orbitals:
    """Solve the one-electron problem (-1/2 laplacian + V) phi = e phi with hard walls.

    Parameters
    ----------
    potential : ndarray, shape (n_pixels, n_pixels)
        V at the pixel centres, in Ha*.
    box : Box
        The box.
    basis : SineBasis
        Sine functions on the grid of the potential.
    n_orbitals : int
        How many, from the lowest.

    Returns
    -------
    Orbitals
        Signs are fixed: the largest coefficient of every orbital is positive.
    """
    hamiltonian = basis.potential_matrix(potential)
    diagonal = np.einsum("ii->i", hamiltonian)
    diagonal += basis.kinetic * (np.pi / box.length) ** 2
    energies, coefficients = lowest_eigenpairs(hamiltonian, n_orbitals)
    largest = np.argmax(np.abs(coefficients), axis=0)
    coefficients *= np.sign(coefficients[largest, np.arange(n_orbitals)])
    return Orbitals(basis, box, energies, coefficients)


def truncation_errors(orbitals: Orbitals, potential: Array, n_lowest: int) -> Array:
    """Energy that the sine functions left out would take off the lowest orbitals.

    Second-order perturbation theory in the coupling to the functions that the grid holds and the
    basis does not: ``sum_k <k|V|phi>^2 / (T_k + mean V - e)``, by Loewdin's partitioning [1]_ with
    the mean potential for each of them.

    Parameters
    ----------
    orbitals : Orbitals
        Orbitals of the potential.
    potential : ndarray, shape (n_pixels, n_pixels)
        The potential, in Ha*.
    n_lowest : int
        How many orbitals to look at.

    Returns
    -------
    ndarray, shape (n_lowest,)
        Estimated errors in Ha*, not negative.

    References
    ----------
    .. [1] P.-O. Loewdin, "A note on the quantum-mechanical perturbation theory", J. Chem. Phys. 19,
       1396 (1951), https://doi.org/10.1063/1.1748067
    """
    unit = (np.pi / orbitals.box.length) ** 2
    lowest = orbitals.coefficients[:, :n_lowest]
    components, kinetic = orbitals.basis.outside(potential * orbitals.basis.values(lowest))
    distance = kinetic * unit + potential.mean() - orbitals.energies[:n_lowest, None]
    # Where V is so rough that the functions left out lie lower, the bare kinetic distance is the
    # safe one.
    distance = np.maximum(distance, 0.25 * kinetic * unit)
    return np.asarray((components**2 / distance).sum(axis=1))
