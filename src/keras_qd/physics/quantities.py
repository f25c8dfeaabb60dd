"""Numbers that are asked of a dot: exchange and addition energies.

Each is an `Estimate`: a value with its estimated error. All are pure functions of a potential.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.fine_basis import fine_orbitals
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.orbitals import Orbitals, largest_orbitals
from keras_qd.physics.solution import with_error
from keras_qd.physics.solver import check_potential, solve

Array = NDArray[np.float64]

#: Largest error in Ha* of the one-electron energies that a splitting is made of.
BASIS_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Estimate:
    """A number with its estimated error.

    Parameters
    ----------
    value : float
        The number.
    error : float
        Estimated absolute error, in the same unit; nan where nothing was estimated.

    Examples
    --------
    >>> print(Estimate(0.05134, 0.0004), Estimate(3.0, float("nan")))
    0.0513(4) 3
    >>> float(Estimate(0.05134, 0.0004))
    0.05134
    """

    value: float
    error: float = math.nan

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return with_error(self.value, self.error)

    def __sub__(self, other: Estimate) -> Estimate:
        """Return the difference, errors added in squares."""
        return Estimate(self.value - other.value, math.hypot(self.error, other.error))


def exchange(
    potential: Array,
    box: Box,
    interaction: str | Interaction = "coulomb",
    strength: float = 1.0,
    **settings: Any,
) -> Estimate:
    """Exchange energy J of two electrons: lowest triplet less lowest singlet.

    Without a magnetic field it is never negative.

    Parameters
    ----------
    potential : ndarray, shape (n_pixels, n_pixels)
        Potential at the pixel centres in Ha*, y first.
    box : Box
        The box with hard walls.
    interaction, strength : optional
        See `Solver`.
    **settings
        Further ones of `solve`, such as ``accuracy``.

    Returns
    -------
    Estimate
        J in Ha*.

    Raises
    ------
    DataError, PhysicsError, UsageError
        As `solve`.

    Examples
    --------
    >>> box = Box(8.0)
    >>> x, y = box.mesh(32)
    >>> j = exchange((x - 4) ** 2 / 2 + (y - 4) ** 2 / 2, box)
    >>> round(j.value, 2), j.error < 0.01
    (0.6, True)
    """
    dot = solve(potential, box, 2, interaction, None, strength, **settings)
    return Estimate(dot.exchange, dot.exchange_error)


@dataclass(frozen=True)
class AdditionEnergies:
    """Energies of a dot that is filled electron by electron.

    Parameters
    ----------
    energies : tuple of Estimate
        E_0 = 0, E_1, ..., in Ha*.

    Examples
    --------
    >>> dot = AdditionEnergies((Estimate(0.0, 0.0), Estimate(1.0, 0.01), Estimate(3.0, 0.01)))
    >>> [round(float(mu), 3) for mu in dot.chemical_potentials]
    [1.0, 2.0]
    >>> [str(gap) for gap in dot.gaps]
    ['1.00(2)']
    """

    energies: tuple[Estimate, ...]

    @property
    def chemical_potentials(self) -> tuple[Estimate, ...]:
        """``mu_N = E_N - E_(N - 1)`` for N = 1, 2, ..., in Ha*."""
        below = self.energies[:-1]
        return tuple(e - b for e, b in zip(self.energies[1:], below, strict=True))

    @property
    def gaps(self) -> tuple[Estimate, ...]:
        """Addition energies ``mu_(N + 1) - mu_N`` for N = 1, 2, ..., in Ha*."""
        e = self.energies
        return tuple(
            Estimate(
                after.value - 2 * here.value + before.value,
                math.hypot(after.error, 2 * here.error, before.error),
            )
            for before, here, after in zip(e, e[1:], e[2:], strict=False)
        )


def addition_energies(
    potential: Array,
    box: Box,
    max_electrons: int = 4,
    interaction: str | Interaction = "coulomb",
    strength: float = 1.0,
    **settings: Any,
) -> AdditionEnergies:
    """Ground-state energies, chemical potentials and addition energies of a dot.

    Parameters
    ----------
    potential : ndarray, shape (n_pixels, n_pixels)
        Potential at the pixel centres in Ha*, y first.
    box : Box
        The box with hard walls.
    max_electrons : int, default 4
        Largest number of electrons, at most six.
    interaction, strength : optional
        See `Solver`.
    **settings
        Further ones of `solve`.

    Returns
    -------
    AdditionEnergies
        Energies in Ha*.

    Raises
    ------
    DataError, PhysicsError, UsageError
        As `solve`.

    Examples
    --------
    >>> box = Box(8.0)
    >>> x, y = box.mesh(32)
    >>> dot = addition_energies((x - 4) ** 2 / 2 + (y - 4) ** 2 / 2, box, max_electrons=2)
    >>> [round(float(mu), 2) for mu in dot.chemical_potentials]
    [1.0, 2.0]
    """
    if max_electrons not in range(1, 7):
        raise UsageError(f"max_electrons must be 1 to 6, got {max_electrons!r}")
    found = [Estimate(0.0, 0.0)]
    for n in range(1, max_electrons + 1):
        if n == 1:
            level, errors = one_electron_levels(potential, box, 1)
            found.append(Estimate(float(level.energies[0]), float(errors[0])))
        else:
            dot = solve(potential, box, n, interaction, None, strength, **settings)
            found.append(Estimate(dot.energy, dot.energy_error))
    return AdditionEnergies(tuple(found))


def one_electron_levels(
    potential: Array, box: Box, n: int, tolerance: float = BASIS_TOLERANCE
) -> tuple[Orbitals, Array]:
    """Lowest orbitals, in as many sines as it takes, and the errors of their energies in Ha*."""
    potential = check_potential(potential)
    orbitals, errors = largest_orbitals(potential, box, n, n, tolerance)
    if errors.max() <= tolerance and orbitals.basis.n_max < len(potential) - 1:
        return orbitals, errors
    orbitals, errors, _ = fine_orbitals(potential, orbitals, n, tolerance)
    return orbitals, errors


def matrix_elements(orbitals: Orbitals, field: Array) -> Array:
    """Matrix elements of a field at the pixel centres between all orbitals."""
    values = orbitals.values()
    area = orbitals.box.pixel_area(len(field))
    return np.asarray(np.einsum("iyx,yx,jyx->ij", values, field, values, optimize=True) * area)
