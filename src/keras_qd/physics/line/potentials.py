"""Random potentials on a line, seeded sample by sample."""

from __future__ import annotations

import dataclasses
import functools
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.physics.potentials.base import (
    Drawn,
    Family,
    Parameter,
    RegisteredFamilies,
    Setting,
    build_family,
    checked_count,
    replace_checked,
    sample_generator,
)
from keras_qd.physics.potentials.random_fourier import (
    MEAN_POINTS,
    RandomFourierSettings,
    count_cosines,
    scaled_cosines,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LineFamily(Family):
    """Base of the families of potentials on a line, for the data set ``wells-1d``.

    A family names its `parameters` and computes `values` from them; where not all of them are
    drawn uniformly it overrides `draw`.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Slope(LineFamily):
    ...     name = "slope"
    ...     field: tuple[float, float] = (0.1, 1.0)
    ...
    ...     @property
    ...     def parameters(self):
    ...         return (Parameter("field", self.field),)
    ...
    ...     def values(self, drawn, length, n_points):
    ...         return drawn["field"] * length * np.arange(1, n_points + 1) / (n_points + 1)
    >>> Slope(field=1.0).sample(np.random.default_rng(0), 10.0, 4)
    (array([2., 4., 6., 8.]), {'field': 1.0})
    """

    @abstractmethod
    def values(self, drawn: Mapping[str, Any], length: float, n_points: int) -> NDArray[np.float64]:
        """Return the potential of given parameters.

        Parameters
        ----------
        drawn : mapping
            The parameters, as `draw` returns them.
        length : float
            Distance of the walls in a0*.
        n_points : int
            Number of nodes between them; the function that is sampled does not depend on it.

        Returns
        -------
        ndarray, shape (n_points,), float64
            The potential at x_i = i L / (n_points + 1) in Ha*.
        """

    def sample(
        self, generator: np.random.Generator, length: float, n_points: int
    ) -> tuple[NDArray[np.float64], dict[str, float]]:
        """Draw one potential, shape (n_points,), in Ha*; see `PotentialFamily.sample`."""
        drawn = self.draw(generator)
        return self.values(drawn, length, n_points), self.in_units(drawn, length)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomFourierLine(RandomFourierSettings, LineFamily):
    r"""Gaussian random field on a line, a sum of cosines with random amplitudes [1]_.

    The form on a line of `keras_qd.physics.potentials.random_fourier.RandomFourier`; the settings
    mean the same:

    .. math:: V(x) = c + \sigma (F - \bar F), \qquad
        F = \sum_k a_k \cos(k \pi x / L) / s(x)

    Parameters
    ----------
    amplitude : float or pair of float
        Standard deviation :math:`\sigma` in Ha*, before the mean is taken away.
    correlation_length : float or pair of float
        Correlation length as a fraction of the distance of the walls.
    offset : float or pair of float
        The mean c over the box in Ha*. With a pair each sample gets a random constant that
        leaves no trace in the density.

    References
    ----------
    .. [1] M. Shinozuka and G. Deodatis, "Simulation of stochastic processes by spectral
       representation", Appl. Mech. Rev. 44, 191 (1991), https://doi.org/10.1115/1.3119501

    Examples
    --------
    >>> values, drawn = RandomFourierLine().sample(sample_generator(0, 0), 10.0, 64)
    >>> values.shape
    (64,)
    """

    def draw(self, generator: np.random.Generator) -> Drawn:
        """Draw the parameters of one sample; see `Family.draw`."""
        drawn = super().draw(generator)
        n_cosines = count_cosines(drawn["correlation_length"])
        return drawn | {"coefficients": generator.standard_normal(n_cosines)}

    def values(self, drawn: Mapping[str, Any], length: float, n_points: int) -> NDArray[np.float64]:
        """Return the potential of drawn parameters; see `LineFamily.values`."""
        coefficients = drawn["coefficients"]
        functions = _centred_functions(drawn["correlation_length"], n_points, len(coefficients))
        return np.asarray(drawn["offset"] + drawn["amplitude"] * (coefficients @ functions))


@dataclasses.dataclass(frozen=True, kw_only=True)
class GaussianWellsLine(LineFamily):
    r"""Gaussian wells on a line [1]_.

    .. math:: V(x) = c - \sum_i D_i \exp(-(x - x_i)^2 / 2 w_i^2)

    Parameters
    ----------
    most : int
        The number of wells is drawn from 1 to ``most``, at most 16.
    depth : float or pair of float
        Depth :math:`D` of each well in Ha*.
    width : float or pair of float
        Width :math:`w` of each well as a fraction of the distance of the walls.
    centre : float or pair of float
        Position :math:`x_i` of each well as a fraction of the distance of the walls.
    offset : float or pair of float
        The constant c in Ha*.

    References
    ----------
    .. [1] J. C. Snyder, M. Rupp, K. Hansen, K.-R. Mueller and K. Burke, "Finding density
       functionals with machine learning", Phys. Rev. Lett. 108, 253002 (2012),
       https://doi.org/10.1103/PhysRevLett.108.253002

    Examples
    --------
    >>> values, drawn = GaussianWellsLine(most=1).sample(sample_generator(0, 0), 10.0, 64)
    >>> drawn["n_wells"]
    1
    """

    name: ClassVar[str] = "gaussian-wells"
    energies: ClassVar[tuple[str, ...]] = ("depth", "offset")
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "depth": (0.0, 1e3),
        "width": (0.02, 2.0),
        "centre": (0.0, 1.0),
        "offset": (-1e4, 1e4),
    }

    most: int = 3
    depth: Setting = (0.5, 3.0)
    width: Setting = (0.05, 0.15)
    centre: Setting = (0.2, 0.8)
    offset: Setting = 0.0

    def __post_init__(self) -> None:
        checked_count(self.name, "most", self.most, 1, 16)
        replace_checked(self)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Offset, number of wells; of each well centre, depth (0: absent) and width."""
        wells = [
            parameter
            for i in range(self.most)
            for parameter in (
                Parameter(f"well_{i}_x", self.centre, is_length=True),
                Parameter(f"well_{i}_depth", self.depth),
                Parameter(f"well_{i}_width", self.width, is_length=True),
            )
        ]
        count = Parameter("n_wells", (1, self.most), is_count=True)
        return (Parameter("offset", self.offset), count, *wells)

    def draw(self, generator: np.random.Generator) -> Drawn:
        """Draw the parameters of one sample; see `Family.draw`."""
        drawn = super().draw(generator)
        absent = range(drawn["n_wells"], self.most)
        return drawn | {f"well_{i}_depth": 0.0 for i in absent}

    def values(self, drawn: Mapping[str, Any], length: float, n_points: int) -> NDArray[np.float64]:
        """Return the potential of drawn parameters; see `LineFamily.values`."""
        x = np.arange(1, n_points + 1) * (length / (n_points + 1))
        values = np.full(n_points, drawn["offset"])
        for i in range(self.most):
            centre, width = (drawn[f"well_{i}_{name}"] * length for name in ("x", "width"))
            depth = drawn[f"well_{i}_depth"]
            values -= depth * np.exp(-((x - centre) ** 2) / (2.0 * width**2))
        return values


@functools.lru_cache(maxsize=32)
def _centred_functions(
    correlation_length: float, n_points: int, n_cosines: int
) -> NDArray[np.float64]:
    """Scaled cosines at the nodes less their means over the box, shape (n_cosines, n_points)."""
    nodes = np.arange(1, n_points + 1) / (n_points + 1)
    centres = (np.arange(MEAN_POINTS) + 0.5) / MEAN_POINTS
    means = scaled_cosines(correlation_length, centres, n_cosines).mean(axis=1, keepdims=True)
    cosines = scaled_cosines(correlation_length, nodes, n_cosines)
    functions: NDArray[np.float64] = cosines - means
    functions.flags.writeable = False  # the cached array is shared
    return functions


FAMILIES: RegisteredFamilies[LineFamily] = RegisteredFamilies("line_potentials")


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
    family : str, default "random-fourier"
        Kind of potential: ``"random-fourier"``, ``"gaussian-wells"`` or that of a plug-in;
        ``keras_qd.names("line_potentials")`` lists them.
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
