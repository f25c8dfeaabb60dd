"""Materials by name, with the source of each constant.

Masses are those of the lowest conduction band for motion in the plane of the dot, at low
temperature; permittivities are static. Both describe an ideal crystal: confinement, strain and
the barrier's own permittivity move the values of a real structure by some per cent, and anyone who
knows better builds a `Material` of their own.
"""

from __future__ import annotations

import math

from keras_qd.errors import UnknownNameError
from keras_qd.physics.units import Material

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
            " direction are lowest; the solvers know one valley alone",
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
        Its constants, their sources, and conversions to nm and meV.

    Raises
    ------
    UnknownNameError
        There is no such material; build a `Material` with its mass and permittivity.

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
