"""What is to be inverted how: the same for every target of a batch, and plain to hand around."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UnknownNameError
from keras_qd.physics import Box, Interaction, Inversion, invert, invert_in_family
from keras_qd.physics.potentials.family import PotentialFamily

Array = NDArray[np.float64]

#: What the constant in a potential is fixed by: a mean of zero over the box, or zero where the
#: target is lowest.
GAUGES = ("zero-mean", "zero-at-lowest-density")


@dataclass(frozen=True, kw_only=True)
class InverseProblem:
    """A kind of inversion.

    Parameters
    ----------
    box : Box
        The box.
    n_electrons : int
        Number of electrons.
    interaction : Interaction
        Between them.
    strength : float
        Factor on the interaction.
    tolerance : float
        Largest ``integral |dn| / N`` with which a target counts as reached.
    gauge : str
        One of :data:`GAUGES`; a family has the constant that its parameters give it.
    family : PotentialFamily, optional
        The only potentials that a device can be set to; any smooth one by default.
    refinement : mapping
        More keywords of :func:`keras_qd.physics.invert`, or `invert_in_family`.

    Raises
    ------
    UnknownNameError
        If there is no such gauge.
    """

    box: Box
    n_electrons: int = 2
    interaction: Interaction = field(default_factory=Interaction)
    strength: float = 1.0
    tolerance: float = 1e-4
    gauge: str = "zero-mean"
    family: PotentialFamily | None = None
    refinement: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.gauge not in GAUGES:
            raise UnknownNameError("gauge", self.gauge, GAUGES)

    def solve(self, density: Array, start: Array | None = None) -> Inversion:
        """Invert one target.

        Parameters
        ----------
        density : ndarray, shape (n_pixels, n_pixels)
            The target, in 1/a0*^2.
        start : ndarray, shape (n_pixels, n_pixels), optional
            A proposed potential, in Ha*.

        Returns
        -------
        Inversion
        """
        settings: dict[str, Any] = {
            "tolerance": self.tolerance,
            "interaction": self.interaction,
            "strength": self.strength,
            "start": start,
            **self.refinement,
        }
        if self.family is None:
            return invert(density, self.box, self.n_electrons, gauge=self.gauge, **settings)
        return invert_in_family(density, self.box, self.n_electrons, self.family, **settings)

    def describe(self) -> dict[str, Any]:
        """Return the settings as plain JSON."""
        family = self.family
        return {
            "box_length": self.box.length,
            "n_electrons": self.n_electrons,
            "interaction": self.interaction.name,
            "thickness": self.interaction.thickness,
            "screening_length": self.interaction.screening_length,
            "strength": self.strength,
            "tolerance": self.tolerance,
            "gauge": self.gauge if family is None else "of the family",
            "family": None if family is None else family.name,
            "family_settings": None if family is None else family.configuration(),
            "refinement": dict(self.refinement),
        }
