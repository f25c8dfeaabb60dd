"""Several worker processes that share out the shards of one store."""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from keras_qd.data.store.failure import rebuild_failure
from keras_qd.data.store.job import Job
from keras_qd.errors import KerasQDError, StoreError
from keras_qd.processes import ONE_THREAD

#: What a worker says, and which one says it; None: it has ended.
_Inbox = queue.SimpleQueue[tuple["_Worker", dict[str, Any] | None]]


def run_workers(
    job: Job,
    shards: Sequence[int],
    on_made: Callable[[int], None],
    n_workers: int,
) -> None:
    """Have worker processes make shards of a store.

    Parameters
    ----------
    job : Job
        The store, and what makes its samples.
    shards : sequence of int
        Numbers of the shards to make.
    on_made : callable
        Called with a number of samples whenever a worker has made some.
    n_workers : int
        How many processes, each with one thread.

    Raises
    ------
    KerasQDError
        What stopped a worker: its own error, or a `StoreError` if it died. All other workers are
        stopped then, and also if this process is interrupted; finished shards stay.
    """
    remaining = list(reversed(shards))
    inbox: _Inbox = queue.SimpleQueue()
    with _workers(min(n_workers, len(shards)), dataclasses.asdict(job), inbox) as workers:
        busy = len(workers)
        for worker in workers:
            worker.order(remaining.pop())
        while busy:
            worker, answer = inbox.get()
            if answer is None or "error" in answer:
                raise _failure(worker, answer)
            if "made" in answer:
                on_made(answer["made"])
            elif remaining:
                worker.order(remaining.pop())
            else:
                busy -= 1


class _Worker:
    """One worker process, and the thread that listens to it."""

    def __init__(self, job: dict[str, Any], inbox: _Inbox) -> None:
        self.shard = -1
        self.process = subprocess.Popen(
            [sys.executable, "-m", "keras_qd.data.store.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | ONE_THREAD | {"PYTHONPATH": _search_path(), "PYTHONSAFEPATH": "1"},
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the parent, which then stops its workers
        )
        self._listener = threading.Thread(target=self._listen, args=(inbox,), daemon=True)
        self._listener.start()
        self._send(job)

    def order(self, shard: int) -> None:
        """Give it a shard to make."""
        self.shard = shard
        self._send({"shard": shard})

    def stop(self) -> None:
        """End it, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        self._listener.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def _send(self, content: dict[str, Any]) -> None:
        pipe = self.process.stdin
        if pipe is not None:
            # If it has ended, that arrives in the inbox and is reported from there.
            with suppress(BrokenPipeError):
                pipe.write(json.dumps(content) + "\n")
                pipe.flush()

    def _listen(self, inbox: _Inbox) -> None:
        for line in self.process.stdout or ():
            inbox.put((self, json.loads(line)))
        inbox.put((self, None))


@contextmanager
def _workers(number: int, job: dict[str, Any], inbox: _Inbox) -> Iterator[list[_Worker]]:
    """Start workers, and end them whatever happens in between."""
    workers: list[_Worker] = []
    try:
        for _ in range(number):
            workers.append(_Worker(job, inbox))  # noqa: PERF401 - those started must end if one fails
        yield workers
    finally:
        for worker in workers:
            worker.stop()


def _search_path() -> str:
    """Return this process's module search path, so that workers import the same modules."""
    return os.pathsep.join(entry or os.getcwd() for entry in sys.path)


def _failure(worker: _Worker, answer: dict[str, Any] | None) -> KerasQDError:
    """Build the error that a worker reported, or that tells of its death."""
    if answer is None:
        return StoreError(
            f"a worker process died (exit status {worker.process.wait()}) while making shard "
            f"{worker.shard}; it may have run out of memory. What is finished is kept: run the "
            "same again, perhaps with fewer workers, to go on"
        )
    return rebuild_failure(answer["error"])
