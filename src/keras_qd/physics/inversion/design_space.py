"""A family of potentials as a smooth function of the numbers that its samples draw."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NoReturn, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from keras_qd.errors import UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.potentials.family import Drawn, PotentialFamily
from keras_qd.physics.potentials.random_mixture import RandomMixture

Array = NDArray[np.float64]


class DesignSpace:
    """The potentials that a device of one family can be set to.

    A sample of a family draws every number uniformly between the bounds of a setting. Here they are
    not drawn but given, as coordinates from 0 at the lower bound to 1 at the upper one; settings
    that are fixed have none. Where a family draws how many of something there are, there are as
    many as it allows; a random field that it adds stays that of the seed.

    Parameters
    ----------
    family : PotentialFamily
        The family, whose settings (low, high) are the bounds.
    box : Box
        The box.
    n_pixels : int
        Pixels a side.
    seed : int
        Of a random field.

    Raises
    ------
    UsageError
        If the family is a mixture, draws in another way, or has no setting left to vary.

    Examples
    --------
    >>> from keras_qd.physics import potential_family
    >>> space = DesignSpace(potential_family("gate-array", n_gates=2), Box(10.0), 32)
    >>> space.n_coordinates  # the gates; the outer gate is at a fixed energy
    4
    >>> space.parameters([0.5, 0.5, 1.0, 0.0])["gate_1_0"]
    3.0
    """

    def __init__(self, family: PotentialFamily, box: Box, n_pixels: int, seed: int = 0) -> None:
        if isinstance(family, RandomMixture):
            raise UsageError("a device is of one family: name one of those in the mixture")
        self.family = family
        self.box = box
        self.n_pixels = n_pixels
        self.seed = seed
        if not len(self._free):
            raise UsageError(f"all settings of {family.name} are fixed: give a pair (low, high)")

    @property
    def n_coordinates(self) -> int:
        """How many numbers set the device."""
        return len(self._free)

    def potential(self, coordinates: ArrayLike) -> Array:
        """Return the potential.

        Parameters
        ----------
        coordinates : array_like, shape (n_coordinates,)
            From 0 to 1 between the bounds of each setting.

        Returns
        -------
        ndarray, shape (n_pixels, n_pixels)
            In Ha*, y first.
        """
        return self._sample(coordinates)[0]

    def parameters(self, coordinates: ArrayLike) -> Drawn:
        """Return the parameters by the family's names.

        Parameters
        ----------
        coordinates : array_like, shape (n_coordinates,)
            From 0 to 1 between the bounds of each setting.

        Returns
        -------
        dict of str to float
            In a0*, Ha* and radians.
        """
        return {name: float(value) for name, value in self._sample(coordinates)[1].items()}

    def _sample(self, coordinates: ArrayLike) -> tuple[Array, Drawn]:
        numbers = np.full(self._n_draws, 0.5)
        numbers[self._free] = np.clip(coordinates, 0.0, 1.0)
        return self._with_draws(numbers)

    def _with_draws(self, numbers: Sequence[float] | Array) -> tuple[Array, Drawn]:
        draws = cast(np.random.Generator, _GivenDraws(self.family.name, list(numbers), self.seed))
        return self.family.sample(draws, self.box, self.n_pixels)

    @cached_property
    def _n_draws(self) -> int:
        draws = _GivenDraws(self.family.name, [], self.seed)
        self.family.sample(cast(np.random.Generator, draws), self.box, self.n_pixels)
        return draws.n_beyond

    @cached_property
    def _free(self) -> NDArray[np.intp]:
        """The draws that something depends on."""
        middle = self._with_draws(np.full(self._n_draws, 0.5))[1]
        changed = (self._with_draws(draws)[1] for draws in 0.5 + 0.25 * np.eye(self._n_draws))
        return np.flatnonzero([parameters != middle for parameters in changed])


class _GivenDraws:
    """Stands where a sample expects its random generator, and gives it numbers in order."""

    def __init__(self, family: str, numbers: list[float], seed: int) -> None:
        self._family = family
        self._numbers = iter(numbers)
        self._normal = np.random.default_rng(seed)
        self.n_beyond = 0

    def random(self) -> float:
        """Return the next number; those that were not given are 1/2, and are counted."""
        number = next(self._numbers, None)
        if number is None:
            self.n_beyond += 1
            return 0.5
        return number

    def integers(self, low: int, high: int | None = None, *, endpoint: bool = False) -> int:
        """Return the largest number."""
        return (low if high is None else high) - (not endpoint)

    def standard_normal(self, size: int | tuple[int, ...]) -> Array:
        """Return the numbers of the seed."""
        return self._normal.standard_normal(size)

    def __getattr__(self, name: str) -> NoReturn:
        raise UsageError(
            f"{self._family} draws by {name}(): a device can be designed only with families that "
            "draw uniformly, by random()"
        )


def fit_potential(
    space: DesignSpace, potential: Array, weight: Array, starts: Sequence[Array]
) -> list[tuple[float, Array]]:
    """Set the device to potentials near a wished one.

    Parameters
    ----------
    space : DesignSpace
        The device.
    potential : ndarray, shape (n_pixels, n_pixels)
        What it shall come near to, but for a constant, in Ha*.
    weight : ndarray, shape (n_pixels, n_pixels)
        Where, such as the density.
    starts : sequence of ndarray, shape (n_coordinates,)
        Where to begin.

    Returns
    -------
    list of (float, ndarray of shape (n_coordinates,))
        Root mean square distance in Ha* and coordinates that were reached from each start, the
        nearest first.
    """
    weight = weight / weight.sum()
    root = np.sqrt(weight)

    def misfit(coordinates: Array) -> Array:
        difference = space.potential(coordinates) - potential
        return np.asarray((root * (difference - np.sum(weight * difference))).ravel())

    def fit(start: Array) -> tuple[float, Array]:
        found: Any = least_squares(misfit, start, bounds=(0.0, 1.0), max_nfev=20)
        return float(np.sqrt(2 * found.cost)), np.asarray(found.x)

    return sorted((fit(start) for start in starts), key=lambda found: found[0])
