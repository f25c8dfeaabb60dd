"""The ground state of a dot, as the solvers return it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd._shown import Shown, xarray_dataset
from keras_qd.physics.box import Box

if TYPE_CHECKING:
    from keras_qd.physics.pair_state import PairState

Array = NDArray[np.float64]

#: Ground states with a smaller gap, in Ha*, are flagged: a label computed for them is not stable.
NEAR_DEGENERACY = 2e-3


@dataclass(frozen=True)
class LabelError:
    """Estimated errors of a ground state.

    Parameters
    ----------
    energy : float
        Energy minus its limit, in Ha*. It is not negative in configuration interaction, but for
        rounding, as that is variational; on a product grid it has either sign.
    density : float
        Integral of the absolute error of the density, per electron.
    gap, exchange : float
        Gap and exchange minus their limits, in Ha*; nan where they were not estimated.

    Examples
    --------
    >>> LabelError(energy=0.012, density=0.02).energy
    0.012
    """

    energy: float
    density: float
    gap: float = math.nan
    exchange: float = math.nan


@dataclass(frozen=True, eq=False, repr=False)
class Solution(Shown):
    """Ground state of n electrons in a potential.

    Where several states have the ground-state energy to 1e-6 Ha* (`n_states` of them, not counting
    the direction of the spin), the density and the density matrices are those of the ensemble in
    which all have equal weight: the one choice that keeps the symmetry of the potential. Levels
    that are merely close (`is_degenerate`) are not mixed: the density is that of the lowest.

    Parameters
    ----------
    box : Box
        The box.
    energy : float
        Ground-state energy in Ha*.
    gap : float
        Distance to the next level in Ha*, 0 where the ground state is degenerate beyond its spin;
        infinite where no other level was computed.
    spin_squared : float
        Expectation of S^2, in units of hbar^2.
    sector : tuple of int
        Electrons with spin up and down in the state; the spin points along its axis.
    n_states : int
        Number of degenerate levels in the ensemble, 1 for most potentials.
    orbital_energies : ndarray, shape (n_orbitals,)
        Kinetic and potential energy of one electron in each orbital, in Ha*.
    orbitals : ndarray, shape (n_orbitals, n_pixels, n_pixels)
        Orbitals at the pixel centres, in 1/a0*: the lowest ones of one electron (configuration
        interaction), or the natural orbitals of the state (two electrons on a product grid).
    density_matrix_up, density_matrix_down : ndarray, shape (n_orbitals, n_orbitals)
        One-body density matrices ``<a+_i a_j>`` of either spin, between the orbitals.
    exchange : float
        Energy of the lowest state of the second smallest spin less that of the smallest in Ha*:
        triplet less singlet of two and four electrons, quartet less doublet of three; nan for one
        electron, and where they were not both computed.
    energy_error, gap_error, exchange_error : float
        Estimated errors of `energy`, `gap` and `exchange` in Ha*, without sign; nan where they were
        not estimated.
    density_error : float
        Estimated integral of the absolute error of the density, per electron; nan likewise.
    pixel_error : float
        Change of the energy in Ha*, to first order, if every pixel of the potential were constant
        over its cell, and not a sample of a smooth function. Where a potential has edges the image
        leaves this much open: only more pixels reduce it.
    smooth : float
        Length in a0* over which the potential was blurred: the solution is that of the blurred one.
    pair : PairState, optional
        Wave function of two electrons on a product grid (the first of degenerate ones).

    Examples
    --------
    >>> from keras_qd import physics
    >>> box = physics.Box(10.0)
    >>> x, y = box.mesh(32)
    >>> dot = physics.solve((x - 5) ** 2 / 2 + (y - 5) ** 2 / 2, box, n_electrons=2)
    >>> isinstance(dot, Solution), dot.multiplicity, round(float(dot.occupations.sum()), 9)
    (True, 1, 2.0)
    >>> print(dot)  # doctest: +NORMALIZE_WHITESPACE
    Solution: N = 2, 2S + 1 = 1, E = 2.99995(4) Ha*, gap = 0.59652(1) Ha*,
    density to 0.0005 on 32 x 32 pixels
    """

    box: Box
    energy: float
    gap: float
    spin_squared: float
    sector: tuple[int, int]
    n_states: int
    orbital_energies: Array
    orbitals: Array
    density_matrix_up: Array
    density_matrix_down: Array
    exchange: float = math.nan
    energy_error: float = math.nan
    gap_error: float = math.nan
    exchange_error: float = math.nan
    density_error: float = math.nan
    pixel_error: float = math.nan
    smooth: float = 0.0
    pair: PairState | None = None

    def __repr__(self) -> str:
        """Return what is known in one line: ``E = 3.0002(3)`` is 3.0002 with an error of 0.0003."""
        parts = [f"N = {self.n_electrons}", f"2S + 1 = {self.multiplicity}"]
        parts.append(f"E = {with_error(self.energy, self.energy_error)} Ha*")
        if math.isfinite(self.gap):
            parts.append(f"gap = {with_error(self.gap, self.gap_error)} Ha*")
        if math.isfinite(self.exchange) and self.exchange != self.gap:
            parts.append(f"exchange = {with_error(self.exchange, self.exchange_error)} Ha*")
        if self.n_states > 1:
            parts.append(f"{self.n_states} degenerate states")
        n_pixels = self.orbitals.shape[-1]
        accuracy = "" if math.isnan(self.density_error) else f" to {self.density_error:.1g}"
        parts.append(f"density{accuracy} on {n_pixels} x {n_pixels} pixels")
        return "Solution: " + ", ".join(parts)

    @property
    def n_electrons(self) -> int:
        """Number of electrons."""
        return sum(self.sector)

    @property
    def multiplicity(self) -> int:
        """2 S + 1, from the expectation of S^2."""
        return round(float(np.sqrt(1 + 4 * max(self.spin_squared, 0.0))))

    @property
    def is_degenerate(self) -> bool:
        """Whether another level lies less than 2e-3 Ha* above: such a label is not stable."""
        return self.gap < NEAR_DEGENERACY

    @property
    def one_body_density_matrix(self) -> Array:
        """``<a+_i a_j>`` of both spins, shape (n_orbitals, n_orbitals)."""
        return self.density_matrix_up + self.density_matrix_down

    @property
    def occupations(self) -> Array:
        """Natural occupations, falling, between 0 and 2."""
        return np.asarray(np.linalg.eigvalsh(self.one_body_density_matrix)[::-1])

    @cached_property
    def density(self) -> Array:
        """Electron density at the pixel centres, shape (ny, nx), in 1/a0*^2."""
        return self._density_of(self.one_body_density_matrix)

    @cached_property
    def spin_densities(self) -> tuple[Array, Array]:
        """Densities of the electrons with spin up and with spin down, each like `density`."""
        up = self._density_of(self.density_matrix_up)
        return up, self.density - up

    @property
    def one_body_energy(self) -> float:
        """Kinetic and potential energy, in Ha*."""
        return float(self.one_body_density_matrix.diagonal() @ self.orbital_energies)

    @property
    def interaction_energy(self) -> float:
        """Expectation of the interaction, in Ha*."""
        return self.energy - self.one_body_energy

    def to_xarray(self) -> Any:
        """Return the densities as an :class:`xarray.Dataset` over x and y in a0*.

        Returns
        -------
        xarray.Dataset
            ``density``, ``density_up`` and ``density_down`` in 1/a0*^2, energies as attributes.

        Raises
        ------
        UsageError
            If xarray is not installed.
        """
        up, down = self.spin_densities
        unit = {"units": "1/a0*^2"}
        fields = {"density": self.density, "density_up": up, "density_down": down}
        axis = (np.arange(up.shape[0]) + 0.5) * self.box.length / up.shape[0]
        return xarray_dataset(
            {name: (("y", "x"), values, unit) for name, values in fields.items()},
            coords={"y": axis, "x": axis},
            attrs={"energy": self.energy, "gap": self.gap, "n_electrons": self.n_electrons},
        )

    def _entries(self) -> dict[str, Any]:
        return {
            "electrons": self.n_electrons,
            "2S + 1": self.multiplicity,
            "energy (Ha*)": with_error(self.energy, self.energy_error),
            "gap (Ha*)": with_error(self.gap, self.gap_error),
            "error of the density per electron": self.density_error,
            "pixels": f"{self.orbitals.shape[-1]} x {self.orbitals.shape[-1]}",
            "box (a0*)": self.box.length,
        }

    def _density_of(self, density_matrix: Array) -> Array:
        flat = self.orbitals.reshape(self.orbitals.shape[0], -1)
        density = ((density_matrix @ flat) * flat).sum(axis=0)
        return np.asarray(density.reshape(self.orbitals.shape[1:]))


def with_error(value: float, error: float) -> str:
    """Return a value with its error in brackets, in units of its last digit."""
    if not (math.isfinite(error) and error > 0):
        return f"{value:.6g}"
    digits = max(-math.floor(math.log10(error)), 0)
    # 0.00098 rounds to 0.0010, which has one digit less.
    if round(error * 10**digits) == 10 and digits:
        digits -= 1
    return f"{value:.{digits}f}({round(error * 10**digits)})"
