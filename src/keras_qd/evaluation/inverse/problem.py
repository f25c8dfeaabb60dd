"""What is to be inverted how: the same for every target of a batch, and plain to hand around."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PhysicsError, UnknownNameError
from keras_qd.physics import Box, Interaction, Inversion, invert, invert_in_family
from keras_qd.physics.inversion.inverter import Gauge
from keras_qd.physics.potentials.family import PotentialFamily

Array = NDArray[np.float64]

#: What the constant in a potential is fixed by: a mean of zero over the box, or zero where the
#: target is lowest.
GAUGES: tuple[str, ...] = get_args(Gauge)


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
    basis_tolerances : tuple of float
        Of the exact solver, the finest first: the next is tried where it refuses the start. By
        default that of data sets, and for one electron, whose density it would leave uncertain, a
        finer one.

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
    basis_tolerances: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.gauge not in GAUGES:
            raise UnknownNameError("gauge", self.gauge, GAUGES)
        if not self.basis_tolerances:
            finest = (1e-8,) if self.n_electrons == 1 else ()
            object.__setattr__(self, "basis_tolerances", (*finest, 1e-4))

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

        Raises
        ------
        PhysicsError
            If the solver refuses the start with every tolerance of its basis.
        """
        for basis_tolerance in self.basis_tolerances[:-1]:
            with suppress(PhysicsError):
                return self._solve(density, start, basis_tolerance)
        return self._solve(density, start, self.basis_tolerances[-1])

    def _solve(self, density: Array, start: Array | None, basis_tolerance: float) -> Inversion:
        settings: dict[str, Any] = {
            "basis_tolerance": basis_tolerance,
            "tolerance": self.tolerance,
            "interaction": self.interaction,
            "strength": self.strength,
            "start": start,
            **self.refinement,
        }
        if self.family is None:
            settings["gauge"] = self.gauge
            return invert(density, self.box, self.n_electrons, **settings)
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
            "basis_tolerances": list(self.basis_tolerances),
        }
