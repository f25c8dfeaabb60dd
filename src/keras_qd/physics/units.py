r"""Effective atomic units and the nanometres and millielectronvolts that they stand for.

With the effective mass :math:`m^* = m\, m_e` and the relative permittivity :math:`\epsilon` of a
material

.. math:: a_0^* = \frac{\epsilon}{m} a_0, \qquad \mathrm{Ha}^* = \frac{m}{\epsilon^2} \mathrm{Ha}

with CODATA's Bohr radius and Hartree energy as `scipy.constants` has them [1]_.

.. [1] S. M. Reimann and M. Manninen, "Electronic structure of quantum dots", Rev. Mod. Phys. 74,
   1283 (2002), https://doi.org/10.1103/RevModPhys.74.1283
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import constants

from keras_qd.errors import UsageError

#: A number or an array of numbers.
Quantity = TypeVar("Quantity", float, NDArray[np.float64])

_BOHR_RADIUS_NM: float = constants.physical_constants["Bohr radius"][0] * 1e9
_HARTREE_MEV: float = constants.physical_constants["Hartree energy in eV"][0] * 1e3


@dataclass(frozen=True)
class Material:
    """A semiconductor as the effective-mass approximation sees it, and its effective atomic units.

    Parameters
    ----------
    name : str
        Name of the material.
    effective_mass : float
        Mass of a conduction electron in the plane of the dot, in electron masses.
    permittivity : float
        Static relative permittivity.
    convention : str
        Which mass and which permittivity, where there are several.
    effective_mass_source, permittivity_source : str
        Where the constants come from, with DOI.

    Raises
    ------
    UsageError
        A mass or a permittivity that is not a positive number.

    Examples
    --------
    >>> dot = Material("my GaAs", effective_mass=0.067, permittivity=12.4)
    >>> print(f"{dot.bohr_radius:.4f} nm, {dot.hartree:.2f} meV")
    9.7937 nm, 11.86 meV
    >>> print(f"{dot.to_nanometres(10.0):.2f} nm")
    97.94 nm
    """

    name: str
    effective_mass: float
    permittivity: float
    convention: str = ""
    effective_mass_source: str = ""
    permittivity_source: str = ""

    def __post_init__(self) -> None:
        for what in ("effective_mass", "permittivity"):
            value = getattr(self, what)
            if not (math.isfinite(value) and value > 0):
                raise UsageError(f"{self.name}: {what}={value!r} must be a positive number")

    @property
    def bohr_radius(self) -> float:
        """Effective Bohr radius a0* in nm."""
        return _BOHR_RADIUS_NM * self.permittivity / self.effective_mass

    @property
    def hartree(self) -> float:
        """Effective Hartree energy Ha* in meV."""
        return _HARTREE_MEV * self.effective_mass / self.permittivity**2

    def to_nanometres(self, length: Quantity) -> Quantity:
        """Length in nm from one in a0*.

        Parameters
        ----------
        length : float or ndarray
            In a0*.

        Returns
        -------
        float or ndarray
            In nm.
        """
        return length * self.bohr_radius

    def from_nanometres(self, length: Quantity) -> Quantity:
        """Length in a0* from one in nm.

        Parameters
        ----------
        length : float or ndarray
            In nm.

        Returns
        -------
        float or ndarray
            In a0*.
        """
        return length / self.bohr_radius

    def to_millielectronvolts(self, energy: Quantity) -> Quantity:
        """Energy in meV from one in Ha*.

        Parameters
        ----------
        energy : float or ndarray
            In Ha*.

        Returns
        -------
        float or ndarray
            In meV.
        """
        return energy * self.hartree

    def from_millielectronvolts(self, energy: Quantity) -> Quantity:
        """Energy in Ha* from one in meV.

        Parameters
        ----------
        energy : float or ndarray
            In meV.

        Returns
        -------
        float or ndarray
            In Ha*.
        """
        return energy / self.hartree

    def to_per_nanometre(self, density: Quantity, dimensions: int = 2) -> Quantity:
        """Density in nm^-dimensions from one in a0*^-dimensions.

        Parameters
        ----------
        density : float or ndarray
            Electrons per a0* (one dimension) or a0*^2 (two).
        dimensions : int, default 2
            1 for a line, 2 for a plane.

        Returns
        -------
        float or ndarray
            Electrons per nm or nm^2.
        """
        return density / self.bohr_radius**dimensions

    def from_per_nanometre(self, density: Quantity, dimensions: int = 2) -> Quantity:
        """Density in a0*^-dimensions from one in nm^-dimensions.

        Parameters
        ----------
        density : float or ndarray
            Electrons per nm (one dimension) or nm^2 (two).
        dimensions : int, default 2
            1 for a line, 2 for a plane.

        Returns
        -------
        float or ndarray
            Electrons per a0* or a0*^2.
        """
        return density * self.bohr_radius**dimensions
