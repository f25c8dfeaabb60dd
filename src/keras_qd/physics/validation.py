"""Validation of the solvers against exact and published values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from keras_qd.physics.solution import Solution
from keras_qd.physics.validation_cases import Case, validation_cases


def validate(
    *, quick: bool = False, progress: Callable[[int, int], None] | None = None
) -> list[Check]:
    """Compute the table of exact and published values with the solvers.

    Parameters
    ----------
    quick : bool, default False
        Leave out the rows that take more than some seconds.
    progress : callable, optional
        Called with the numbers of rows done and of all rows.

    Returns
    -------
    list of Check
        One for each row; the solvers are right if all have `passed`.

    Examples
    --------
    >>> checks = validate(quick=True)  # doctest: +SKIP
    >>> all(check.passed for check in checks)  # doctest: +SKIP
    True
    """
    cases = validation_cases(quick=quick)
    checks: list[Check] = []
    for case in cases:
        checks.append(compute_check(case))
        if progress is not None:
            progress(len(checks), len(cases))
    return checks


@dataclass(frozen=True)
class Check:
    """A computed value and its reference.

    Parameters
    ----------
    quantity : str
        The computed quantity.
    dimensions, n_electrons : int
        Of the system.
    strength : str
        Description of the parabola, box or interaction.
    computed, reference : float
        In Ha*, or in the unit in `quantity`.
    tolerance : float
        Largest absolute error that passes.
    reason : str
        Reason for the tolerance.
    source : str
        Source of the reference.
    estimated_error : float, optional
        Error that the solution itself states, in Ha*.

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
    estimated_error: float | None = None

    @property
    def error(self) -> float:
        """Computed value minus the reference."""
        return self.computed - self.reference

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; never for NaN."""
        return abs(self.error) <= self.tolerance


def compute_check(case: Case) -> Check:
    """Compute the value of a row."""
    found = case.compute()
    value, estimate = (
        (found.energy, found.energy_error) if isinstance(found, Solution) else (found, None)
    )
    return Check(
        case.quantity,
        case.dimensions,
        case.n_electrons,
        case.strength,
        float(value),
        case.reference,
        case.tolerance,
        case.reason,
        case.source,
        estimate,
    )
