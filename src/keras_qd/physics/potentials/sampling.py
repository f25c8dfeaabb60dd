"""Seeded sampling: sample i depends on the seed, i and the configuration alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.potentials.catalogue import potential_family
from keras_qd.physics.potentials.family import PotentialFamily


def sample_generator(seed: int, index: int) -> np.random.Generator:
    """Return the random generator of one sample.

    Parameters
    ----------
    seed : int
        Root seed of the data set, not negative.
    index : int
        Number of the sample, not negative.

    Returns
    -------
    numpy.random.Generator
        PCG64 on ``SeedSequence(seed, spawn_key=(index,))``: the same on every machine, in every
        order, with any number of workers.

    Raises
    ------
    UsageError
        A negative seed or index.

    Examples
    --------
    >>> first, again = (sample_generator(seed=7, index=3).random() for _ in range(2))
    >>> first == again
    True
    """
    if seed < 0 or index < 0:
        raise UsageError(f"seed={seed} and index={index} must not be negative")
    sequence = np.random.SeedSequence(seed, spawn_key=(index,))
    return np.random.Generator(np.random.PCG64(sequence))


def sample_potentials(
    n_samples: int,
    box: Box,
    n_pixels: int = 64,
    *,
    family: str | PotentialFamily = "random-fourier",
    seed: int = 0,
    first: int = 0,
    **parameters: object,
) -> NDArray[np.float64]:
    """Draw random potentials.

    Parameters
    ----------
    n_samples : int
        How many.
    box : Box
        The hard-wall box.
    n_pixels : int, default 64
        Pixels a side. Another number samples the same functions on another grid.
    family : str or PotentialFamily, default "random-fourier"
        A name among `potential_families`, or a family that is already built.
    seed : int, default 0
        Root seed.
    first : int, default 0
        Number of the first sample: samples 10 to 19 are the same, drawn alone or as part of more.
    **parameters
        Settings of the family, where it is named.

    Returns
    -------
    ndarray, shape (n_samples, n_pixels, n_pixels), float64
        Potentials at the cell centres in Ha*; y along the second axis, x along the last.

    Raises
    ------
    UnknownNameError
        There is no such family.
    UsageError
        A setting that the family does not have, or a number of samples or pixels below 1.

    Examples
    --------
    >>> from keras_qd import physics
    >>> potentials = physics.sample_potentials(3, physics.Box(10.0), 32, seed=1)
    >>> potentials.shape
    (3, 32, 32)
    """
    if n_samples < 1 or n_pixels < 1:
        raise UsageError(f"n_samples={n_samples} and n_pixels={n_pixels} must be at least 1")
    if isinstance(family, str):
        family = potential_family(family, **parameters)
    elif parameters:
        raise UsageError(
            f"the family {family.name!r} is built already: give {', '.join(parameters)} to"
            " potential_family instead"
        )
    potentials = np.empty((n_samples, n_pixels, n_pixels))
    for row in range(n_samples):
        generator = sample_generator(seed, first + row)
        potentials[row], _ = family.sample(generator, box, n_pixels)
    return potentials
