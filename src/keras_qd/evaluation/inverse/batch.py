"""Many targets, in worker processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PhysicsError
from keras_qd.evaluation.inverse.problem import InverseProblem
from keras_qd.physics import Inversion
from keras_qd.processes import map_in_processes, usable_cores

Array = NDArray[np.float64]

#: What became of a target: its inversion, or why the solver refused it.
Outcome = Inversion | PhysicsError


def invert_targets(
    problem: InverseProblem,
    densities: Sequence[Array] | Array,
    starts: Sequence[Array] | Array | None = None,
    *,
    n_workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Invert targets, each by one process with one thread.

    Parameters
    ----------
    problem : InverseProblem
        What they are targets of.
    densities : sequence of ndarray, shape (n_pixels, n_pixels)
        The targets, in 1/a0*^2.
    starts : sequence of ndarray, optional
        Proposed potentials, one a target.
    n_workers : int, optional
        Processes; by default as many as there are usable cores. One, or one target, is done in this
        process.
    progress : callable, optional
        Called with the number of targets done and of all.

    Returns
    -------
    list of Inversion or PhysicsError
        In the order of the targets. One that the solver refuses does not stop the others.

    Raises
    ------
    KerasQDError
        What else is wrong with a target or the problem.
    """
    given = [None] * len(densities) if starts is None else starts
    return map_in_processes(
        partial(_attempt, problem),
        densities,
        given,
        n_workers=n_workers or usable_cores(),
        progress=progress,
    )


def _attempt(problem: InverseProblem, density: Array, start: Array | None) -> Outcome:
    try:
        return problem.solve(density, start)
    except PhysicsError as refusal:
        return PhysicsError(str(refusal))  # without its traceback, which no process can send
