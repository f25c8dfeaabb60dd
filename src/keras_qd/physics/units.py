r"""Effective atomic units in nanometres and millielectronvolts.

With the effective mass :math:`m^* = m\, m_e` and the relative permittivity :math:`\epsilon` of a
material

.. math:: a_0^* = \frac{\epsilon}{m} a_0, \qquad \mathrm{Ha}^* = \frac{m}{\epsilon^2} \mathrm{Ha}

with CODATA's Bohr radius and Hartree energy of `scipy.constants` [1]_.

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

from keras_qd.errors import UnknownNameError, UsageError

#: A number or an array of numbers.
Quantity = TypeVar("Quantity", float, NDArray[np.float64])

_BOHR_RADIUS_NM: float = constants.physical_constants["Bohr radius"][0] * 1e9
_HARTREE_MEV: float = constants.physical_constants["Hartree energy in eV"][0] * 1e3


@dataclass(frozen=True)
class Material:
    """A semiconductor in the effective-mass approximation, and its effective atomic units.

    Parameters
    ----------
    name : str
        Name of the material.
    effective_mass : float
        Mass of a conduction electron in the plane of the dot, in electron masses.
    permittivity : float
        Static relative permittivity.
    convention : str
        The mass and permittivity that are meant, where there are several.
    effective_mass_source, permittivity_source : str
        Sources of the constants, with DOI.

    Raises
    ------
    UsageError
        If the mass or the permittivity is not a positive number.

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
        """Convert a length from a0* to nm.

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
        """Convert a length from nm to a0*.

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
        """Convert an energy from Ha* to meV.

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
        """Convert an energy from meV to Ha*.

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
        """Convert a density from a0*^-dimensions to nm^-dimensions.

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
        """Convert a density from nm^-dimensions to a0*^-dimensions.

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


_VURGAFTMAN = "Vurgaftman et al., J. Appl. Phys. 89, 5815 (2001), doi:10.1063/1.1368156"
_VURGAFTMAN_NITRIDES = "Vurgaftman & Meyer, J. Appl. Phys. 94, 3675 (2003), doi:10.1063/1.1600519"
_HENSEL = "Hensel et al., Phys. Rev. 138, A225 (1965), doi:10.1103/PhysRev.138.A225"
_DRESSELHAUS = "Dresselhaus et al., Phys. Rev. 98, 368 (1955), doi:10.1103/PhysRev.98.368"
_LEVINSHTEIN = (
    "Levinshtein, Rumyantsev & Shur (eds.), Handbook Series on Semiconductor Parameters, vol. 1,"
    " World Scientific (1996), doi:10.1142/2046-vol1; also www.ioffe.ru/SVA/NSM/Semicond"
)
_BARKER = "Barker & Ilegems, Phys. Rev. B 7, 743 (1973), doi:10.1103/PhysRevB.7.743"

_ISOTROPIC = "isotropic mass of the Gamma valley"
_MATERIALS = {
    material.name: material
    for material in (
        Material("GaAs", 0.067, 12.9, _ISOTROPIC, _VURGAFTMAN, _LEVINSHTEIN),
        Material("InAs", 0.026, 15.15, _ISOTROPIC, _VURGAFTMAN, _LEVINSHTEIN),
        Material("InSb", 0.0135, 16.8, _ISOTROPIC, _VURGAFTMAN, _LEVINSHTEIN),
        Material(
            "Si",
            0.1905,
            11.7,
            "transverse mass: a layer grown along [001], where the two valleys along the growth"
            " direction are lowest; the solvers have one valley",
            _HENSEL,
            _LEVINSHTEIN,
        ),
        Material(
            "Ge",
            0.082,
            16.2,
            "transverse mass of electrons: a layer grown along [111], where the one valley along"
            " the growth direction is lowest; dots of holes need another model",
            _DRESSELHAUS,
            _LEVINSHTEIN,
        ),
        Material(
            "GaN",
            0.20,
            math.sqrt(9.5 * 10.4),
            "wurtzite, layer normal to the c axis: transverse mass; two charges in the layer see"
            " the geometric mean of the permittivities across (9.5) and along (10.4) the axis",
            _VURGAFTMAN_NITRIDES,
            _BARKER,
        ),
    )
}


def material(name: str) -> Material:
    """Return a material by name.

    Parameters
    ----------
    name : str
        One of `material_names`.

    Returns
    -------
    Material
        The constants, their sources, and conversions to nm and meV.

    Raises
    ------
    UnknownNameError
        If there is no such material; build a `Material` from its mass and permittivity instead.

    Examples
    --------
    >>> gaas = material("GaAs")
    >>> print(f"{gaas.bohr_radius:.2f} nm, {gaas.hartree:.2f} meV")
    10.19 nm, 10.96 meV
    """
    if name not in _MATERIALS:
        raise UnknownNameError("material", name, _MATERIALS)
    return _MATERIALS[name]


def material_names() -> tuple[str, ...]:
    """Return the names of the materials.

    Returns
    -------
    tuple of str
        Sorted.

    Examples
    --------
    >>> material_names()
    ('GaAs', 'GaN', 'Ge', 'InAs', 'InSb', 'Si')
    """
    return tuple(sorted(_MATERIALS))
