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


def format_bytes(count: int) -> str:
    """Return a size as people say it.

    Examples
    --------
    >>> format_bytes(312), format_bytes(48_200_000)
    ('312 B', '48.2 MB')
    """
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.3g} {unit}"


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
