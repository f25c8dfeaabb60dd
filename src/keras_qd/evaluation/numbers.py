"""Numbers as they are printed in a report."""

from __future__ import annotations

import math

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def in_print(value: float | None, digits: int = 4) -> str:
    """Return a number with `digits` significant digits; a dash for one that is not defined.

    Parameters
    ----------
    value : float or None
        The number.
    digits : int
        Significant digits.

    Examples
    --------
    >>> in_print(0.99871), in_print(-1.2345e-6), in_print(float("nan"))
    ('0.9987', '−1.234 × 10⁻⁶', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    mantissa, _, power = f"{value:.{digits}g}".replace("-", "−", 1 if value < 0 else 0).partition(
        "e"
    )
    if not power:
        return mantissa
    return f"{mantissa} × 10{str(int(power)).translate(_SUPERSCRIPTS)}"


def interval_in_print(interval: tuple[float, float] | None, digits: int = 3) -> str:
    """Return an interval, or a dash where there is none.

    Examples
    --------
    >>> interval_in_print((0.98123, 0.9912))
    '0.981 to 0.991'
    """
    return "–" if interval is None else " to ".join(in_print(end, digits) for end in interval)
