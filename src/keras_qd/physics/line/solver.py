r"""Solution of systems of one or two electrons on a line.

The wave function of two electrons on the pairs of nodes is a matrix :math:`\Psi`, symmetric for the
singlet and antisymmetric for the triplet, and the Hamiltonian acts as

.. math:: \Psi \mapsto h \Psi + \Psi h + W \circ \Psi

with the one-electron Hamiltonian h and the interaction W at every pair of nodes. Davidson's
iteration [1]_ finds the lowest eigenvector; in the eigenbasis of h all but the interaction is
diagonal, which makes the correction of the residual cheap and good. It starts from several of
the lowest states among the products of a few orbitals: from the lowest product alone it would
sometimes converge to an excited state, such as both electrons in the deeper of two wells.

References
----------
.. [1] E. R. Davidson, "The iterative calculation of a few of the lowest eigenvalues and
   corresponding eigenvectors of large real-symmetric matrices", J. Comput. Phys. 17, 87 (1975),
   https://doi.org/10.1016/0021-9991(75)90065-0
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import DataError, UnknownNameError, UsageError
from keras_qd.physics.davidson import davidson
from keras_qd.physics.levels import DEGENERACY
from keras_qd.physics.line.one_electron import (
    dvr_states,
    kinetic_matrix,
    numerov_ground_states,
    resolution_errors,
)
from keras_qd.physics.solution import NEAR_DEGENERACY

#: Degenerate states of one electron that are mixed at most.
_MOST_STATES = 8


@dataclasses.dataclass(frozen=True)
class Solution1D:
    """Ground states of a batch of systems on a line.

    Parameters
    ----------
    energies : ndarray, shape (n,)
        Ground-state energies in Ha*.
    densities : ndarray, shape (n, points)
        Densities at the interior nodes in 1/a0*; ``sum(density) * spacing`` is the number of
        electrons.
    potential_energies : ndarray, shape (n,)
        Integrals of density times potential in Ha*.
    length : float
        Distance of the walls in a0*.
    n_electrons : int
        Number of electrons.
    potentials : ndarray, shape (n, points)
        Potentials at the nodes in Ha*.
    n_states : ndarray of int, shape (n,)
        Levels that have the ground-state energy to 1e-6 Ha*; their densities are mixed with equal
        weight, which keeps the symmetry of the potential.
    energy_errors : ndarray, shape (n,)
        Estimated errors in Ha* of the energies of one electron; nan for two.
    excited : ndarray, shape (n,), optional
        Energies in Ha* of the next level of two electrons with the same spin.

    Examples
    --------
    >>> import numpy as np
    >>> from keras_qd import physics
    >>> found = physics.solve_1d(np.zeros((1, 64)), length=20.0)
    >>> isinstance(found, Solution1D), round(float(found.energies[0]), 4)  # pi^2 / (2 * 20^2)
    (True, 0.0123)
    """

    energies: NDArray[np.float64]
    densities: NDArray[np.float64]
    potential_energies: NDArray[np.float64]
    length: float
    n_electrons: int
    potentials: NDArray[np.float64]
    n_states: NDArray[np.intp]
    energy_errors: NDArray[np.float64]
    excited: NDArray[np.float64] | None = None

    @functools.cached_property
    def gaps(self) -> NDArray[np.float64]:
        """Distance to the next level of the same spin in Ha*, 0 where the lowest is degenerate."""
        if self.excited is None:
            levels, _ = dvr_states(self.potentials, self.length, 2)
            gaps = levels[:, 1] - levels[:, 0]
        else:
            gaps = self.excited - self.energies
        return np.where(self.n_states > 1, 0.0, gaps)

    @property
    def is_degenerate(self) -> NDArray[np.bool_]:
        """Whether another level lies less than 2e-3 Ha* above: such a density is not stable."""
        return self.gaps < NEAR_DEGENERACY

    @property
    def nodes(self) -> NDArray[np.float64]:
        """Positions x_i = i L / (points + 1) of the interior nodes in a0*, shape (points,)."""
        return np.arange(1, self.densities.shape[1] + 1) * self.spacing

    @property
    def spacing(self) -> float:
        """Distance of neighbouring nodes in a0*."""
        n_points: int = self.densities.shape[1]
        return self.length / (n_points + 1)

    @property
    def internal_energies(self) -> NDArray[np.float64]:
        """Kinetic plus interaction energy in Ha*, shape (n,).

        By Hohenberg and Kohn's theorem it is a functional of the density alone. For one electron
        it is the kinetic energy, and the functional is von Weizsäcker's.
        """
        return self.energies - self.potential_energies


FEWEST_POINTS = 3


def solve_1d(
    potentials: ArrayLike,
    length: float,
    n_electrons: int = 1,
    *,
    spin: str = "singlet",
    interaction: str = "soft-coulomb",
    softening: float = 1.0,
    strength: float = 1.0,
) -> Solution1D:
    """Solve systems on a line between hard walls for their ground states.

    One electron is solved with Numerov's matrix by a vectorised Noda iteration, with a density
    error of about 1e-4. Where the estimated error of the energy is more than 2e-3 of that of the
    empty line, or levels are degenerate, the sine discrete-variable representation takes over. Two
    electrons are solved in all products of that by Davidson's iteration.

    Parameters
    ----------
    potentials : array_like, shape (n, points)
        At the interior nodes x_i = i L / (points + 1), i = 1 to points, in Ha*. The walls, where
        the wave function vanishes, are at 0 and L.
    length : float
        Distance L of the walls in a0*.
    n_electrons : {1, 2}, default 1
        Number of electrons.
    spin : {"singlet", "triplet"}, default "singlet"
        State of two electrons; the singlet is their ground state.
    interaction : str, default "soft-coulomb"
        Of two electrons at distance d: ``"soft-coulomb"`` 1/sqrt(d^2 + a^2) [1]_,
        ``"cusp-coulomb"`` 1/(d + a) [2]_, or ``"none"``.
    softening : float, default 1.0
        The length a in a0*.
    strength : float, default 1.0
        Factor of the interaction.

    Returns
    -------
    Solution1D
        Energies and densities.

    Raises
    ------
    DataError
        If potentials have a wrong shape or are not finite.
    PhysicsError
        If a potential is too narrow for its grid; the message says how many points it takes.
    UsageError
        If the number of electrons, the spin or the length is not allowed.

    References
    ----------
    .. [1] J. Javanainen, J. H. Eberly and Q. Su, "Numerical simulations of multiphoton ionization
       and above-threshold electron spectra", Phys. Rev. A 38, 3430 (1988),
       https://doi.org/10.1103/PhysRevA.38.3430
    .. [2] M. J. P. Hodgson, J. D. Ramsden, J. B. J. Chapman, P. Lillystone and R. W. Godby, "Exact
       time-dependent density-functional potentials for strongly correlated tunneling electrons",
       Phys. Rev. B 88, 241102 (2013), https://doi.org/10.1103/PhysRevB.88.241102

    Examples
    --------
    >>> solution = solve_1d(np.zeros((1, 64)), 1.0)
    >>> print(f"{solution.energies[0]:.4f}")
    4.9348
    >>> print(f"{solution.densities.sum() * solution.spacing:.6f}")
    1.000000
    """
    values = _checked_potentials(potentials, length)
    if n_electrons == 1:
        found = _solve_singles(values, length)
    elif n_electrons == 2 and spin in ("singlet", "triplet"):
        pair = interaction_matrix(interaction, values.shape[1], length, softening, strength)
        found = _solve_pairs(values, length, pair, triplet=spin == "triplet")
    else:
        raise UsageError(
            f"n_electrons={n_electrons!r} with spin={spin!r} cannot be solved on a line;"
            " give n_electrons 1 or 2 and spin 'singlet' or 'triplet'"
        )
    spacing = length / (values.shape[1] + 1)
    potential_energies = spacing * np.einsum("ij,ij->i", found.densities, values)
    return Solution1D(
        found.energies,
        found.densities,
        potential_energies,
        length,
        n_electrons,
        values,
        found.n_states,
        found.errors,
        found.excited,
    )


def states_1d(
    potentials: ArrayLike, length: float, n_states: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Solve systems on a line for several states of one electron.

    The sine discrete-variable representation is slower than `solve_1d` and converges
    exponentially with the number of points.

    Parameters
    ----------
    potentials : array_like, shape (n, points)
        At the interior nodes, in Ha*.
    length : float
        Distance of the walls in a0*.
    n_states : int, default 1
        Number of states of each system.

    Returns
    -------
    energies : ndarray, shape (n, n_states)
        In Ha*, rising.
    orbitals : ndarray, shape (n, n_states, points)
        Wave functions in a0*^(-1/2), orthonormal under ``sum(...) * spacing``; the sign is that
        of the largest value's.

    Raises
    ------
    DataError
        If potentials have a wrong shape or are not finite.
    UsageError
        If there are more states than grid points, or none.

    Examples
    --------
    >>> energies, _ = states_1d(np.zeros((1, 32)), np.pi, 3)
    >>> print(np.round(2 * energies[0], 10))
    [1. 4. 9.]
    """
    values = _checked_potentials(potentials, length)
    if not 1 <= n_states <= values.shape[1]:
        raise UsageError(
            f"n_states={n_states!r} must be from 1 to the number of points, {values.shape[1]}"
        )
    energies, orbitals = dvr_states(values, length, n_states)
    peaks = np.take_along_axis(orbitals, np.abs(orbitals).argmax(axis=2, keepdims=True), axis=2)
    return energies, orbitals * np.sign(peaks)


class _Found(NamedTuple):
    """Ground states of a batch; see `Solution1D`."""

    energies: NDArray[np.float64]
    densities: NDArray[np.float64]
    n_states: NDArray[np.intp]
    errors: NDArray[np.float64]
    excited: NDArray[np.float64] | None


def _solve_singles(potentials: NDArray[np.float64], length: float) -> _Found:
    """Solve one electron by Numerov's matrix, and in sine functions where that is not enough."""
    states = numerov_ground_states(potentials, length)
    n_states = np.ones(len(potentials), dtype=np.intp)
    rows = np.flatnonzero(~states.reliable)
    if len(rows):
        energies, orbitals = dvr_states(
            potentials[rows], length, min(_MOST_STATES, potentials.shape[1])
        )
        states.energies[rows] = energies[:, 0]
        states.errors[rows] = resolution_errors(
            energies[:, 0], orbitals[:, 0], potentials[rows], length
        )
        lowest = energies - energies[:, :1] < DEGENERACY
        n_states[rows] = lowest.sum(axis=1)
        mixed = np.einsum("nk,nki->ni", lowest / n_states[rows, None], orbitals**2)
        states.densities[rows] = mixed
    return _Found(states.energies, states.densities, n_states, states.errors, None)


def _solve_pairs(
    potentials: NDArray[np.float64],
    length: float,
    interaction: NDArray[np.float64],
    *,
    triplet: bool,
) -> _Found:
    """Solve two electrons one system after the other."""
    n, points = potentials.shape
    kinetic = kinetic_matrix(points, length)
    energies, excited, densities = np.empty(n), np.full(n, np.inf), np.empty((n, points))
    n_states = np.ones(n, dtype=np.intp)
    for row, potential in enumerate(potentials):
        levels, pairs = lowest_pair_levels(
            kinetic + np.diag(potential), interaction, triplet=triplet
        )
        n_lowest = int(np.count_nonzero(levels - levels[0] < DEGENERACY))
        energies[row], n_states[row] = levels[0], n_lowest
        excited[row] = levels[n_lowest] if n_lowest < len(levels) else np.inf
        squares = (pairs[:n_lowest] ** 2).sum(axis=2).mean(axis=0)
        densities[row] = 2.0 * squares * (points + 1) / length
    return _Found(energies, densities, n_states, np.full(n, np.nan), excited)


def _checked_potentials(potentials: ArrayLike, length: float) -> NDArray[np.float64]:
    if not (math.isfinite(length) and length > 0):
        raise UsageError(f"length={length!r} must be a positive number, in a0*")
    values = np.asarray(potentials, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < FEWEST_POINTS:
        raise DataError(
            f"potentials of shape {values.shape}; expected (systems, points) with at least"
            f" {FEWEST_POINTS} points (one system alone: potential[None, :])"
        )
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if bad.size:
        raise DataError(
            f"potential {bad[0]} (and {bad.size - 1} more) is not finite; model walls by a"
            " shorter length, not by infinite values"
        )
    return values


#: Name -> interaction in Ha* at a distance and with a softening length, both in a0*.
INTERACTIONS: dict[str, Callable[[NDArray[np.float64], float], NDArray[np.float64]]] = {
    "none": lambda distance, softening: np.zeros_like(distance),
    "soft-coulomb": lambda distance, softening: 1.0 / np.sqrt(distance**2 + softening**2),
    "cusp-coulomb": lambda distance, softening: 1.0 / (distance + softening),
}


def interaction_matrix(
    name: str, n_points: int, length: float, softening: float, strength: float
) -> NDArray[np.float64]:
    """Interaction in Ha* of electrons at each pair of nodes; see `keras_qd.physics.solve_1d`."""
    if name not in INTERACTIONS:
        raise UnknownNameError("interaction on a line", name, INTERACTIONS)
    if not (softening > 0 and strength >= 0):
        raise UsageError(
            f"softening={softening!r} must be positive and strength={strength!r} not negative"
        )
    nodes = np.arange(1, n_points + 1) * (length / (n_points + 1))
    return strength * INTERACTIONS[name](np.abs(nodes[:, None] - nodes), softening)


#: Norm of the residual in Ha* at which the iteration ends; the energy's error is its square.
TOLERANCE = 1e-7
#: Number of levels that are solved for: more where the first are degenerate.
N_LEVELS = (2, 4, 8)
#: Number of orbitals whose products the iteration starts from.
N_START_ORBITALS = 8


def lowest_pair_levels(
    hamiltonian: NDArray[np.float64], interaction: NDArray[np.float64], *, triplet: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest levels of one spin: energies (k,) and wave functions (k, points, points), norm 1."""
    problem = _PairProblem(hamiltonian, interaction, triplet)
    starts = problem.starts()
    for n_levels in N_LEVELS:
        found = min(n_levels, max(1, len(starts) - 1))
        energies, vectors = davidson(
            problem.apply, problem.correct, starts, found, tolerance=TOLERANCE
        )
        if found < n_levels or energies[-1] - energies[0] >= DEGENERACY:
            break
    shape = problem.pair_levels.shape
    return energies, problem.orbitals @ vectors.reshape(-1, *shape) @ problem.orbitals.T


class _PairProblem:
    """The pair Hamiltonian in the eigenbasis of the one-electron Hamiltonian."""

    def __init__(
        self, hamiltonian: NDArray[np.float64], interaction: NDArray[np.float64], triplet: bool
    ) -> None:
        levels, self.orbitals = np.linalg.eigh(hamiltonian)
        self.interaction = interaction
        self.pair_levels = levels[:, None] + levels
        self.sign = -1.0 if triplet else 1.0
        densities = self.orbitals**2
        self.diagonal = self.pair_levels + densities.T @ interaction @ densities

    def apply(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the Hamiltonian times rows of coefficients of products."""
        squares = vectors.reshape(-1, *self.pair_levels.shape)
        on_grid = (self.orbitals @ squares @ self.orbitals.T) * self.interaction
        images = self.orbitals.T @ on_grid @ self.orbitals + self.pair_levels * squares
        return np.asarray(images.reshape(vectors.shape))

    def correct(
        self, residuals: NDArray[np.float64], energies: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Davidson's corrections, in the sector of the right symmetry."""
        squares = residuals.reshape(-1, *self.pair_levels.shape)
        distance = self.diagonal - energies[:, None, None]
        steps = self._symmetrised(squares / np.where(np.abs(distance) < 1e-3, 1e-3, distance))
        return steps.reshape(residuals.shape)

    def starts(self) -> NDArray[np.float64]:
        """Lowest states among the products of a few orbitals, as rows of coefficients."""
        few = min(N_START_ORBITALS, len(self.orbitals))
        chosen = self.orbitals[:, :few]
        pairs = (chosen[:, :, None] * chosen[:, None, :]).reshape(len(chosen), few**2)
        repulsion = (pairs.T @ self.interaction @ pairs).reshape(few, few, few, few)
        hamiltonian = repulsion.swapaxes(1, 2).reshape(few**2, few**2)
        hamiltonian += np.diag(self.pair_levels[:few, :few].ravel())
        rows, columns = np.tril_indices(few, k=-1 if self.sign < 0 else 0)
        products = np.zeros((len(rows), few, few))
        products[np.arange(len(rows)), rows, columns] = 1.0
        products = self._symmetrised(products)
        products /= np.sqrt(np.sum(products**2, axis=(1, 2), keepdims=True))
        flat = products.reshape(len(rows), few**2)
        _, weights = np.linalg.eigh(flat @ hamiltonian @ flat.T)
        lowest = (weights[:, : N_LEVELS[-1] + 2].T @ flat).reshape(-1, few, few)
        beyond = len(self.orbitals) - few
        return np.pad(lowest, ((0, 0), (0, beyond), (0, beyond))).reshape(len(lowest), -1)

    def _symmetrised(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        return 0.5 * (vector + self.sign * vector.swapaxes(-1, -2))
