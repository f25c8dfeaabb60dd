"""A running Dask cluster that shares out the shards of one store among its workers."""

from __future__ import annotations

import functools
import queue
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from keras_qd.data.store.failure import describe_failure, rebuild_failure
from keras_qd.data.store.job import Job
from keras_qd.data.store.store import disk_errors
from keras_qd.data.store.writer import ShardWriter
from keras_qd.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client, Future


#: Seconds to wait for a scheduler.
TIMEOUT = 10

#: Solvers keep tables and need not be safe beside themselves: one shard at a time in a process.
_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def join_cluster(scheduler: str | Client) -> Iterator[Client]:
    """Connect to a running cluster.

    Parameters
    ----------
    scheduler : str or distributed.Client
        Address of the scheduler, such as ``"tcp://node7:8786"``, or a client, which is left open.

    Yields
    ------
    distributed.Client

    Raises
    ------
    ClusterError
        If Dask distributed is not installed, or no scheduler answers.
    """
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


def run_on_cluster(
    job: Job, shards: Sequence[int], on_made: Callable[[int], None], client: Client
) -> None:
    """Have the workers of a cluster make shards of a store.

    A shard whose worker dies goes to another one, as often as the scheduler allows (three times,
    unless its configuration says otherwise).

    Parameters
    ----------
    job : Job
        The store, and what makes its samples.
    shards : sequence of int
        Numbers of the shards to make.
    on_made : callable
        Called with a number of samples whenever a worker has made some.
    client : distributed.Client
        Connected to the cluster.

    Raises
    ------
    KerasQDError
        What stopped a worker: its own error, or a `ClusterError` where the cluster failed. What has
        not begun is cancelled then, and also if this process is interrupted; finished shards stay.
    """
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    topic = f"keras-qd-{uuid.uuid4().hex}"
    client.subscribe_topic(topic, lambda event: inbox.put(event[1]))
    unfinished = set(client.map(make_shard, shards, job=job, topic=topic, pure=False))
    tally = _Tally(on_made)
    try:
        for future in unfinished:
            future.add_done_callback(inbox.put)
        while unfinished:
            message = inbox.get()
            if isinstance(message, dict):
                tally.add(message["shard"], message["made"])
                continue
            _check_made(message)
            unfinished.remove(message)
            message.release()  # or the shard would be made again if the worker died later
    finally:
        client.cancel(list(unfinished))
        client.unsubscribe_topic(topic)


def make_shard(number: int, job: Job, topic: str) -> None:
    """Make one shard, on a worker of the cluster.

    Parameters
    ----------
    number : int
        Number of the shard.
    job : Job
        The store, and what makes its samples.
    topic : str
        Where to tell of progress.

    Raises
    ------
    ShardError
        If the shard cannot be made.
    """
    from distributed import get_worker

    worker, made = get_worker(), 0

    def on_made(count: int) -> None:
        nonlocal made
        made += count
        worker.log_event(topic, {"shard": number, "made": made})

    try:
        with _ONE_AT_A_TIME:
            writer = _writer(job)
            with disk_errors(writer.place):
                writer.write(number, on_made)
    except Exception as error:
        raise ShardError(worker.address, describe_failure(error)) from None


class ShardError(Exception):
    """What stopped a shard: the address of the worker, and the failure as text."""


@functools.lru_cache(maxsize=1)
def _writer(job: Job) -> ShardWriter:
    return job.open()


def _check_made(future: Future) -> None:
    """Raise what went wrong with a shard that is done with, if anything did.

    What was made is on disk: a result that was lost since then, with its worker, is not missed.
    """
    if future.status == "cancelled":
        raise ClusterError(
            "the cluster was closed, or dropped the work. What is finished is kept: run the same "
            "again to go on"
        )
    if future.status != "error":
        return
    error = future.exception()
    if isinstance(error, ShardError):
        worker, report = error.args
        failure = rebuild_failure(report)
        failure.add_note(f"On the worker {worker} of the cluster.")
        raise failure
    raise ClusterError(
        f"the cluster failed: {type(error).__name__}: {error} What is finished is kept: run the "
        "same again to go on"
    ) from error


class _Tally:
    """Counts samples, those of a shard that was begun anew but once."""

    def __init__(self, on_made: Callable[[int], None]) -> None:
        self._on_made = on_made
        self._made: dict[int, int] = {}

    def add(self, shard: int, made: int) -> None:
        """Report how many more samples there are, now that one shard has `made`."""
        more = made - self._made.get(shard, 0)
        if more > 0:
            self._made[shard] = made
            self._on_made(more)
