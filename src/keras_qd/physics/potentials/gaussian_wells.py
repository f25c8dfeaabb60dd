"""A few Gaussian wells at random places."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from keras_qd.physics.box import Box
from keras_qd.physics.potentials.base import (
    Drawn,
    PotentialFamily,
    Setting,
    checked_count,
    draw_uniform,
    replace_checked,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GaussianWells(PotentialFamily):
    r"""Gaussian wells [1]_, as of impurities or of the tips of gates.

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

    fewest: int = 1
    most: int = 4
    depth: Setting = (1.0, 3.0)
    width: Setting = (0.1, 0.2)
    centre: Setting = (0.2, 0.8)

    def __post_init__(self) -> None:
        checked_count(self.name, "most", self.most, 1, 16)
        checked_count(self.name, "fewest", self.fewest, 1, self.most)
        replace_checked(self, depth=(0.0, 1e3), width=(0.02, 2.0), centre=(0.0, 1.0))

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Number of wells; of each well centre and width (a0*) and depth (0: absent)."""
        wells = [
            f"well_{i}_{what}" for i in range(self.most) for what in ("x", "y", "depth", "width")
        ]
        return ("n_wells", *wells)

    def sample(
        self, generator: np.random.Generator, box: Box, n_pixels: int
    ) -> tuple[NDArray[np.float64], Drawn]:
        """Draw one potential; see `PotentialFamily.sample`."""
        x, y = box.mesh(n_pixels)
        n_wells = int(generator.integers(self.fewest, self.most, endpoint=True))
        values = np.zeros((n_pixels, n_pixels))
        drawn: list[float] = [n_wells]
        for i in range(self.most):
            centre_x, centre_y, depth, width = self._draw_well(generator, box.length)
            depth = depth if i < n_wells else 0.0
            drawn += [centre_x, centre_y, depth, width]
            square = (x - centre_x) ** 2 + (y - centre_y) ** 2
            values -= depth * np.exp(-square / (2.0 * width**2))
        return values, dict(zip(self.parameter_names, drawn, strict=True))

    def _draw_well(
        self, generator: np.random.Generator, length: float
    ) -> tuple[float, float, float, float]:
        centre_x = draw_uniform(generator, self.centre) * length
        centre_y = draw_uniform(generator, self.centre) * length
        depth = draw_uniform(generator, self.depth)
        return centre_x, centre_y, depth, draw_uniform(generator, self.width) * length
