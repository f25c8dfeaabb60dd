"""How the learning rate falls in the course of a training."""

from __future__ import annotations

import math
from collections.abc import Callable

from keras_qd.errors import UnknownNameError


def _constant(progress: float) -> float:
    return 1.0


def _linear(progress: float) -> float:
    return min(1.0, 2.0 * (1.0 - progress))


def _cosine(progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * progress))


#: Name -> the factor on the first learning rate, as a function of the part of the training that is
#: over.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": _constant,
    "cosine": _cosine,
    "linear": _linear,
}


def learning_rate_factor(schedule: str, epoch: int, epochs: int) -> float:
    """Return the factor on the first learning rate during one epoch.

    Parameters
    ----------
    schedule : str
        ``"constant"``; ``"linear"``, 1 for the first half and then in a straight line to 0, as in
        the original pix2pix; or ``"cosine"``, half a period of a cosine.
    epoch, epochs : int
        Which epoch, counted from 0, of how many.

    Raises
    ------
    UnknownNameError
        If there is no such schedule.

    Notes
    -----
    The factor is taken in the middle of the epoch, so that no epoch runs at zero.

    Examples
    --------
    >>> [round(learning_rate_factor("cosine", epoch, 3), 3) for epoch in range(3)]
    [0.933, 0.5, 0.067]
    """
    if schedule not in SCHEDULES:
        raise UnknownNameError("schedule", schedule, SCHEDULES)
    return SCHEDULES[schedule]((epoch + 0.5) / epochs)
