"""A row of the validation table, before and after it was computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One computed value beside its reference.

    Parameters
    ----------
    quantity : str
        What was computed.
    dimensions, n_electrons : int
        Of the system.
    strength : str
        Parabola, box or interaction.
    computed, reference : float
        In Ha*, or as `quantity` says.
    tolerance : float
        Largest absolute error that passes.
    reason : str
        Why the tolerance is what it is.
    source : str
        Where the reference comes from.

    Examples
    --------
    >>> check = Check("energy", 2, 2, "omega = 1", 3.0003, 3.0, 1e-3, "basis", "exact")
    >>> check.passed
    True
    """

    quantity: str
    dimensions: int
    n_electrons: int
    strength: str
    computed: float
    reference: float
    tolerance: float
    reason: str
    source: str

    @property
    def error(self) -> float:
        """Computed value less the reference."""
        return self.computed - self.reference

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance (a value that is not a number is not)."""
        return abs(self.error) <= self.tolerance


@dataclass(frozen=True, kw_only=True)
class Case:
    """A row that has not been computed yet; see `Check` for what it shares with that.

    Attributes
    ----------
    compute : callable
        Takes nothing and returns the value.
    is_quick : bool
        Whether it takes less than some seconds.
    """

    quantity: str
    dimensions: int
    n_electrons: int
    strength: str
    reference: float
    tolerance: float
    reason: str
    source: str
    compute: Callable[[], float]
    is_quick: bool = True

    def run(self) -> Check:
        """Compute the value."""
        return Check(
            self.quantity,
            self.dimensions,
            self.n_electrons,
            self.strength,
            float(self.compute()),
            self.reference,
            self.tolerance,
            self.reason,
            self.source,
        )
