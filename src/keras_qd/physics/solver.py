"""Ground states of one to six electrons in a two-dimensional dot."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from math import comb

import numpy as np
from numpy.typing import NDArray

from keras_qd._checks import real, setting
from keras_qd.errors import PhysicsError, UsageError
from keras_qd.physics.box import Box, blurred, check_blur, check_field, pixel_error
from keras_qd.physics.fine_basis import ERROR_OF_NORM, fine_orbitals
from keras_qd.physics.full_ci import lowest_levels, lowest_levels_of_spin
from keras_qd.physics.integrals import pair_interaction
from keras_qd.physics.interactions import Interaction, as_interaction
from keras_qd.physics.levels import ensemble, noninteracting_solution
from keras_qd.physics.many_electrons import ManyElectronProblem
from keras_qd.physics.pair_solver import DEFAULT_ACCURACY, PairProblem
from keras_qd.physics.pair_state import PairState
from keras_qd.physics.sine_basis import (
    Orbitals,
    grow_orbitals,
    largest_orbitals,
    truncation_errors,
)
from keras_qd.physics.solution import LabelError, Solution

#: Bytes of one element of a sparse table while it is made, of one state in the vectors of the
#: iteration, and of one element of the interaction between pairs of orbitals.
_BYTES_PER_ENTRY = 64
_BYTES_PER_STATE = 8 * 80
_BYTES_PER_PAIR_OF_PAIRS = 8 * 12

#: Products of the Hamiltonian with a vector that a sector takes, and floating-point operations a
#: second of one core: orders of magnitude.
_PRODUCTS = 80
_OPERATIONS_PER_SECOND = 1e10


@dataclass(frozen=True)
class Work:
    """Cost of one potential on one core: determinants of the largest sector, GB, seconds."""

    n_determinants: int
    memory: float
    seconds: float


def estimate_work(n_electrons: int, n_orbitals: int, spin: float | None = None) -> Work:
    """Estimate the cost of all spin sectors, or of that of one spin."""
    most = range((n_electrons + 1) // 2, n_electrons + 1)
    asked = most if spin is None else [round(n_electrons / 2 + spin)]
    sectors = [(n_up, n_electrons - n_up) for n_up in asked]
    states = [comb(n_orbitals, up) * comb(n_orbitals, down) for up, down in sectors]
    # Every pair of electrons of every determinant is one element of a table; pairs of opposite spin
    # occur as singlets and as triplets.
    entries = [
        n * (comb(up, 2) + comb(down, 2) + 2 * up * down)
        for n, (up, down) in zip(states, sectors, strict=True)
    ]
    memory = (
        _BYTES_PER_ENTRY * sum(entries)
        + _BYTES_PER_STATE * max(states)
        + _BYTES_PER_PAIR_OF_PAIRS * comb(n_orbitals + 1, 2) ** 2
    )
    # An element of an amplitude costs a row of the pair interaction, M^2 / 2 long.
    operations = _PRODUCTS * sum(entries) * n_orbitals**2
    return Work(max(states), memory / 1e9, operations / _OPERATIONS_PER_SECOND)


def refuse_beyond(
    n_electrons: int, n_orbitals: int, max_memory: float, spin: float | None = None
) -> None:
    """Raise `PhysicsError` where a problem takes more than `max_memory` gigabytes."""
    work = estimate_work(n_electrons, n_orbitals, spin)
    if work.memory <= max_memory:
        return
    within = [
        m
        for m in range(n_electrons + 1, n_orbitals)
        if estimate_work(n_electrons, m, spin).memory <= max_memory
    ]
    advice = f"use at most {within[-1]} orbitals" if within else "use fewer electrons"
    raise PhysicsError(
        f"{n_electrons} electrons in {n_orbitals} orbitals have {work.n_determinants:,} "
        f"determinants: about {work.memory:.1f} GB and {work.seconds:.2g} s a system, and "
        f"max_memory = {max_memory:g} GB is allowed; {advice}, or allow more memory"
    )


#: Orbitals of plain configuration interaction where nothing else is asked for, for each number of
#: electrons.
DEFAULT_ORBITALS = {1: 20, 2: 20, 3: 20, 4: 16, 5: 14, 6: 13}

#: Largest number of orbitals: the pairs of more do not fit into memory.
MOST_ORBITALS = 100

#: Largest factor on the interaction; a stronger one leaves nothing of the other energies.
MOST_STRENGTH = 1e4


@dataclass(frozen=True)
class Solver:
    """Exact diagonalisation for one box, number of electrons and interaction.

    Two electrons are solved in the full product space of a grid that is refined until the density
    has the accuracy asked for. Three to six are solved in all determinants of some ten orbitals, in
    every spin sector, with an interaction that stands for all pairs of orbitals of a grid. One
    electron, and any number where `n_orbitals` is given, have orbitals expanded in sine functions:
    integrals of the interaction over them are exact, and the many-electron problem is solved in all
    determinants of the lowest orbitals. Tables are made on the first call and kept.

    Parameters
    ----------
    box : Box
        The box with hard walls.
    n_electrons : int, default 2
        One to six.
    interaction : str or Interaction, default "coulomb"
        By name, or as an `Interaction` with its parameters.
    n_orbitals : int, optional
        Plain configuration interaction in this many orbitals. It is not needed for one electron,
        and gives up the corrections for what few orbitals leave out for more.
    strength : float, default 1
        Factor on the interaction, from 0 to 1e4.
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
    accuracy : float, optional
        For two electrons without `n_orbitals`: largest estimated error of the density (integral of
        its absolute value, per electron), 1e-3 by default.
    smooth : float, default 0
        Standard deviation in a0* of a Gaussian that the potential is blurred with before it is
        solved, for edges sharper than those of a device. Solutions report it.

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
    (3.0, 2.0)
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
    accuracy: float | None = None
    smooth: float = 0.0

    def __post_init__(self) -> None:
        if not _is_whole(self.n_electrons) or self.n_electrons not in DEFAULT_ORBITALS:
            raise UsageError(f"n_electrons must be 1 to 6, got {self.n_electrons!r}")
        object.__setattr__(self, "n_electrons", int(self.n_electrons))
        if self.on_grid and self.n_electrons == 2:
            object.__setattr__(self, "accuracy", _check_accuracy(self.accuracy))
        elif self.accuracy is not None:
            raise UsageError(
                "accuracy is for two electrons without n_orbitals, got "
                f"n_electrons={self.n_electrons}, n_orbitals={self.n_orbitals}: leave it out"
            )
        if self.n_electrons == 1 and self.n_orbitals is None:
            object.__setattr__(self, "n_orbitals", DEFAULT_ORBITALS[1])
        setting("strength", self.strength, real(0.0, MOST_STRENGTH))
        if self.spin is not None:
            _require_spin(self.spin, self.n_electrons)
        check_blur(self.smooth, self.box)
        object.__setattr__(self, "interaction", as_interaction(self.interaction))
        if not self.on_grid:
            self._check_orbitals()

    def _check_orbitals(self) -> None:
        if not (
            _is_whole(self.n_orbitals) and self.n_electrons < self.orbital_count <= MOST_ORBITALS
        ):
            raise UsageError(
                f"{self.n_electrons} electrons take {self.n_electrons + 1} to {MOST_ORBITALS} "
                f"orbitals, got n_orbitals={self.n_orbitals!r}"
            )
        refuse_beyond(self.n_electrons, self.orbital_count, self.max_memory, self.spin)

    @property
    def on_grid(self) -> bool:
        """Whether electrons are solved on a grid, rather than in a given number of orbitals."""
        return self.n_electrons > 1 and self.n_orbitals is None

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
            If no basis is large enough for it; the message says what helps.
        """
        return self.solve_both(potential)[0]

    def solve_noninteracting(self, potential: Array) -> Solution:
        """Solve without interaction; arguments and errors as for `solve`."""
        return replace(self, strength=0.0).solve_both(potential)[1]

    def solve_both(self, potential: Array) -> tuple[Solution, Solution]:
        """Solve with and without interaction, sharing the orbitals; else as `solve`."""
        if self.on_grid:
            found = self._on_grid(potential)
        elif self.n_electrons == 1:
            found = (self._one_electron(self._prepared(potential)),) * 2
        else:
            orbitals = self.solve_orbitals(potential)
            values = orbitals.values()
            found = self._interacting(orbitals, values), self._noninteracting(orbitals, values)
        first, second = (self._reported(solution, potential) for solution in found)
        return first, second

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
            self._prepared(potential),
            self.box,
            self.orbital_count,
            self.n_electrons,
            self.basis_tolerance,
        )

    @property
    def density_tolerance(self) -> float:
        """Largest estimated error of the density of two electrons on a product grid."""
        return DEFAULT_ACCURACY if self.accuracy is None else self.accuracy

    def pair_problem(self, potential: Array) -> PairProblem:
        """Return the problem of two electrons on a grid, of a potential that is checked.

        Parameters
        ----------
        potential : ndarray, shape (n_pixels, n_pixels)
            Potential at the pixel centres in Ha*, y first.

        Returns
        -------
        PairProblem
            To be solved.
        """
        return PairProblem(
            self._prepared(potential),
            self.box,
            as_interaction(self.interaction),
            self.strength,
            None if self.spin is None else int(self.spin),
        )

    def many_electron_problem(self, potential: Array) -> ManyElectronProblem:
        """Return the problem of three to six electrons, of a potential that is checked.

        Parameters
        ----------
        potential : ndarray, shape (n_pixels, n_pixels)
            Potential at the pixel centres in Ha*, y first.

        Returns
        -------
        ManyElectronProblem
            To be solved.
        """
        return ManyElectronProblem(
            self._prepared(potential),
            self.box,
            self.n_electrons,
            as_interaction(self.interaction),
            self.strength,
            self.spin,
        )

    @property
    def orbital_count(self) -> int:
        """Number of orbitals that the determinants, or starts of other methods, are made of."""
        return self.n_orbitals or DEFAULT_ORBITALS[self.n_electrons]

    def _prepared(self, potential: Array) -> Array:
        """Return a potential that is checked and blurred."""
        return blurred(check_potential(potential), self.box, self.smooth)

    def _reported(self, solution: Solution, potential: Array) -> Solution:
        """Add to a solution what it owes to the pixels and to blurring."""
        pixels = pixel_error(self._prepared(potential), solution.density, self.box)
        return replace(solution, pixel_error=pixels, smooth=self.smooth)

    def _on_grid(self, potential: Array) -> tuple[Solution, Solution]:
        if self.n_electrons == 2:
            return self.pair_problem(potential).solve(self.density_tolerance)
        return self.many_electron_problem(potential).solve()

    def _one_electron(self, potential: Array) -> Solution:
        """Solve one electron in as many sine functions as it takes, with its errors."""
        orbitals, errors = largest_orbitals(
            potential, self.box, self.orbital_count, 1, self.basis_tolerance
        )
        if errors.max() <= self.basis_tolerance and orbitals.basis.n_max < len(potential) - 1:
            errors, norms = truncation_errors(orbitals, potential, 2)
        else:
            orbitals, errors, norms = fine_orbitals(potential, orbitals, 2, self.basis_tolerance)
        return replace(
            self._noninteracting(orbitals, orbitals.values()),
            energy_error=float(errors[0]),
            gap_error=float(abs(errors[1] - errors[0])),
            density_error=float(ERROR_OF_NORM * norms[0]),
        )

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


def _check_accuracy(accuracy: float | None) -> float:
    if accuracy is None:
        return DEFAULT_ACCURACY
    if not (math.isfinite(accuracy) and accuracy > 0):
        raise UsageError(f"accuracy must be positive and finite, such as 1e-3, got {accuracy!r}")
    return float(accuracy)


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
        several="several are solved by keras_qd.solve_potentials",
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
    *,
    accuracy: float | None = None,
    basis_tolerance: float = 1e-4,
    smooth: float = 0.0,
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
    accuracy, basis_tolerance, smooth : optional
        See `Solver`.

    Returns
    -------
    Solution
        Density, energy and what else is known of the ground state.

    Raises
    ------
    DataError
        If the potential is not square or not finite.
    PhysicsError
        If no basis is large enough for it; the message says what helps.
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
    solver = Solver(
        box,
        n_electrons,
        interaction,
        n_orbitals,
        strength,
        spin,
        basis_tolerance=basis_tolerance,
        accuracy=accuracy,
        smooth=smooth,
    )
    return solver.solve(potential)


def pair_states(
    potential: Array,
    box: Box,
    n_states: int = 4,
    interaction: str | Interaction = "coulomb",
    strength: float = 1.0,
    spin: float | None = None,
    *,
    accuracy: float = DEFAULT_ACCURACY,
    smooth: float = 0.0,
) -> list[PairState]:
    """Lowest states of two electrons: wave functions, singlets and triplets.

    Parameters
    ----------
    potential : ndarray, shape (n_pixels, n_pixels)
        Potential at the pixel centres (see `Box.mesh`) in Ha*, y first.
    box : Box
        The box with hard walls.
    n_states : int, default 4
        How many, rising in energy; the directions of a triplet's spin count once.
    interaction, strength, spin : optional
        See `Solver`.
    accuracy : float, default 1e-3
        Largest estimated error of the density of the ground state; excited states are on the same
        grid.
    smooth : float, default 0
        See `Solver`.

    Returns
    -------
    list of PairState
        Energy, density, natural occupations, pair density and mean distance of each.

    Raises
    ------
    DataError, PhysicsError, UsageError
        As `solve`.

    Examples
    --------
    >>> box = Box(8.0)
    >>> x, y = box.mesh(32)
    >>> states = pair_states((x - 4) ** 2 / 2 + (y - 4) ** 2 / 2, box, 3)
    >>> [(state.spin, round(state.energy, 2)) for state in states]
    [(0, 3.0), (1, 3.6), (1, 3.6)]
    """
    if not _is_whole(n_states) or n_states < 1:
        raise UsageError(f"n_states must be a positive whole number, got {n_states!r}")
    solver = Solver(
        box, 2, interaction, strength=strength, spin=spin, accuracy=accuracy, smooth=smooth
    )
    return solver.pair_problem(potential).states(n_states, accuracy)


Array = NDArray[np.float64]

#: How many times more orbitals the comparison takes, and how much stricter its sine basis is.
_MORE_ORBITALS = 1.5
_STRICTER_BASIS = 0.1


def estimate_label_error(
    solver: Solver, potential: Array, n_orbitals: int | None = None
) -> LabelError:
    """Estimate the error of what a solver returns, by solving once more with more orbitals.

    Two electrons on a product grid are solved once more with four more points a side instead: over
    six families of potentials densities, energies and gaps are then met to a third or better. Three
    to six electrons with an effective interaction are solved once more in fewer orbitals.

    The cusp of the wave function where two electrons meet makes errors fall as 1 / M with the
    number of orbitals M, so the difference from a larger M' is stretched by ``M' / (M' - M)``, as
    in every extrapolation of Richardson's kind [1]_ (E + c / M less E + c / M' is that share of
    c / M). For
    two electrons in random potentials, against M = 56 and 80, energies are met to about 30 % and
    densities to about a factor of two (too large rather than too small). In a parabola, whose
    orbitals come in shells, give full shells both times.

    Parameters
    ----------
    solver : Solver
        The solver whose error is estimated.
    potential : ndarray, shape (n_pixels, n_pixels)
        Potential in Ha*.
    n_orbitals : int, optional
        M'; one and a half times as many as the solver's by default.

    Returns
    -------
    LabelError
        Of the energy and of the density.

    Raises
    ------
    UsageError
        If `n_orbitals` is not larger than the solver's.
    PhysicsError
        If the larger problem is out of reach.

    References
    ----------
    .. [1] L. F. Richardson and J. A. Gaunt, "The deferred approach to the limit", Phil. Trans. R.
       Soc. A 226, 299 (1927), https://doi.org/10.1098/rsta.1927.0008

    Examples
    --------
    >>> from keras_qd.physics import Box
    >>> box = Box(10.0)
    >>> x, y = box.mesh(64)
    >>> solver = Solver(box, 2, n_orbitals=20)
    >>> error = estimate_label_error(solver, (x - 5) ** 2 / 2 + (y - 5) ** 2 / 2)
    >>> round(error.energy, 3), round(error.density, 2)  # exact: 0.015
    (0.012, 0.02)
    """
    if solver.on_grid:
        if n_orbitals is not None:
            raise UsageError(
                "a solver on a grid has no orbitals to add: leave n_orbitals out, or give the "
                "solver n_orbitals as well"
            )
        if solver.n_electrons > 2:
            return solver.many_electron_problem(potential).error()
        problem = solver.pair_problem(potential)
        return problem.error_of(solver.solve(potential))
    n_given = solver.orbital_count
    n_larger = math.ceil(_MORE_ORBITALS * n_given) if n_orbitals is None else n_orbitals
    if n_larger <= n_given:
        raise UsageError(f"n_orbitals must be more than the solver's {n_given}, got {n_larger}")
    stricter = solver.basis_tolerance * _STRICTER_BASIS
    larger = replace(solver, n_orbitals=n_larger, basis_tolerance=stricter)
    small, large = solver.solve(potential), larger.solve(potential)
    stretch = n_larger / (n_larger - n_given)
    area = solver.box.pixel_area(small.density.shape[0])
    difference = float(np.abs(small.density - large.density).sum()) * area / solver.n_electrons
    return LabelError(
        stretch * (small.energy - large.energy),
        stretch * difference,
        stretch * (small.gap - large.gap),
        stretch * (small.exchange - large.exchange),
    )
