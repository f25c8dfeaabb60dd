"""Spectra: the lowest levels of a dot with densities and dipole matrix elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.many_electrons import ManyElectronProblem
from keras_qd.physics.pair_state import PairState
from keras_qd.physics.quantities import matrix_elements, one_electron_levels
from keras_qd.physics.solver import Solver

Array = NDArray[np.float64]

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
