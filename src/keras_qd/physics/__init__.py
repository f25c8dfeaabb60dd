"""Exact physics of few-electron quantum dots, in NumPy and SciPy alone.

Names are imported when first used. No module may bear the name of a public function: once
imported, a module hides the function of the same name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

#: Public name -> the module that defines it.
_HOMES = {
    "Box": "box",
    "Check": "validation.check",
    "Interaction": "interactions",
    "LabelError": "label_error",
    "Material": "units",
    "PotentialFamily": "potentials.family",
    "Solution": "solution",
    "Solution1D": "one_dimensional.solution",
    "Solver": "solver",
    "estimate_label_error": "label_error",
    "material": "materials",
    "material_names": "materials",
    "potential_families": "potentials.catalogue",
    "potential_family": "potentials.catalogue",
    "sample_generator": "potentials.sampling",
    "sample_potentials": "potentials.sampling",
    "sample_potentials_1d": "one_dimensional.sampling",
    "solve": "solver",
    "solve_1d": "one_dimensional.solver",
    "states_1d": "one_dimensional.solver",
    "taut_density": "references",
    "two_electron_energy": "references",
    "validate": "validation.table",
}

__all__ = sorted(_HOMES)

if TYPE_CHECKING:
    from keras_qd.physics.box import Box
    from keras_qd.physics.interactions import Interaction
    from keras_qd.physics.label_error import LabelError, estimate_label_error
    from keras_qd.physics.materials import material, material_names
    from keras_qd.physics.one_dimensional.sampling import sample_potentials_1d
    from keras_qd.physics.one_dimensional.solution import Solution1D
    from keras_qd.physics.one_dimensional.solver import solve_1d, states_1d
    from keras_qd.physics.potentials.catalogue import potential_families, potential_family
    from keras_qd.physics.potentials.family import PotentialFamily
    from keras_qd.physics.potentials.sampling import sample_generator, sample_potentials
    from keras_qd.physics.references import taut_density, two_electron_energy
    from keras_qd.physics.solution import Solution
    from keras_qd.physics.solver import Solver, solve
    from keras_qd.physics.units import Material
    from keras_qd.physics.validation.check import Check
    from keras_qd.physics.validation.table import validate


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
