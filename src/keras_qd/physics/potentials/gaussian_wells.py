"""A few Gaussian wells at random positions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.box import Box
from keras_qd.physics.potentials.base import (
    Drawn,
    Parameter,
    PotentialFamily,
    Setting,
    checked_count,
    replace_checked,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GaussianWells(PotentialFamily):
    r"""Gaussian wells [1]_, such as those of impurities or of the tips of gates.

    .. math:: V(\mathbf r) = -\sum_i D_i \exp(-|\mathbf r - \mathbf r_i|^2 / 2 w_i^2)

    Parameters
    ----------
    fewest, most : int
        The number of wells is drawn from ``fewest`` to ``most``, at most 16.
    depth : float or pair of float
        Depth :math:`D` of each well in Ha*.
    width : float or pair of float
        Width :math:`w` of each well as a fraction of the side of the box.
    centre : float or pair of float
        Coordinates x and y of each centre, both drawn from here, as a fraction of the side.

    References
    ----------
    .. [1] J. C. Snyder, M. Rupp, K. Hansen, K.-R. Mueller and K. Burke, "Finding density
       functionals with machine learning", Phys. Rev. Lett. 108, 253002 (2012),
       https://doi.org/10.1103/PhysRevLett.108.253002

    Examples
    --------
    >>> from keras_qd.physics import Box, sample_generator
    >>> family = GaussianWells(fewest=2, most=3)
    >>> values, drawn = family.sample(sample_generator(seed=0, index=0), Box(10.0), 32)
    >>> drawn["n_wells"], bool((values <= 0).all())
    (3, True)
    """

    name: ClassVar[str] = "gaussian-wells"
    energies: ClassVar[tuple[str, ...]] = ("depth",)
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "depth": (0.0, 1e3),
        "width": (0.02, 2.0),
        "centre": (0.0, 1.0),
    }

    fewest: int = 1
    most: int = 4
    depth: Setting = (1.0, 3.0)
    width: Setting = (0.1, 0.2)
    centre: Setting = (0.2, 0.8)

    def __post_init__(self) -> None:
        checked_count(self.name, "most", self.most, 1, 16)
        checked_count(self.name, "fewest", self.fewest, 1, self.most)
        replace_checked(self)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Number of wells; of each well centre, depth (0: absent) and width."""
        wells = [
            parameter
            for i in range(self.most)
            for parameter in (
                Parameter(f"well_{i}_x", self.centre, is_length=True),
                Parameter(f"well_{i}_y", self.centre, is_length=True),
                Parameter(f"well_{i}_depth", self.depth),
                Parameter(f"well_{i}_width", self.width, is_length=True),
            )
        ]
        return (Parameter("n_wells", (self.fewest, self.most), is_count=True), *wells)

    def draw(self, generator: np.random.Generator) -> Drawn:
        """Draw the parameters of one sample; see `PotentialFamily.draw`."""
        drawn = super().draw(generator)
        absent = range(drawn["n_wells"], self.most)
        return drawn | {f"well_{i}_depth": 0.0 for i in absent}

    def values(self, drawn: Mapping[str, Any], box: Box, n_pixels: int) -> NDArray[np.float64]:
        """Return the potential of given parameters; see `PotentialFamily.values`."""
        x, y = box.mesh(n_pixels)
        values = np.zeros((n_pixels, n_pixels))
        for i in range(self.most):
            centre_x, centre_y, width = (
                drawn[f"well_{i}_{name}"] * box.length for name in ("x", "y", "width")
            )
            square = (x - centre_x) ** 2 + (y - centre_y) ** 2
            values -= drawn[f"well_{i}_depth"] * np.exp(-square / (2.0 * width**2))
        return values
