"""What is inverted: the settings shared by all targets of a batch, and what data say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.inverse.device import invert_in_family
from keras_qd.inverse.outcome import Callback, Inversion
from keras_qd.inverse.refine import Gauge, check_electrons, refine
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.potentials.base import PotentialFamily

Array = NDArray[np.float64]

#: Conditions that fix the constant of a potential.
GAUGES: tuple[str, ...] = get_args(Gauge)

#: Relative difference of two box lengths, or strengths, that is rounding alone.
_ROUNDING = 1e-6

#: The field of electrons without interaction.
NONINTERACTING = "density_noninteracting"


@dataclass(frozen=True, kw_only=True)
class InverseProblem:
    """Settings of an inversion, shared by all targets of a batch."""

    box: Box
    n_electrons: int = 2
    interaction: Interaction = field(default_factory=Interaction)
    strength: float = 1.0
    #: Largest ``integral |dn| / N`` at which a target counts as reached.
    tolerance: float = 1e-4
    #: One of `GAUGES`; a family fixes the constant itself.
    gauge: str = "zero-mean"
    #: The only potentials that are allowed, by default any smooth one.
    family: PotentialFamily | None = None
    #: Other keywords of `refine`, or of `invert_in_family`.
    refinement: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.gauge not in GAUGES:
            raise UnknownNameError("gauge", self.gauge, GAUGES)
        if self.family is None:
            check_electrons(self.n_electrons)

    def solve(
        self,
        density: Array,
        start: Array | None = None,
        callback: Callback | None = None,
    ) -> Inversion:
        """Invert one target; call `callback` with each solution."""
        settings: dict[str, Any] = {
            "tolerance": self.tolerance,
            "interaction": self.interaction,
            "strength": self.strength,
            "start": start,
            "callback": callback,
            **self.refinement,
        }
        if self.family is not None:
            return invert_in_family(density, self.box, self.n_electrons, self.family, **settings)
        return refine(density, self.box, self.n_electrons, gauge=self.gauge, **settings)  # type: ignore[arg-type]  # checked

    def describe(self) -> dict[str, Any]:
        """Return the settings as plain JSON."""
        family = self.family
        return {
            "box_length": self.box.length,
            "n_electrons": self.n_electrons,
            **self.interaction.settings(),
            "strength": self.strength,
            "tolerance": self.tolerance,
            "gauge": self.gauge if family is None else "of the family",
            "family": None if family is None else family.name,
            "family_settings": None if family is None else family.configuration(),
            "refinement": {
                name: value.tolist() if isinstance(value, np.ndarray) else value
                for name, value in self.refinement.items()
            },
        }


@dataclass(frozen=True)
class Conditions:
    """What is known of the systems behind some densities; None where it is not known."""

    #: Side of the box, in a0*.
    length: float | None = None
    n_electrons: int | None = None
    interaction: Interaction | None = None
    strength: float | None = None

    @classmethod
    def of_metadata(cls, metadata: Mapping[str, Any], density: str) -> Conditions:
        """Read the metadata of a data set, for one of its densities."""
        made = metadata.get("configuration")
        made = made if isinstance(made, Mapping) else {}
        n_electrons, name, strength = (
            made.get(key) for key in ("n_electrons", "interaction", "strength")
        )
        # A mixture has several.
        n_electrons = None if isinstance(n_electrons, list) else n_electrons
        strength = None if isinstance(strength, list) else strength
        if density == NONINTERACTING:
            interaction, strength = Interaction("none"), None
        elif name is None:
            interaction = None
        else:
            interaction = Interaction.from_settings(made)
        length = made.get("box_length", made.get("length"))
        return cls(None if length is None else float(length), n_electrons, interaction, strength)

    def or_else(self, other: Conditions) -> Conditions:
        """Return these, completed by another's."""
        known = {
            name: value if value is not None else getattr(other, name)
            for name, value in vars(self).items()
        }
        return Conditions(**known)

    def require(self, problem: InverseProblem, whose: str) -> None:
        """Raise `UsageError` where a problem differs; `whose` conditions these are is for it."""
        asked = {
            "electrons": (self.n_electrons, problem.n_electrons),
            "a box of side": (self.length, problem.box.length),
            "the interaction": (self.interaction, problem.interaction),
        }
        if problem.interaction.name != "none":
            asked["interaction strength"] = (self.strength, problem.strength)
        for what, (known, given) in asked.items():
            if known is not None and not _same(known, given):
                raise UsageError(
                    f"{whose} is for {what} {_in_words(known)}, but got {_in_words(given)}; give "
                    "the same, or leave it out"
                )


def _same(known: Any, given: Any) -> bool:
    if isinstance(known, Interaction):
        return bool(known == given)
    return bool(abs(known - given) <= _ROUNDING * abs(known))


def _in_words(value: Any) -> str:
    if not isinstance(value, Interaction):
        return f"{value:g}"
    return value.name if value.length is None else f"{value.name} of length {value.length:g} a0*"
