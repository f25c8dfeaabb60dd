"""Many targets, in worker processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from keras_qd.data.pool import ONE_THREAD, usable_cores
from keras_qd.errors import PhysicsError
from keras_qd.evaluation.inverse.problem import InverseProblem
from keras_qd.physics import Inversion

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
    total = len(densities)
    each = starts if starts is not None else [None] * total
    n_workers = min(n_workers or usable_cores(), total)
    report = progress or (lambda done, total: None)
    if n_workers <= 1:
        outcomes = []
        for done, (density, start) in enumerate(zip(densities, each, strict=True), 1):
            outcomes.append(_attempt(problem, density, start))
            report(done, total)
        return outcomes
    with _pool(n_workers) as pool:
        futures = [
            pool.submit(_attempt, problem, density, start)
            for density, start in zip(densities, each, strict=True)
        ]
        return _gathered(futures, report)


def _attempt(problem: InverseProblem, density: Array, start: Array | None) -> Outcome:
    try:
        return problem.solve(density, start)
    except PhysicsError as refusal:
        return PhysicsError(str(refusal))  # without its traceback, which no process can send


def _gathered(
    futures: Sequence[Future[Outcome]], report: Callable[[int, int], None]
) -> list[Outcome]:
    try:
        for done, future in enumerate(as_completed(futures), 1):
            future.result()
            report(done, len(futures))
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    return [future.result() for future in futures]


@contextmanager
def _pool(n_workers: int) -> Iterator[ProcessPoolExecutor]:
    """Start fresh processes, which have one thread each from their first import on."""
    with (
        _environment(ONE_THREAD),
        ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as pool,
    ):
        yield pool


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
