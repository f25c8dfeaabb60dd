"""The recipes of this package by the names of what they make."""

from __future__ import annotations

from importlib import import_module

from keras_qd.data.recipe import Recipe
from keras_qd.errors import UnknownNameError

#: Kind of data set -> module and class of its recipe.
RECIPES = {
    "quantum-dots": ("keras_qd.data.quantum_dots", "QuantumDots"),
    "wells-1d": ("keras_qd.data.wells", "Wells"),
}


def recipe_class(kind: str) -> type[Recipe]:
    """Import and return the recipe of one kind of data set.

    Parameters
    ----------
    kind : str
        ``"quantum-dots"`` or ``"wells-1d"``.

    Returns
    -------
    type
        A subclass of :class:`Recipe`.

    Raises
    ------
    UnknownNameError
        If there is no such recipe.

    Examples
    --------
    >>> recipe_class("wells-1d")(seed=1).kind
    'wells-1d'
    """
    if kind not in RECIPES:
        raise UnknownNameError("kind of data set", kind, RECIPES)
    module, name = RECIPES[kind]
    recipe: type[Recipe] = getattr(import_module(module), name)
    return recipe
