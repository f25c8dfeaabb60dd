"""Ground states of one to six electrons in a two-dimensional dot, by exact diagonalisation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.physics.basis_growth import grow_orbitals
from keras_qd.physics.box import Box
from keras_qd.physics.ensemble import ensemble
from keras_qd.physics.fields import check_field
from keras_qd.physics.interactions import Interaction, as_interaction
from keras_qd.physics.many_body import lowest_levels, lowest_levels_of_spin
from keras_qd.physics.noninteracting import noninteracting_solution
from keras_qd.physics.one_body import Orbitals
from keras_qd.physics.pairs import pair_interaction
from keras_qd.physics.solution import Solution
from keras_qd.physics.work_estimate import refuse_beyond

Array = NDArray[np.float64]

#: Orbitals that the configurations are made of, for each number of electrons.
DEFAULT_ORBITALS = {1: 20, 2: 20, 3: 20, 4: 16, 5: 14, 6: 13}

#: Largest number of orbitals: the pairs of more do not fit into memory.
MOST_ORBITALS = 100


@dataclass(frozen=True)
class Solver:
    """Exact diagonalisation for one box, number of electrons and interaction.

    Orbitals are expanded in sine functions, integrals of the interaction over them are exact, and
    the many-electron problem is solved in all determinants of the lowest orbitals, in every spin
    sector. Tables are made on the first call and kept.

    Parameters
    ----------
    box : Box
        The box with hard walls.
    n_electrons : int, default 2
        One to six.
    interaction : str or Interaction, default "coulomb"
        By name, or as an `Interaction` with its parameters.
    n_orbitals : int, optional
        Orbitals that the determinants are made of; 20 for up to three electrons, then 16, 14 and
        13.
    strength : float, default 1
        Factor on the interaction, not negative.
    spin : float, optional
        Total spin S of the states to be looked for, such as 0 for the singlet and 1 for the triplet
        of two electrons, the gap being to the next of the same spin. By default the ground state is
        sought among all spins.
    basis_tolerance : float, default 1e-4
        Largest error in Ha* of an orbital energy that the sine basis may leave; it grows until it
        is met.
    tolerance : float, default 1e-6
        Largest residual norm of the ground state, in Ha*.
    max_memory : float, default 4
        Gigabytes; larger problems are refused.

    Raises
    ------
    UsageError
        If an argument makes no sense.
    UnknownNameError
        If there is no such interaction.
    PhysicsError
        If so many electrons in so many orbitals are out of reach.

    Examples
    --------
    >>> import numpy as np
    >>> box = Box(10.0)
    >>> x, y = box.mesh(64)
    >>> solver = Solver(box, n_electrons=2)
    >>> dot, electrons_without_interaction = solver.solve_both((x - 5) ** 2 / 2 + (y - 5) ** 2 / 2)
    >>> round(dot.energy, 2), round(electrons_without_interaction.energy, 2)
    (3.02, 2.0)
    """

    box: Box
    n_electrons: int = 2
    interaction: str | Interaction = "coulomb"
    n_orbitals: int | None = None
    strength: float = 1.0
    spin: float | None = None
    basis_tolerance: float = 1e-4
    tolerance: float = 1e-6
    max_memory: float = 4.0

    def __post_init__(self) -> None:
        if not _is_whole(self.n_electrons) or self.n_electrons not in DEFAULT_ORBITALS:
            raise UsageError(f"n_electrons must be 1 to 6, got {self.n_electrons!r}")
        if self.n_orbitals is None:
            object.__setattr__(self, "n_orbitals", DEFAULT_ORBITALS[self.n_electrons])
        if not (
            _is_whole(self.n_orbitals) and self.n_electrons < self.orbital_count <= MOST_ORBITALS
        ):
            raise UsageError(
                f"{self.n_electrons} electrons take {self.n_electrons + 1} to {MOST_ORBITALS} "
                f"orbitals, got n_orbitals={self.n_orbitals!r}"
            )
        if not (math.isfinite(self.strength) and self.strength >= 0):
            raise UsageError(f"strength must be finite and not negative, got {self.strength!r}")
        if self.spin is not None:
            _require_spin(self.spin, self.n_electrons)
        object.__setattr__(self, "interaction", as_interaction(self.interaction))
        refuse_beyond(self.n_electrons, self.orbital_count, self.max_memory, self.spin)

    def solve(self, potential: Array) -> Solution:
        """Solve for the ground state.

        Parameters
        ----------
        potential : ndarray, shape (n_pixels, n_pixels)
            Potential at the pixel centres in Ha*, y first.

        Returns
        -------
        Solution
            Density, energy and what else is known of the ground state.

        Raises
        ------
        DataError
            If the potential is not square or not finite.
        PhysicsError
            If it varies too sharply for the grid.
        """
        orbitals = self.solve_orbitals(potential)
        return self._interacting(orbitals, orbitals.values())

    def solve_noninteracting(self, potential: Array) -> Solution:
        """Solve without interaction; arguments and errors as for `solve`."""
        orbitals = self.solve_orbitals(potential)
        return self._noninteracting(orbitals, orbitals.values())

    def solve_both(self, potential: Array) -> tuple[Solution, Solution]:
        """Solve with and without interaction, sharing the orbitals; else as `solve`."""
        orbitals = self.solve_orbitals(potential)
        values = orbitals.values()
        return self._interacting(orbitals, values), self._noninteracting(orbitals, values)

    def solve_orbitals(self, potential: Array) -> Orbitals:
        """Solve for the orbitals of one electron, in as large a basis as the potential asks for.

        Parameters
        ----------
        potential : ndarray, shape (n_pixels, n_pixels)
            Potential at the pixel centres in Ha*, y first.

        Returns
        -------
        Orbitals
            The lowest of them, with their energies.
        """
        return grow_orbitals(
            check_potential(potential),
            self.box,
            self.orbital_count,
            self.n_electrons,
            self.basis_tolerance,
        )

    @property
    def orbital_count(self) -> int:
        """Number of orbitals that the determinants are made of."""
        return self.n_orbitals or DEFAULT_ORBITALS[self.n_electrons]

    def _interacting(self, orbitals: Orbitals, values: Array) -> Solution:
        interaction = as_interaction(self.interaction)
        if self.n_electrons == 1 or interaction.name == "none" or self.strength == 0:
            return self._noninteracting(orbitals, values)
        pairs = pair_interaction(orbitals, interaction, self.strength)
        problem = (orbitals.energies, pairs, self.n_electrons)
        if self.spin is None:
            levels = lowest_levels(*problem, tolerance=self.tolerance)
        else:
            levels = lowest_levels_of_spin(*problem, self.spin, tolerance=self.tolerance)
        return ensemble(levels, orbitals, values)

    def _noninteracting(self, orbitals: Orbitals, values: Array) -> Solution:
        return noninteracting_solution(orbitals, values, self.n_electrons, self.spin)


def _is_whole(number: object) -> bool:
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool)


def _require_spin(spin: float, n_electrons: int) -> None:
    """Raise `UsageError` unless so many electrons can have this total spin."""
    possible = [n_electrons / 2 - k for k in range(n_electrons // 2, -1, -1)]
    if isinstance(spin, bool) or spin not in possible:
        listing = " or ".join(f"{value:g}" for value in possible)
        raise UsageError(f"{n_electrons} electrons have total spin {listing}, got spin={spin!r}")


def check_potential(potential: Array) -> Array:
    """Return a potential as float64, or raise `DataError` where it cannot be used."""
    return check_field(
        potential,
        "potential",
        several="solve several potentials one by one",
        not_finite="use a high finite barrier where electrons shall not go",
    )


def solve(
    potential: Array,
    box: Box,
    n_electrons: int = 2,
    interaction: str | Interaction = "coulomb",
    n_orbitals: int | None = None,
    strength: float = 1.0,
    spin: float | None = None,
) -> Solution:
    """Ground state of one to six electrons in a potential.

    Parameters
    ----------
    potential : ndarray, shape (n_pixels, n_pixels)
        Potential at the pixel centres (see `Box.mesh`) in Ha*, y first.
    box : Box
        The box with hard walls.
    n_electrons, interaction, n_orbitals, strength, spin : optional
        See `Solver`, which serves for many potentials.

    Returns
    -------
    Solution
        Density, energy and what else is known of the ground state.

    Raises
    ------
    DataError
        If the potential is not square or not finite.
    PhysicsError
        If it varies too sharply for the grid.
    UsageError
        If an argument makes no sense.

    Examples
    --------
    >>> box = Box(10.0)
    >>> x, y = box.mesh(64)
    >>> dot = solve((x - 5) ** 2 / 2 + (y - 5) ** 2 / 2, box, n_electrons=2)
    >>> round(float(dot.density.sum() * box.pixel_area(64)), 9), dot.sector
    (2.0, (1, 1))
    """
    return Solver(box, n_electrons, interaction, n_orbitals, strength, spin).solve(potential)
