"""Short measurements of time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def median_seconds(work: Callable[[], object], *, budget: float = 1.0, most: int = 20) -> float:
    """Return the median time that `work` takes, after one call that is not counted.

    Parameters
    ----------
    work : callable
        What is measured. Its first call may compile, or make tables.
    budget : float
        Seconds after which no more calls are made; one is made in any case.
    most : int
        Calls that are made at most.

    Examples
    --------
    >>> 0 < median_seconds(lambda: sum(range(1000)), most=3) < 1
    True
    """
    work()
    taken: list[float] = []
    while not taken or (sum(taken) < budget and len(taken) < most):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
