"""The whole validation table."""

from __future__ import annotations

from collections.abc import Callable

from keras_qd.physics.validation.boxes import box_cases
from keras_qd.physics.validation.check import Case, Check
from keras_qd.physics.validation.one_dimension import line_cases
from keras_qd.physics.validation.round_dots import round_dot_cases
from keras_qd.physics.validation.two_electron_dots import two_electron_cases


def validation_cases(*, quick: bool = False) -> list[Case]:
    """Return the rows of the table, not computed yet.

    Parameters
    ----------
    quick : bool, default False
        Leave out those that take more than some seconds.
    """
    cases = [*line_cases(), *box_cases(), *two_electron_cases(), *round_dot_cases()]
    return [case for case in cases if case.is_quick or not quick]


def validate(
    *, quick: bool = False, progress: Callable[[int, int], None] | None = None
) -> list[Check]:
    """Compute every row of the table of exact and published values.

    Parameters
    ----------
    quick : bool, default False
        Leave out the rows that take more than some seconds.
    progress : callable, optional
        Called with the numbers of rows done and of all rows.

    Returns
    -------
    list of Check
        One a row; ``all(check.passed for check in checks)`` says whether the solvers are right.

    Examples
    --------
    >>> checks = validate(quick=True)  # doctest: +SKIP
    >>> all(check.passed for check in checks)  # doctest: +SKIP
    True
    """
    cases = validation_cases(quick=quick)
    checks: list[Check] = []
    for case in cases:
        checks.append(case.run())
        if progress is not None:
            progress(len(checks), len(cases))
    return checks
