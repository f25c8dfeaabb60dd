"""The families of random potentials by name."""

from __future__ import annotations

from keras_qd.physics.potentials.family import PotentialFamily, build_family
from keras_qd.physics.potentials.random_mixture import PLAIN_FAMILIES, RandomMixture

FAMILIES: dict[str, type[PotentialFamily]] = {
    **PLAIN_FAMILIES,
    RandomMixture.name: RandomMixture,
}


def potential_families() -> tuple[str, ...]:
    """Return the names of the families of random potentials.

    Returns
    -------
    tuple of str
        Sorted.

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
    return build_family(FAMILIES, name, parameters)
