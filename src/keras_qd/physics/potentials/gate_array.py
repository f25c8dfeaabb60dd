"""A square array of surface gates, each at a voltage of its own."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.potentials.base import (
    Parameter,
    PotentialFamily,
    Setting,
    checked_count,
    replace_checked,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GateArray(PotentialFamily):
    r"""Potential at depth d under square gates that tile the box, by electrostatics [1]_.

    .. math::

        V = \sum_{ij} U_{ij}\, g_{ij}(x, y) + U_0 \left[ 1 - \sum_{ij} g_{ij}(x, y) \right]

    :math:`U_{ij}` is an electron's energy far below a plane held at the voltage of gate ij, and
    :math:`g_{ij}` the share of that gate in the potential at (x, y). For a rectangle
    it is, with one term for each corner at a distance (s, t) along x and y,

    .. math:: \frac{1}{2\pi} \sum_\text{corners} \pm \arctan \frac{s t}{d \sqrt{s^2 + t^2 + d^2}}

    Everything around the array is one outer gate at :math:`U_0`. The depth filters the pattern
    by exp(-k d): no gate leaves a sharp edge.

    Parameters
    ----------
    n_gates : int
        Gates a side, from 1 to 12.
    gate_energy : float or pair of float
        :math:`U_{ij}` of each gate in Ha*.
    outer_energy : float or pair of float
        :math:`U_0` in Ha*.
    depth : float
        Depth d of the electron layer under the gates as a fraction of the side of the box.

    References
    ----------
    .. [1] J. H. Davies, I. A. Larkin and E. V. Sukhorukov, "Modeling the patterned
       two-dimensional electron gas: Electrostatics", J. Appl. Phys. 77, 4504 (1995),
       https://doi.org/10.1063/1.359446

    Examples
    --------
    >>> from keras_qd.physics import Box, sample_generator
    >>> family = GateArray(n_gates=2)
    >>> values, drawn = family.sample(sample_generator(seed=0, index=0), Box(10.0), 32)
    >>> list(drawn)
    ['outer_energy', 'gate_0_0', 'gate_0_1', 'gate_1_0', 'gate_1_1']
    """

    name: ClassVar[str] = "gate-array"
    energies: ClassVar[tuple[str, ...]] = ("gate_energy", "outer_energy")
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "gate_energy": (-1e3, 1e3),
        "outer_energy": (-1e3, 1e3),
        "depth": (0.02, 1.0),
    }

    n_gates: int = 4
    gate_energy: Setting = (-3.0, 3.0)
    outer_energy: Setting = 3.0
    depth: float = 0.1

    def __post_init__(self) -> None:
        checked_count(self.name, "n_gates", self.n_gates, 1, 12)
        replace_checked(self)
        if not isinstance(self.depth, float):
            raise UsageError(f"{self.name}: depth={self.depth!r} must be one number")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Energy of the outer gate, then of gate (row, column)."""
        side = range(self.n_gates)
        names = (f"gate_{row}_{column}" for row in side for column in side)
        gates = (Parameter(name, self.gate_energy) for name in names)
        return (Parameter("outer_energy", self.outer_energy), *gates)

    def values(self, drawn: Mapping[str, Any], box: Box, n_pixels: int) -> NDArray[np.float64]:
        """Return the potential of given parameters; see `PotentialFamily.values`."""
        outer, *gates = (drawn[name] for name in self.parameter_names)
        excess = np.reshape(gates, (self.n_gates, self.n_gates)) - outer
        shares = gate_shares(self.n_gates, self.depth, n_pixels)
        return np.asarray(outer + np.tensordot(excess, shares, axes=2))


@functools.lru_cache(maxsize=8)
def gate_shares(n_gates: int, depth: float, n_pixels: int) -> NDArray[np.float64]:
    """Share of each gate (row, column) in the potential at each cell centre (y, x)."""
    fractions = (np.arange(n_pixels) + 0.5) / n_pixels
    distance = fractions - np.arange(n_gates + 1)[:, None] / n_gates
    t = distance[:, None, :, None]
    s = distance[None, :, None, :]
    corners = np.arctan2(s * t, depth * np.sqrt(s**2 + t**2 + depth**2)) / (2.0 * math.pi)
    shares = np.diff(np.diff(corners, axis=0), axis=1)
    shares.flags.writeable = False  # the cached array is shared
    return shares
