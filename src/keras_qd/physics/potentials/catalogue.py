"""The families of random potentials by name: this package's, and those of installed plug-ins."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import cast

from keras_qd.errors import PluginError, UnknownNameError
from keras_qd.physics.potentials.family import PotentialFamily, build_family
from keras_qd.registry import registry

#: Their kind of component, and so their group of entry points, ``keras_qd.potentials``.
KIND = "potentials"


class RegisteredFamilies(Mapping[str, type[PotentialFamily]]):
    """The classes of all registered families, each imported when it is asked for."""

    def __getitem__(self, name: str) -> type[PotentialFamily]:
        try:
            family = registry(KIND).get(name)
        except UnknownNameError as error:
            raise KeyError(name) from error
        known = inspect.isclass(family) and issubclass(family, PotentialFamily)
        if not known or family.name != name:
            raise PluginError(
                f"the potential family {name!r} of {registry(KIND).origin(name)} is {family!r}; "
                "register a subclass of keras_qd.physics.PotentialFamily, under its own name"
            )
        return cast(type[PotentialFamily], family)

    def __iter__(self) -> Iterator[str]:
        return iter(registry(KIND).names())

    def __len__(self) -> int:
        return len(registry(KIND).names())


FAMILIES = RegisteredFamilies()


def potential_families() -> tuple[str, ...]:
    """Return the names of the families of random potentials, importing none of them.

    Returns
    -------
    tuple of str
        Sorted: those of this package, of all installed plug-ins, and of this session.

    Examples
    --------
    >>> "random-fourier" in potential_families()
    True
    """
    return tuple(FAMILIES)


def potential_family(name: str, **parameters: object) -> PotentialFamily:
    """Build a family of random potentials.

    Parameters
    ----------
    name : str
        One of `potential_families`.
    **parameters
        The settings of the family; each family's class documents its own.

    Returns
    -------
    PotentialFamily
        Its ``sample(generator, box, n_pixels)`` draws one potential.

    Raises
    ------
    UnknownNameError
        There is no such family.
    UsageError
        A setting that the family does not have, or a value it cannot use.
    PluginError
        The plug-in that provides it cannot be imported, or provides something else.

    Examples
    --------
    >>> potential_family("random-fourier", amplitude=0.5).configuration()["amplitude"]
    0.5
    """
    return build_family(FAMILIES, name, parameters)


def family_origins(family: PotentialFamily) -> dict[str, str]:
    """Return which distribution and version a family is of, or each one of a mixture.

    Parameters
    ----------
    family : PotentialFamily
        A family whose name is registered.

    Returns
    -------
    dict of str to str
        Name of the family -> distribution and version, or ``"this session"``.

    Examples
    --------
    >>> sorted(family_origins(potential_family("random-mixture", components=["parabolic"])))
    ['parabolic', 'random-mixture']
    """
    names = [family.name, *(part.name for part in getattr(family, "families", ()))]
    return {name: registry(KIND).origin(name) for name in names}
