"""Orbitals in as large a sine basis as the potential asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from keras_qd.errors import PhysicsError
from keras_qd.physics.box import Box
from keras_qd.physics.sine_basis import SineBasis, sine_basis


@dataclass(frozen=True)
class Orbitals:
    """The lowest orbitals of a potential: energies, and coefficients (n_functions, n_orbitals)."""

    basis: SineBasis
    box: Box
    energies: Array
    coefficients: Array

    def values(self, n_pixels: int | None = None) -> Array:
        """Orbitals at the pixel centres in 1/a0*, shape (n_orbitals, n_pixels, n_pixels)."""
        return self.basis.values(self.coefficients, n_pixels) * (np.pi / self.box.length)


def solve_orbitals(potential: Array, box: Box, basis: SineBasis, n_orbitals: int) -> Orbitals:
    """Solve (-1/2 laplacian + V) phi = e phi with hard walls; largest coefficients are positive."""
    hamiltonian = basis.potential_matrix(potential)
    diagonal = np.einsum("ii->i", hamiltonian)
    diagonal += basis.kinetic * (np.pi / box.length) ** 2
    energies, coefficients = eigh(
        hamiltonian, subset_by_index=(0, n_orbitals - 1), driver="evr", check_finite=False
    )
    largest = np.argmax(np.abs(coefficients), axis=0)
    coefficients *= np.sign(coefficients[largest, np.arange(n_orbitals)])
    return Orbitals(basis, box, energies, coefficients)


def truncation_errors(orbitals: Orbitals, potential: Array, n_lowest: int) -> tuple[Array, Array]:
    """Energies in Ha* and norms that the functions left out have in the lowest orbitals."""
    # Second order in the coupling to the functions that the grid holds and the basis does not,
    # sum_k <k|V|phi>^2 / (T_k + mean V - e): P.-O. Loewdin, J. Chem. Phys. 19, 1396 (1951),
    # doi:10.1063/1.1748067, with the mean potential for each of them.
    unit = (np.pi / orbitals.box.length) ** 2
    lowest = orbitals.coefficients[:, :n_lowest]
    components, kinetic = orbitals.basis.outside(potential * orbitals.basis.values(lowest))
    distance = kinetic * unit + potential.mean() - orbitals.energies[:n_lowest, None]
    # Where V is so rough that the functions left out lie lower, the bare kinetic distance is the
    # safe one.
    distance = np.maximum(distance, 0.25 * kinetic * unit)
    energies, squares = components**2 / distance, (components / distance) ** 2
    return energies.sum(axis=1), np.sqrt(squares.sum(axis=1))


Array = NDArray[np.float64]

#: Length in wavelengths of the shortest sine that edges have to be blurred over.
_BLUR = 1.0

#: Half waves along one direction that are tried in turn.
_SIZES = (16, 20, 24, 28, 32)


def largest_orbitals(
    potential: Array, box: Box, n_orbitals: int, n_checked: int, tolerance: float
) -> tuple[Orbitals, Array]:
    """Orbitals in the first basis that is good enough, or the last one, and errors of energies."""
    n_pixels = potential.shape[0]
    sizes = [n_max for n_max in _SIZES if n_max < n_pixels] or [n_pixels - 1]
    bases = [sine_basis(n_max, n_pixels) for n_max in sizes]
    if bases[-1].kinetic.size < n_orbitals:
        raise PhysicsError(
            f"a grid of {n_pixels} x {n_pixels} pixels cannot hold {n_orbitals} orbitals; "
            "use more pixels"
        )
    for basis in bases:
        if basis.kinetic.size < n_orbitals:
            continue
        orbitals = solve_orbitals(potential, box, basis, n_orbitals)
        errors = truncation_errors(orbitals, potential, n_checked)[0]
        if errors.max() <= tolerance:
            break
    return orbitals, errors


def grow_orbitals(
    potential: Array, box: Box, n_orbitals: int, n_checked: int, tolerance: float
) -> Orbitals:
    """Enlarge the basis until the lowest `n_checked` orbitals err by less than the tolerance."""
    orbitals, errors = largest_orbitals(potential, box, n_orbitals, n_checked, tolerance)
    error = errors.max()
    if error <= tolerance:
        return orbitals
    n_max = orbitals.basis.n_max
    raise PhysicsError(
        f"the potential is too sharp for configuration interaction in orbitals: {n_max} half waves "
        f"a side leave an error of about {error:.1g} Ha* in their energies, and {tolerance:.1g} is "
        "allowed; leave n_orbitals out, which solves sharp potentials, blur the potential with "
        f"smooth={_BLUR * box.length / n_max:.1g} (in a0*), or allow it with "
        f"basis_tolerance={2 * error:.1g}"
    )
