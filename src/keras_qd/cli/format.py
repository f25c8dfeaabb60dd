"""Numbers and times as people read them."""

from __future__ import annotations

import math


def format_number(value: float, digits: int = 4) -> str:
    """Return `value` with `digits` significant digits, in powers of ten only where it must be.

    Examples
    --------
    >>> format_number(0.99871), format_number(0.0000123456), format_number(float("nan"))
    ('0.9987', '1.235e-05', 'nan')
    """
    if not math.isfinite(value):
        return str(value)
    return f"{value:.{digits}g}"


def format_seconds(seconds: float) -> str:
    """Return a time as people say it.

    Examples
    --------
    >>> format_seconds(42.3), format_seconds(184), format_seconds(7260)
    ('42 s', '3 min 4 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
