"""Random potentials on a line, seeded sample by sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.physics.one_dimensional.families import (
    GaussianWellsLine,
    LineFamily,
    RandomFourierLine,
)
from keras_qd.physics.potentials.family import build_family
from keras_qd.physics.potentials.sampling import sample_generator

FAMILIES: dict[str, type[LineFamily]] = {
    RandomFourierLine.name: RandomFourierLine,
    GaussianWellsLine.name: GaussianWellsLine,
}


def sample_potentials_1d(
    n_samples: int,
    length: float,
    n_points: int = 64,
    *,
    family: str = "random-fourier",
    seed: int = 0,
    first: int = 0,
    **parameters: object,
) -> NDArray[np.float64]:
    """Draw random potentials on a line.

    Parameters
    ----------
    n_samples : int
        How many.
    length : float
        Distance of the walls in a0*.
    n_points : int, default 64
        Number of interior nodes.
    family : {"random-fourier", "gaussian-wells"}, default "random-fourier"
        Kind of potential: `RandomFourierLine` or `GaussianWellsLine`.
    seed : int, default 0
        Root seed.
    first : int, default 0
        Number of the first sample; a sample depends on seed, number and configuration alone.
    **parameters
        Settings of the family.

    Returns
    -------
    ndarray, shape (n_samples, n_points), float64
        Potentials at x_i = i L / (n_points + 1) in Ha*.

    Raises
    ------
    UnknownNameError
        There is no such family.
    UsageError
        A setting that the family does not have, a number of samples or points below 1, or a
        length that is not positive.

    Examples
    --------
    >>> potentials = sample_potentials_1d(3, 10.0, seed=1, offset=(-0.44, 0.44))
    >>> potentials.shape
    (3, 64)
    """
    if n_samples < 1 or n_points < 1 or not length > 0:
        raise UsageError(
            f"n_samples={n_samples} and n_points={n_points} must be at least 1 and"
            f" length={length} positive"
        )
    built = build_family(FAMILIES, family, parameters)
    potentials = np.empty((n_samples, n_points))
    for row in range(n_samples):
        potentials[row], _ = built.sample(sample_generator(seed, first + row), length, n_points)
    return potentials
