"""Electron-electron interactions, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd._checks import real, setting
from keras_qd.errors import UnknownNameError, UsageError

#: Least and largest length: of any box, in units of any other.
_LENGTHS = (1e-13, 1e13)

#: Interactions by name, with their length parameter and its default.
_LENGTH_PARAMETER: dict[str, tuple[str, float] | None] = {
    "coulomb": None,
    "finite-thickness": ("thickness", 0.3),
    "screened": ("screening_length", 1.0),
    "image-charge": ("gate_distance", 1.0),
    "none": None,
}

#: All length parameters.
LENGTHS = ("thickness", "screening_length", "gate_distance")


@dataclass(frozen=True)
class Interaction:
    """Isotropic interaction w(r) of two electrons, in Ha* for r in a0*.

    ==================  =============================================================
    name                w(r)
    ==================  =============================================================
    coulomb             1 / r
    finite-thickness    1 / sqrt(r^2 + d^2), d the thickness of the electron layer [1]_
    screened            exp(-r / s) / r, s the screening length [2]_
    image-charge        1 / r - 1 / sqrt(r^2 + 4 d^2), d the distance of a metal plane [3]_
    none                0
    ==================  =============================================================

    Parameters
    ----------
    name : str
        One of the names above.
    thickness : float, optional
        d in a0*, for ``"finite-thickness"`` only; 0.3 by default.
    screening_length : float, optional
        s in a0*, for ``"screened"`` only; 1.0 by default.
    gate_distance : float, optional
        d in a0*, for ``"image-charge"`` only; 1.0 by default.

    Raises
    ------
    UnknownNameError
        If there is no such interaction.
    UsageError
        If a length is given to an interaction without one, or is not positive and finite.

    References
    ----------
    .. [1] F. C. Zhang and S. Das Sarma, "Excitation gap in the fractional quantum Hall effect:
       finite layer thickness corrections", Phys. Rev. B 33, 2903 (1986),
       https://doi.org/10.1103/PhysRevB.33.2903
    .. [2] H. Yukawa, "On the interaction of elementary particles. I", Proc. Phys.-Math. Soc. Japan
       17, 48 (1935), https://doi.org/10.11429/ppmsj1919.17.0_48
    .. [3] J. D. Jackson, "Classical Electrodynamics" (Wiley, 1999), section 2.1: the image of a
       charge in a grounded plane.

    Examples
    --------
    >>> Interaction("finite-thickness", thickness=0.4)(np.array([0.0, 0.3]))
    array([2.5, 2. ])
    """

    name: str = "coulomb"
    thickness: float | None = None
    screening_length: float | None = None
    gate_distance: float | None = None

    def __post_init__(self) -> None:
        if self.name not in _LENGTH_PARAMETER:
            raise UnknownNameError("interaction", self.name, _LENGTH_PARAMETER)
        parameter = _LENGTH_PARAMETER[self.name]
        own, default = parameter or ("", 0.0)
        for field in LENGTHS:
            value = getattr(self, field)
            if field == own:
                value = default if value is None else float(setting(field, value, real()))
                object.__setattr__(self, field, value)
            if value is not None and field != own:
                raise UsageError(f"the interaction {self.name!r} has no {field}; leave it out")
            if value is not None:
                setting(field, value, real(*_LENGTHS))

    @property
    def length(self) -> float | None:
        """Length scale of the interaction in a0*; None where it has none."""
        parameter = _LENGTH_PARAMETER[self.name]
        return None if parameter is None else getattr(self, parameter[0])

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Interaction:
        """Return the interaction that the settings of a data set or a run describe.

        Parameters
        ----------
        settings : mapping
            ``interaction``, its name, and its lengths; other entries are not looked at.

        Returns
        -------
        Interaction
            The interaction; see also `settings`.
        """
        return cls(settings["interaction"], *(settings.get(each) for each in LENGTHS))

    def settings(self) -> dict[str, Any]:
        """Return the name, as ``interaction``, and all lengths, as `from_settings` takes them.

        Returns
        -------
        dict of str to str, float or None
            Plain JSON.
        """
        return {"interaction": self.name, **{each: getattr(self, each) for each in LENGTHS}}

    def scaled(self, factor: float) -> Interaction:
        """Return the interaction in units of length ``1 / factor``.

        ``w(r) = factor * w.scaled(factor)(factor * r)`` for every interaction.

        Parameters
        ----------
        factor : float
            Number of new units of length in an old one.

        Returns
        -------
        Interaction
            Of the same kind.
        """
        parameter = _LENGTH_PARAMETER[self.name]
        if parameter is None:
            return self
        return replace(self, **{parameter[0]: getattr(self, parameter[0]) * factor})

    def __call__(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return w(r) in Ha* at distances r in a0*, infinite where 1 / r is."""
        if self.name == "none":
            return np.zeros_like(distance)
        if self.thickness is not None:
            return 1.0 / np.hypot(distance, self.thickness)
        if self.screening_length is not None:
            return np.asarray(np.exp(-distance / self.screening_length) / distance)
        if self.gate_distance is not None:
            return 1.0 / distance - 1.0 / np.hypot(distance, 2 * self.gate_distance)
        return 1.0 / distance


def as_interaction(interaction: str | Interaction) -> Interaction:
    """Return the interaction for a name, or the interaction itself."""
    return interaction if isinstance(interaction, Interaction) else Interaction(interaction)
