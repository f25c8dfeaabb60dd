"""Work shared out among processes that have one thread each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

from numpy.typing import NDArray

Result = TypeVar("Result")

#: The environment variables that give a process one thread: there are as many processes as cores.
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMBA_NUM_THREADS",
    ),
    "1",
)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_processes(
    function: Callable[..., Result],
    *arguments: Sequence[Any] | NDArray[Any],
    n_workers: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Result]:
    """Call a function with each of several arguments, in fresh processes.

    Parameters
    ----------
    function : callable
        What is called; with more than one worker it must be importable, and a script that asks for
        them must guard its main part with ``if __name__ == "__main__"``.
    *arguments : sequence or ndarray
        Equally long, one for each argument of the function.
    n_workers : int
        Processes; one works in this process.
    progress : callable, optional
        Called with the number of calls that are done and of all.

    Returns
    -------
    list
        In the order of the arguments.
    """
    total = len(arguments[0])
    report = progress or (lambda done, total: None)
    if min(n_workers, total) <= 1:
        results = []
        for done, each in enumerate(zip(*arguments, strict=True), 1):
            results.append(function(*each))
            report(done, total)
        return results
    with _pool(min(n_workers, total)) as pool:
        futures = [pool.submit(function, *each) for each in zip(*arguments, strict=True)]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                report(done, total)
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
