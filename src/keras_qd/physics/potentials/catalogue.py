"""The families of random potentials by name."""

from __future__ import annotations

import dataclasses

from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.physics.potentials.family import PotentialFamily
from keras_qd.physics.potentials.random_fourier import RandomFourier

FAMILIES: dict[str, type[PotentialFamily]] = {
    family.name: family
    for family in (RandomFourier,)
}


def potential_families() -> tuple[str, ...]:
    """Return the names of the families of random potentials.

    Examples
    --------
    >>> "random-fourier" in potential_families()
    True
    """
    return tuple(sorted(FAMILIES))


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

    Examples
    --------
    >>> potential_family("random-fourier", amplitude=0.5).configuration()["amplitude"]
    0.5
    """
    if name not in FAMILIES:
        raise UnknownNameError("potential family", name, FAMILIES)
    family = FAMILIES[name]
    known = [field.name for field in dataclasses.fields(family)]  # type: ignore[arg-type]
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise UsageError(
            f"{name} has no parameter {', '.join(map(repr, unknown))}; it has {', '.join(known)}"
        )
    return family(**parameters)
