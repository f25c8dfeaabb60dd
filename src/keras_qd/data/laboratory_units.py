"""Recipes and fields in the nanometres and millielectronvolts of a material.

Recipes and stores know effective atomic units alone. What is given in nm and meV is converted once,
before a recipe is built; what is shown in them, after it has been read.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from keras_qd.physics.materials import material as find_material
from keras_qd.physics.units import Material

if TYPE_CHECKING:
    from keras_qd.data.recipe import Recipe
    from keras_qd.data.store import Store


def in_material(kind: type[Recipe], material: str, **settings: Any) -> Recipe:
    r"""Build a recipe from lengths in nm and energies in meV.

    Lengths are those that the kind names: the side of the box, the thickness, the screening length.
    Energies are those of the family of potentials, such as ``amplitude`` or ``omega`` (as
    :math:`\hbar\omega`). Lengths among the settings of a family are fractions of the box, in any
    unit. What is left out has its default, in a0* and Ha*.

    Parameters
    ----------
    kind : type
        :class:`QuantumDots` or :class:`Wells`.
    material : str
        Name of the material; see :func:`keras_qd.physics.material_names`.
    **settings
        Settings of the recipe.

    Returns
    -------
    Recipe
        In a0* and Ha*, and with the name of the material.

    Raises
    ------
    UnknownNameError
        If there is no such material, or no such name among the settings.
    UsageError
        If a setting makes no sense.

    Examples
    --------
    >>> from keras_qd.data import QuantumDots
    >>> dots = in_material(QuantumDots, "GaAs", box_length=100.0, family_settings={"amplitude": 5})
    >>> print(f"{dots.box_length:.3f} a0*, {dots.family_settings['amplitude']:.4f} Ha*")
    9.815 a0*, 0.4564 Ha*
    """
    units = find_material(material)
    converted = dict(settings)
    for name in kind.lengths:
        if settings.get(name) is not None:
            converted[name] = units.from_nanometres(settings[name])
    family = kind.families.get(settings.get("family", _default_family(kind)))
    if family is not None and "family_settings" in settings:
        converted["family_settings"] = family.convert_energies(
            settings["family_settings"], units.from_millielectronvolts
        )
    converted["material"] = material
    return kind(**converted)


def store_material(store: Store) -> Material | None:
    """Return the material that a0* and Ha* stand for in a store, if it says so."""
    name = store.configuration.get("material")
    return None if name is None else find_material(name)


def shown_units(store: Store) -> dict[str, tuple[float, str]]:
    """Return for every field of a store what to multiply it by to be shown, and its unit then.

    That is nm and meV where the store names a material, and what is stored where it does not.
    """
    material = store_material(store)
    if material is None:
        return {name: (1.0, field.unit) for name, field in store.fields.items()}
    return {name: laboratory_unit(field.unit, material) for name, field in store.fields.items()}


def check_material(name: str | None) -> None:
    """Raise an `UnknownNameError` unless `name` is None or that of a material."""
    if name is not None:
        find_material(name)


def laboratory_unit(unit: str, material: Material) -> tuple[float, str]:
    """Return what to multiply a value by, and the unit that it has then.

    Parameters
    ----------
    unit : str
        Unit of a field.
    material : Material
        What a0* and Ha* stand for.

    Returns
    -------
    factor : float
        1 for units that have nothing to do with a0* and Ha*, or are several.
    unit : str

    Examples
    --------
    >>> from keras_qd.physics import material
    >>> factor, unit = laboratory_unit("Ha*", material("GaAs"))
    >>> print(f"{factor:.2f} {unit}")
    10.96 meV
    """
    known = {
        "Ha*": (material.hartree, "meV"),
        "a0*": (material.bohr_radius, "nm"),
        "1/a0*": (1 / material.bohr_radius, "1/nm"),
        "1/a0*^2": (1 / material.bohr_radius**2, "1/nm^2"),
    }
    return known.get(unit, (1.0, unit))


def _default_family(kind: type[Recipe]) -> str:
    names = (field.default for field in dataclasses.fields(kind) if field.name == "family")
    return str(next(names, ""))
