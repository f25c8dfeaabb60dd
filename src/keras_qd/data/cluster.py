"""A running Dask cluster that shares out the shards of one store among its workers."""

from __future__ import annotations

import functools
import queue
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from keras_qd.data.failure import describe_failure, rebuild_failure
from keras_qd.data.job import Job
from keras_qd.data.schema import disk_errors
from keras_qd.data.shard_writer import ShardWriter
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
    futures = set(client.map(make_shard, shards, job=job, topic=topic, pure=False))
    try:
        for future in futures:
            future.add_done_callback(inbox.put)
        _follow(inbox, futures, _Tally(on_made))
    finally:
        client.cancel(list(futures))
        client.unsubscribe_topic(topic)


def make_shard(number: int, job: Job, topic: str) -> dict[str, Any]:
    """Make one shard, on a worker of the cluster.

    Parameters
    ----------
    number : int
        Number of the shard.
    job : Job
        The store, and what makes its samples.
    topic : str
        Where to tell of progress.

    Returns
    -------
    dict
        ``shard`` and how many samples were ``made``; or ``error``, where it failed.
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
        return {"error": describe_failure(error), "worker": worker.address}
    return {"shard": number, "made": made}


@functools.lru_cache(maxsize=1)
def _writer(job: Job) -> ShardWriter:
    return job.open()


def _follow(inbox: queue.SimpleQueue[Any], futures: set[Future], tally: _Tally) -> None:
    """Report progress until every shard is made or one has failed; take out those that are made."""
    while futures:
        message = inbox.get()
        if not isinstance(message, dict):
            future, message = message, _result(message)
            futures.discard(future)
            future.release()  # or its shard would be made again if the worker died later
        tally.add(message["shard"], message["made"])


def _result(future: Future) -> dict[str, Any]:
    """Return what came of one shard.

    Raises
    ------
    KerasQDError
        If nothing good did.
    """
    if future.status == "error":
        error = future.exception()
        raise ClusterError(
            f"the cluster failed: {type(error).__name__}: {error} What is finished is kept: run "
            "the same again to go on"
        ) from error
    if future.status != "finished":
        raise ClusterError(
            "the cluster was closed, or dropped the work. What is finished is kept: run the same "
            "again to go on"
        )
    found: dict[str, Any] = future.result()
    if "error" in found:
        failure = rebuild_failure(found["error"])
        failure.add_note(f"On the worker {found['worker']} of the cluster.")
        raise failure
    return found


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
