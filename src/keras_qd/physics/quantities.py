"""Numbers that are asked of a dot: exchange, addition energies, and the spectrum with dipoles.

All are pure functions of a potential, and have estimated errors.
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
from keras_qd.physics.many_electrons import ManyElectronProblem
from keras_qd.physics.pair_state import PairState
from keras_qd.physics.sine_basis import Orbitals, largest_orbitals
from keras_qd.physics.solution import with_error
from keras_qd.physics.solver import Solver, check_potential, solve

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


#: Levels closer than this, in Ha*, are one multiplet of a spectrum whatever their errors.
MULTIPLET = 1e-4

#: Share of the root mean square error of all levels that each excited one has at least: where an
#: error changes sign from one grid to the next, the difference is too small. Chosen on 12 dots
#: (61 of 70 levels are then 0.5 to 3 times their distance to a finer solution) and on Taut's, whose
#: largest error is 2.6 times its estimate.
_LEAST_SHARE = 0.3

#: Most electrons of a spectrum.
MOST_ELECTRONS = 4


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Lowest levels of a dot.

    Parameters
    ----------
    n_electrons : int
        One to four.
    energies : ndarray, shape (n_states,)
        Rising, in Ha*; the 2 S + 1 directions of a spin count as one level.
    energy_errors : ndarray, shape (n_states,)
        Estimated errors of the energies, in Ha*; for three and four electrons orders of magnitude.
    spins : ndarray, shape (n_states,)
        Total spin S of each level.
    densities : ndarray, shape (n_states, n_pixels, n_pixels)
        Electron density of each, in 1/a0*^2.
    dipoles : ndarray, shape (n_states, n_states, 2)
        ``<i| sum r |j>``, x first, in a0* from the corner of the box; 0 between different spins.

    Examples
    --------
    >>> box = Box(10.0)
    >>> x, y = box.mesh(32)
    >>> levels = spectrum((x - 5) ** 2 / 2 + (y - 5) ** 2 / 2, box, n_electrons=1, n_states=3)
    >>> levels.energies.round(3), [len(group) for group in levels.multiplets]
    (array([1., 2., 2.]), [1, 2])
    """

    n_electrons: int
    energies: Array
    energy_errors: Array
    spins: Array
    densities: Array
    dipoles: Array

    @property
    def spin_squared(self) -> Array:
        """Expectation of S^2 of each level."""
        return np.asarray(self.spins * (self.spins + 1))

    @property
    def excitation_energies(self) -> Array:
        """Distances to the ground state, in Ha*."""
        return np.asarray(self.energies - self.energies[0])

    @property
    def multiplets(self) -> list[list[int]]:
        """Indices of the levels; those of one spin whose errors do not part them are together."""
        groups: list[list[int]] = []
        for k, (energy, spin) in enumerate(zip(self.energies, self.spins, strict=True)):
            near = [
                group
                for group in groups
                if self.spins[group[0]] == spin
                and energy - self.energies[group[-1]]
                < max(MULTIPLET, self.energy_errors[group[-1]] + self.energy_errors[k])
            ]
            if near:
                near[-1].append(k)
            else:
                groups.append([k])
        return groups

    @property
    def oscillator_strengths(self) -> Array:
        """``2 (E_k - E_0) |<0| sum r |k>|^2`` of each level, both directions of light together.

        Those of all levels sum to twice the number of electrons (Thomas, Reiche and Kuhn).
        """
        return np.asarray(2.0 * self.excitation_energies * (self.dipoles[0] ** 2).sum(axis=-1))

    def density_gap(self, least: float = 0.2) -> float:
        """Energy from the ground state to the nearest level with another density.

        Where it is small, a small change of the potential exchanges the two, and the density with
        them: such a dot is undecided. A singlet and a triplet with the electrons in the same wells
        have nearly one density, and do not count.

        Parameters
        ----------
        least : float
            By how much densities must differ: integral of the absolute difference, per electron.

        Returns
        -------
        float
            In Ha*; where no level differs as much, the distance to the highest, a lower bound.

        Raises
        ------
        UsageError
            If there is only one level.
        """
        if len(self.energies) < 2:
            raise UsageError("a density gap needs two levels or more; ask for more n_states")
        differences = np.abs(self.densities - self.densities[0]).sum(axis=(1, 2))
        others = np.flatnonzero(differences > least * self.densities[0].sum())
        nearest = others[0] if others.size else -1
        return float(self.excitation_energies[nearest])


def spectrum(
    potential: Array,
    box: Box,
    n_electrons: int = 2,
    n_states: int = 6,
    interaction: str | Interaction = "coulomb",
    strength: float = 1.0,
    **settings: Any,
) -> Spectrum:
    """Lowest levels of one to four electrons, with densities and dipole matrix elements.

    One and two electrons are solved to a stated accuracy. Levels of three and four are those of
    configuration interaction with an effective interaction, good to some mHa*; their errors, from
    solutions in fewer orbitals and on a coarser grid, are orders of magnitude, and nan for a level
    that these solutions lack.

    Parameters
    ----------
    potential : ndarray, shape (n_pixels, n_pixels)
        Potential at the pixel centres in Ha*, y first.
    box : Box
        The box with hard walls.
    n_electrons : int, default 2
        One to four.
    n_states : int, default 6
        How many levels.
    interaction, strength : optional
        See `Solver`.
    **settings
        Further ones of `Solver`, such as ``accuracy``.

    Returns
    -------
    Spectrum
        Energies in Ha*, the lowest first.

    Raises
    ------
    UsageError
        If a number makes no sense.
    DataError, PhysicsError
        As `solve`.

    Examples
    --------
    Light couples to the centre of mass alone, and sees omega whatever the interaction is (Kohn):

    >>> box = Box(8.0)
    >>> x, y = box.mesh(32)
    >>> levels = spectrum((x - 4) ** 2 / 2 + (y - 4) ** 2 / 2, box, n_electrons=2, n_states=8)
    >>> bright = levels.oscillator_strengths > 0.1
    >>> levels.excitation_energies[bright].round(2), levels.oscillator_strengths[bright].sum() > 3.9
    (array([1., 1.]), np.True_)
    """
    if n_electrons == 1:
        return _one_electron_spectrum(potential, box, n_states, **settings)
    if n_electrons not in range(2, MOST_ELECTRONS + 1):
        raise UsageError(
            f"n_electrons must be 1 to {MOST_ELECTRONS} for a spectrum, got {n_electrons!r}"
        )
    solver = Solver(box, n_electrons, interaction, strength=strength, **settings)
    if not solver.on_grid:
        raise UsageError("a spectrum has orbitals of its own choice: leave n_orbitals out")
    if n_electrons > 2:
        return _many_electron_spectrum(solver.many_electron_problem(potential), n_states)
    problem = solver.pair_problem(potential)
    states, errors = problem.states_and_errors(n_states, solver.density_tolerance)
    errors[1:] = np.hypot(errors[1:], _LEAST_SHARE * np.sqrt(np.mean(errors**2)))
    return _pair_spectrum(states, errors, len(potential))


def _one_electron_spectrum(potential: Array, box: Box, n_states: int) -> Spectrum:
    orbitals, errors = one_electron_levels(potential, box, n_states)
    values = orbitals.values()
    dipoles = [matrix_elements(orbitals, r) for r in box.mesh(len(potential))]
    return Spectrum(
        1,
        orbitals.energies,
        errors,
        np.full(n_states, 0.5),
        values**2,
        np.stack(dipoles, axis=-1),
    )


def _pair_spectrum(states: list[PairState], errors: Array, n_pixels: int) -> Spectrum:
    """Levels of two electrons; the dipole is a one-electron operator."""
    position = states[0].positions
    same = np.equal.outer(*[[state.spin for state in states]] * 2)
    waves = np.array([state.wave_function for state in states])
    dipoles = [2.0 * np.einsum("ikm,kl,jlm->ij", waves, r, waves, optimize=True) for r in position]
    return Spectrum(
        2,
        np.array([state.energy for state in states]),
        errors,
        np.array([float(state.spin) for state in states]),
        np.array([state.density(n_pixels) for state in states]),
        np.stack(dipoles, axis=-1) * same[:, :, None],
    )


def _many_electron_spectrum(problem: ManyElectronProblem, n_states: int) -> Spectrum:
    levels, errors = problem.levels_and_errors(n_states)
    densities, dipoles = problem.densities_and_dipoles(levels)
    return Spectrum(
        problem.n_electrons,
        np.array([level.energy for level in levels]),
        errors,
        np.array([0.5 * (level.multiplicity - 1) for level in levels]),
        densities,
        dipoles,
    )
