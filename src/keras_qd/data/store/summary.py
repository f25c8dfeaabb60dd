"""Ranges and histograms of the fields of a store, read shard by shard."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_qd.data.store.store import Store
from keras_qd.physics.units import Material
from keras_qd.physics.units import material as find_material

if TYPE_CHECKING:
    from keras_qd.data.recipes import Recipe


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
    """Return the material that a0* and Ha* stand for in a store, if it names one."""
    name = store.configuration.get("material")
    return None if name is None else find_material(name)


def shown_units(store: Store) -> dict[str, tuple[float, str]]:
    """Return for each field the factor and the unit of its displayed values."""
    # nm and meV where the store names a material, else what is stored.
    material = store_material(store)
    if material is None:
        return {name: (1.0, field.unit) for name, field in store.fields.items()}
    return {name: laboratory_unit(field.unit, material) for name, field in store.fields.items()}


def check_material(name: str | None) -> None:
    """Raise an `UnknownNameError` unless `name` is None or that of a material."""
    if name is not None:
        find_material(name)


def laboratory_unit(unit: str, material: Material) -> tuple[float, str]:
    """Return the factor to nm or meV and the unit; 1 for units without a0* and Ha*, or several."""
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


@dataclass(frozen=True)
class FieldSummary:
    """Range and mean of a field's finite values, NaN without any, and how many are not finite."""

    minimum: float
    maximum: float
    mean: float
    n_bad: int


def summarise_field(store: Store, name: str, without: Collection[int] = ()) -> FieldSummary:
    """Summarise all finished samples of one field, but for those in the shards `without`."""
    low, high, total, n_good, n_bad = np.inf, -np.inf, 0.0, 0, 0
    for values in _finished(store, name, without):
        good = values[np.isfinite(values)]
        n_bad += values.size - good.size
        if good.size:
            low, high = min(low, good.min()), max(high, good.max())
            total += float(good.sum(dtype=np.float64))
            n_good += good.size
    if not n_good:
        return FieldSummary(np.nan, np.nan, np.nan, n_bad)
    return FieldSummary(float(low), float(high), total / n_good, n_bad)


def field_histogram(store: Store, name: str, n_bins: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Return counts (n_bins,) and edges (n_bins + 1,) of the finite values of one field."""
    found = summarise_field(store, name)
    ends = (found.minimum, found.maximum) if np.isfinite(found.mean) else (0.0, 1.0)
    counts, edges = np.zeros(n_bins, int), np.histogram_bin_edges([], n_bins, ends)
    for values in _finished(store, name):
        counts += np.histogram(values[np.isfinite(values)], edges)[0]
    return counts, edges


def _finished(store: Store, name: str, without: Collection[int] = ()) -> Iterator[np.ndarray]:
    for number, entry in enumerate(store.entries()):
        if entry.count and number not in without:
            yield store.read_shard(number, name)
