"""Many targets, shared out among processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.inversion.inverter import invert
from keras_qd.physics.inversion.outcome import Inversion
from keras_qd.processes import map_in_processes

Array = NDArray[np.float64]


def invert_many(
    densities: Sequence[Array] | Array,
    box: Box,
    n_electrons: int = 2,
    *,
    starts: Sequence[Array | None] | Array | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    **settings: Any,
) -> list[Inversion]:
    """Find potentials for many densities.

    Parameters
    ----------
    densities : sequence of ndarray, shape (n_targets, n_pixels, n_pixels)
        Targets, in 1/a0*^2.
    box : Box
        The box that all are in.
    n_electrons : int, default 2
        Number of electrons in each.
    starts : sequence of ndarray, optional
        A potential to start from for each, or None among them for the default.
    workers : int, default 1
        Processes, with one thread each. More than one are started afresh, so that a script that
        asks for them must guard its main part with ``if __name__ == "__main__"``.
    progress : callable, optional
        Called with the number of targets that are done and of all.
    **settings
        Others of `invert`, the same for all.

    Returns
    -------
    list of Inversion
        In the order of the densities, whatever the number of workers, and the same numbers unless
        time ran out.

    Raises
    ------
    UsageError
        If there are not as many starts as densities, or no workers.
    DataError, UnknownNameError, PhysicsError
        As of `invert`.

    Examples
    --------
    >>> from keras_qd import physics
    >>> box = physics.Box(10.0)
    >>> potentials = physics.sample_potentials(2, box, 32)
    >>> wanted = [physics.solve(potential, box, 1).density for potential in potentials]
    >>> [found.converged for found in invert_many(wanted, box, 1, workers=1)]
    [True, True]
    """
    if workers < 1:
        raise UsageError(f"workers must be at least 1, got {workers!r}")
    given = [None] * len(densities) if starts is None else list(starts)
    if len(given) != len(densities):
        raise UsageError(f"{len(densities)} densities need as many starts, got {len(given)}")
    one = partial(_invert_one, box, n_electrons, settings)
    return map_in_processes(one, densities, given, n_workers=workers, progress=progress)


def _invert_one(
    box: Box, n_electrons: int, settings: dict[str, Any], density: Array, start: Array | None
) -> Inversion:
    return invert(density, box, n_electrons, start=start, **settings)
