"""Orbitals in as large a sine basis as the potential asks for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PhysicsError
from keras_qd.physics.box import Box
from keras_qd.physics.one_body import Orbitals, solve_orbitals, truncation_errors
from keras_qd.physics.sine_basis import sine_basis

Array = NDArray[np.float64]

#: Half waves along one direction that are tried in turn.
_SIZES = (16, 20, 24, 28, 32)


def grow_orbitals(
    potential: Array, box: Box, n_orbitals: int, n_checked: int, tolerance: float
) -> Orbitals:
    """Enlarge the basis until the lowest orbitals are good enough.

    Parameters
    ----------
    potential : ndarray, shape (n_pixels, n_pixels)
        Potential in Ha*.
    box : Box
        The box.
    n_orbitals : int
        How many orbitals.
    n_checked : int
        How many of them, from the lowest, have to be good.
    tolerance : float
        Largest estimated error of their energies, in Ha*.

    Returns
    -------
    Orbitals

    Raises
    ------
    PhysicsError
        If the grid has too few pixels for so many orbitals or for so sharp a potential.
    """
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
        error = truncation_errors(orbitals, potential, n_checked).max()
        if error <= tolerance:
            return orbitals
    raise PhysicsError(
        f"the potential is too sharp for its grid of {n_pixels} x {n_pixels} pixels: {sizes[-1]} "
        f"half waves a side leave an error of about {error:.1g} Ha* in the orbital energies, and "
        f"{tolerance:.1g} is allowed; smooth it, sample it on more pixels, use a smaller box, or "
        "allow a larger basis_tolerance"
    )
