"""Work in other processes: those of this machine (loky) or of a Dask cluster, used in one way.

Worker processes of this machine have one thread each, end with the process that started them, and
stay for a few idle seconds, so that the next work starts at once. Functions and arguments travel by
cloudpickle: scripts need no ``if __name__ == "__main__"``, and what a notebook defines works.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from keras_qd.errors import ClusterError, KerasQDError, WorkerError

if TYPE_CHECKING:
    from distributed import Client
    from numpy.typing import NDArray

Result = TypeVar("Result")
Key = TypeVar("Key")

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
#: Seconds after which idle worker processes end.
_IDLE = 20
#: Seconds between two looks at whether the parent still lives.
_WATCH = 0.3
#: Seconds to wait for the scheduler of a cluster.
TIMEOUT = 10
_RESUME = "run the same again to resume"


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Workers:
    """An executor of `concurrent.futures`, and how many calls it runs at a time."""

    executor: Executor
    number: int

    def run(
        self,
        function: Callable[..., Any],
        tasks: Iterable[tuple[Key, tuple[Any, ...]]],
    ) -> Iterator[tuple[Key, Any]]:
        """Yield ``key, function(*arguments)`` of tasks ``(key, arguments)``, as they finish."""
        # Tasks are drawn as they are needed, two for each worker: they may depend on results.
        remaining = iter(tasks)
        pending: dict[Future[Any], Key] = {}
        while True:
            while len(pending) < 2 * self.number:
                task = next(remaining, None)
                if task is None:
                    break
                pending[self._submit(function, task[1])] = task[0]
            if not pending:
                return
            done = wait(pending, return_when=FIRST_COMPLETED).done
            # In the order of the tasks: of several errors, the first one is raised.
            for future in [each for each in pending if each in done]:
                yield pending.pop(future), _result(future)

    def _submit(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Future[Any]:
        """Hand over a task, unless a worker died since the last result."""
        try:
            return self.executor.submit(_guarded, function, arguments)
        except BrokenExecutor as error:
            raise _dead_worker() from error


@contextmanager
def open_workers(
    number: int | None = None, scheduler: str | Client | None = None
) -> Iterator[Workers]:
    """Yield worker processes of this machine, or those of a cluster; after an error they stop."""
    if scheduler is not None:
        with _join_cluster(scheduler) as client:
            executor = client.get_executor(pure=False)
            try:
                yield Workers(executor, max(1, sum(client.nthreads().values())))
            finally:
                executor.shutdown(wait=False)
        return
    from loky import get_reusable_executor

    # Workers keep tables, which loky takes for a leak: it restarts them and warns.
    warnings.filterwarnings("ignore", "A worker was (stopped|restarted)", UserWarning)
    number = usable_cores() if number is None else number
    executor = get_reusable_executor(
        max_workers=number,
        timeout=_IDLE,
        initializer=_start,
        initargs=(os.getpid(), tuple(sys.path)),  # another search path needs fresh processes
        env=ONE_THREAD,
    )
    try:
        yield Workers(executor, number)
    except BaseException:
        executor.shutdown(kill_workers=True)
        raise


def map_in_processes(
    function: Callable[..., Result],
    *arguments: Sequence[Any] | NDArray[Any],
    n_workers: int,
    scheduler: str | Client | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Result]:
    """Return ``function`` of each of several arguments, in order; one worker is this process."""
    calls = list(enumerate(zip(*arguments, strict=True)))
    report = progress or (lambda done, total: None)
    results: dict[int, Result] = {}
    if scheduler is None and min(n_workers, len(calls)) <= 1:
        for number, each in calls:
            results[number] = function(*each)
            report(len(results), len(calls))
    else:
        with open_workers(min(n_workers, len(calls)), scheduler) as workers:
            for number, result in workers.run(function, calls):
                results[number] = result
                report(len(results), len(calls))
    return [results[number] for number, _ in calls]


@dataclass(frozen=True)
class _Failed:
    """An error of a task, returned rather than raised: no executor has to handle it."""

    error: Exception


def _guarded(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call a function in a worker, and return its result or its error."""
    try:
        return function(*arguments)
    except Exception as error:
        return _Failed(_portable(error))


def _portable(error: Exception) -> Exception:
    """Return an error with its traceback as a note; one that cannot be pickled becomes text."""
    note = f"In process {os.getpid()} of {socket.gethostname()}:\n" + "".join(
        traceback.format_exception(error)
    )
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - what this process has just pickled
    except Exception:  # whatever the constructor of a foreign exception raises
        error = KerasQDError(f"{type(error).__name__}: {error}")
    error.add_note(note)
    return error


def _dead_worker() -> WorkerError:
    return WorkerError(
        f"a worker process died, perhaps for lack of memory; {_RESUME}, with fewer workers if "
        "it happens again"
    )


def _result(future: Future[Any]) -> Any:
    """Return the result of a task, or raise its error, or what happened to its worker."""
    try:
        result = future.result()
    except BrokenExecutor as error:
        raise _dead_worker() from error
    except CancelledError as error:
        raise ClusterError(f"the cluster was closed, or dropped the work; {_RESUME}") from error
    except Exception as error:  # tasks return their errors: this is one of the cluster
        raise ClusterError(
            f"the cluster failed: {type(error).__name__}: {error}; {_RESUME}"
        ) from error
    if isinstance(result, _Failed):
        raise result.error
    return result


def _start(parent: int, path: tuple[str, ...]) -> None:
    """Prepare a worker process of this machine."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops it
    sys.path[:] = path
    os.dup2(2, 1)  # what a solver prints must not get among the results of a command
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when its parent has ended, however that ended."""
    while os.getppid() == parent:
        time.sleep(_WATCH)
    os._exit(1)


@contextmanager
def _join_cluster(scheduler: str | Client) -> Iterator[Client]:
    """Connect to a running cluster by its address; a client is used as it is, and left open."""
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterError(
            "a cluster needs Dask distributed: pip install 'keras-qd[dask]'"
        ) from error
    if isinstance(scheduler, Client):
        yield scheduler
        return
    try:
        client = Client(scheduler, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {scheduler!r} ({error}); give the address that "
            "'dask scheduler' prints, such as tcp://node7:8786"
        ) from error
    with client:
        yield client
