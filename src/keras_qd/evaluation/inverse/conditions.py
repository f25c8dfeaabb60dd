"""The physics that data or a trained model stand for: the box, the electrons, the interaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras_qd.errors import UsageError
from keras_qd.evaluation.physical import box_length
from keras_qd.physics import Interaction

if TYPE_CHECKING:
    from keras_qd.evaluation.inverse.problem import InverseProblem

#: Relative difference of two box lengths, or strengths, that is rounding alone.
_ROUNDING = 1e-6
#: The field of electrons without interaction.
NONINTERACTING = "density_noninteracting"


@dataclass(frozen=True)
class Conditions:
    """What is known of the systems behind some densities; None where nothing is.

    Parameters
    ----------
    length : float, optional
        Side of the box, in a0*.
    n_electrons : int, optional
        Number of electrons.
    interaction : Interaction, optional
        Between them.
    strength : float, optional
        Factor on the interaction.
    """

    length: float | None = None
    n_electrons: int | None = None
    interaction: Interaction | None = None
    strength: float | None = None

    @classmethod
    def of_metadata(cls, metadata: Mapping[str, Any], density: str) -> Conditions:
        """Read what the metadata of a data set say.

        Parameters
        ----------
        metadata : mapping
            Of a data set, with its ``configuration``.
        density : str
            The field that is looked at: that of electrons without interaction has none.

        Examples
        --------
        >>> made = {"configuration": {"box_length": 10, "n_electrons": 2, "interaction": "coulomb"}}
        >>> Conditions.of_metadata(made, "density_noninteracting").interaction
        Interaction(name='none', thickness=None, screening_length=None)
        """
        made = metadata.get("configuration")
        made = made if isinstance(made, Mapping) else {}
        n_electrons, name, strength = (
            made.get(key) for key in ("n_electrons", "interaction", "strength")
        )
        if density == NONINTERACTING:
            interaction, strength = Interaction("none"), None
        elif name is None:
            interaction = None
        else:
            lengths = (made.get("thickness"), made.get("screening_length"))
            interaction = Interaction(name, *lengths)
        return cls(box_length(metadata), n_electrons, interaction, strength)

    def or_else(self, other: Conditions) -> Conditions:
        """Return these, and where nothing is known those of another."""
        known = {
            name: value if value is not None else getattr(other, name)
            for name, value in vars(self).items()
        }
        return Conditions(**known)

    def require(self, problem: InverseProblem, whose: str) -> None:
        """Raise `UsageError` where a problem is another one.

        Parameters
        ----------
        problem : InverseProblem
            What is asked for.
        whose : str
            What these conditions are those of, for the message.
        """
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
                    f"{whose} stands for {what} {_say(known)}, but {_say(given)} is asked for; "
                    "ask for what it stands for, or leave it out"
                )


def _same(known: Any, given: Any) -> bool:
    if isinstance(known, Interaction):
        return bool(known == given)
    return bool(abs(known - given) <= _ROUNDING * abs(known))


def _say(value: Any) -> str:
    if not isinstance(value, Interaction):
        return f"{value:g}"
    return value.name if value.length is None else f"{value.name} of length {value.length:g} a0*"
