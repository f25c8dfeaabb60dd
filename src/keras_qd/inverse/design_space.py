"""Potentials that are set, not drawn: by the parameters of a family, or the voltages of gates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from keras_qd.devices.device import Device
from keras_qd.errors import UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.potentials.base import PotentialFamily

Array = NDArray[np.float64]


#: A coordinate nearer to a bound than this is at it.
_AT_BOUND = 1e-3


class Space(Protocol):
    """Potentials that can be set by coordinates between 0 and 1, and the names of these."""

    names: tuple[str, ...]

    def potential(self, coordinates: Any) -> Array:
        """Return the potential in Ha*."""
        ...

    def parameters(self, coordinates: Any) -> dict[str, float]:
        """Return the parameters by name."""
        ...


class DesignSpace:
    """The potentials that a device of one family can be set to.

    A family names its parameters and their bounds; here they are set by coordinates from 0 at the
    lower to 1 at the upper bound. A parameter with a single value has no coordinate. A count, such
    as the number of wells, is as large as the family allows, and what a family draws besides its
    parameters, such as a random field, is that of the seed.

    Parameters
    ----------
    family : PotentialFamily
        The family, whose settings (low, high) are the bounds.
    box : Box
        The box.
    n_pixels : int
        Pixels a side.
    seed : int
        Seed of what the family draws besides its parameters.

    Raises
    ------
    UsageError
        If the family is a mixture, or has no parameter that can be set.

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
        self.family = family
        self.box = box
        self.n_pixels = n_pixels
        free = family.device_parameters
        if not free:
            raise UsageError(f"all settings of {family.name} are fixed: give a pair (low, high)")
        #: Names of the parameters that the coordinates set.
        self.names = tuple(parameter.name for parameter in free)
        self._low, self._high = np.array([parameter.bounds for parameter in free]).T
        largest = {each.name: each.bounds[1] for each in family.parameters if each.is_count}
        self._drawn = family.draw(np.random.default_rng(seed)) | largest

    @property
    def n_coordinates(self) -> int:
        """Number of parameters that can be set."""
        return len(self.names)

    def potential(self, coordinates: ArrayLike) -> Array:
        """Return the potential.

        Parameters
        ----------
        coordinates : array_like, shape (n_coordinates,)
            From 0 to 1 between the bounds of each parameter; others are clipped.

        Returns
        -------
        ndarray, shape (n_pixels, n_pixels)
            In Ha*, y first.
        """
        return self.family.values(self._set(coordinates), self.box, self.n_pixels)

    def parameters(self, coordinates: ArrayLike) -> dict[str, float]:
        """Return the parameters by the family's names.

        Parameters
        ----------
        coordinates : array_like, shape (n_coordinates,)
            From 0 to 1 between the bounds of each parameter; others are clipped.

        Returns
        -------
        dict of str to float
            In a0*, Ha* and radians.
        """
        found = self.family.in_units(self._set(coordinates), self.box.length)
        return {name: float(value) for name, value in found.items()}

    def _set(self, coordinates: ArrayLike) -> dict[str, Any]:
        values = self._low + (self._high - self._low) * np.clip(coordinates, 0.0, 1.0)
        return self._drawn | dict(zip(self.names, values.tolist(), strict=True))


class GateSpace:
    """Voltages of some gates of a device between bounds."""

    def __init__(
        self,
        device: Device,
        bounds: dict[str, tuple[float, float]],
        fixed: dict[str, float],
    ) -> None:
        if not bounds or bounds.keys() & fixed.keys():
            raise UsageError("give bounds for one or more gates that have no fixed voltage")
        device.voltages({**fixed, **dict.fromkeys(bounds, 0.0)})
        for name, (low, high) in bounds.items():
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise UsageError(f"bounds of gate {name!r} must rise, got {low!r} and {high!r}")
        self._device, self._bounds, self._fixed = device, bounds, fixed
        self.names = tuple(bounds)

    def potential(self, coordinates: Any) -> Array:
        """Return the potential in Ha*."""
        return self._device.potential({**self._fixed, **self.parameters(coordinates)})

    def parameters(self, coordinates: Any) -> dict[str, float]:
        """Return the voltages in mV by gate."""
        shares = np.clip(coordinates, 0.0, 1.0)
        return {
            name: float(low + (high - low) * share)
            for (name, (low, high)), share in zip(self._bounds.items(), shares, strict=True)
        }


def at_bounds(space: Space, coordinates: Array) -> tuple[str, ...]:
    """Names of the parameters at one of their bounds."""
    near = np.abs(coordinates - 0.5) > 0.5 - _AT_BOUND
    return tuple(name for name, at in zip(space.names, near, strict=True) if at)


def fit_potential(
    space: Space, potential: Array, weight: Array, starts: Sequence[Array]
) -> list[tuple[float, Array]]:
    """Fit a potential but for a constant; return distances and coordinates, nearest first."""
    # Distance: root mean square difference in Ha*, weighted, for example by the density.
    weight = weight / weight.sum()
    root = np.sqrt(weight)

    def misfit(coordinates: Array) -> Array:
        difference = space.potential(coordinates) - potential
        return np.asarray((root * (difference - np.sum(weight * difference))).ravel())

    def fit(start: Array) -> tuple[float, Array]:
        found: Any = least_squares(misfit, start, bounds=(0.0, 1.0), max_nfev=20)
        return float(np.sqrt(2 * found.cost)), np.asarray(found.x)

    return sorted((fit(start) for start in starts), key=lambda found: found[0])
