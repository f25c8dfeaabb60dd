"""Generating a stored data set in parallel, to be resumed at any point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING

from keras_qd.data.recipes import Recipe
from keras_qd.data.store.job import Job
from keras_qd.data.store.label_error import record_label_error
from keras_qd.data.store.places import find_place
from keras_qd.data.store.pool import run_workers
from keras_qd.data.store.store import Store, disk_errors
from keras_qd.data.store.writer import prepare_store
from keras_qd.errors import UsageError
from keras_qd.processes import usable_cores

if TYPE_CHECKING:
    from distributed import Client


#: Called with the samples done so far and all that there will be.
Progress = Callable[[int, int], None]
#: Has shards of a store made: called with the work, the shards, and what to call with every number
#: of samples made.
Crew = Callable[[Job, Sequence[int], Callable[[int], None]], None]


def generate(
    path: str | PathLike[str],
    recipe: Recipe,
    n_samples: int,
    *,
    workers: int | None = None,
    scheduler: str | Client | None = None,
    progress: Progress | None = None,
) -> Store:
    """Make a stored data set, or finish or lengthen one that is there.

    Stopped at any moment, by whatever, the same call goes on where it was and ends bit-identical.
    The result does not depend on the number of workers.

    Parameters
    ----------
    path : str or path
        Directory of the store, or a URL that fsspec knows, such as ``s3://bucket/dots.zarr``. A
        store of the same configuration is finished, and made longer if `n_samples` is more
        than it holds: its first samples stay as they are.
    recipe : Recipe
        What the samples are, root seed included.
    n_samples : int
        How many samples the store shall hold at least.
    workers : int, optional
        How many processes work on this machine, each with one thread; as many as there are usable
        cores by default.
    scheduler : str or distributed.Client, optional
        A running Dask cluster that works instead: the address of its scheduler, or a client. All
        its workers must reach `path`.
    progress : callable, optional
        Called with the number of samples done and of all, whenever some are done.

    Returns
    -------
    Store
        Open for reading; its first `n_samples` samples are finished.

    Raises
    ------
    UsageError
        If the store holds data of another configuration, or a number makes no sense.
    StoreError
        If another process writes the store, the disk is full, a worker dies, or the path cannot be
        used.
    ClusterError
        If Dask distributed is not installed, no scheduler answers, or the cluster fails.
    DataError
        If a sample comes out with a wrong shape or not finite.
    PhysicsError
        If the solver refuses a sample.

    Examples
    --------
    >>> from keras_qd.data import QuantumDots, generate
    >>> store = generate("dots.zarr", QuantumDots(), 2000)  # doctest: +SKIP
    """
    if n_samples < 1 or (workers is not None and workers < 1):
        raise UsageError(f"samples={n_samples} and workers={workers} must be at least 1")
    if workers is not None and scheduler is not None:
        raise UsageError("give workers or a scheduler: a cluster has the workers it has")
    place = find_place(path)
    if place.in_one_process and scheduler is None:
        raise UsageError(f"{place} is in the memory of this process, which workers cannot reach")
    with disk_errors(place), place.locked(), _crew(workers, scheduler) as crew:
        store = prepare_store(place, recipe, n_samples)
        shards = store.unfinished(n_samples)
        done = _Progress(progress, store, shards)
        if shards:
            crew(Job.on(store, recipe), shards, done.add)
            done.finish()
        record_label_error(place, recipe)
    return Store(place)


@contextmanager
def _crew(workers: int | None, scheduler: str | Client | None) -> Iterator[Crew]:
    """Yield what makes shards: processes on this machine, or a cluster."""
    if scheduler is None:
        yield partial(run_workers, n_workers=usable_cores() if workers is None else workers)
        return
    from keras_qd.data.store.cluster import join_cluster, run_on_cluster

    with join_cluster(scheduler) as client:
        yield partial(run_on_cluster, client=client)


class _Progress:
    """Adds up what the workers report."""

    def __init__(self, report: Progress | None, store: Store, shards: list[int]) -> None:
        entries = store.entries()
        to_make = sum(len(store.shard(number)) - entries[number].count for number in shards)
        self._report = report
        self._done = store.n_finished
        self._total = self._done + to_make
        self.add(0)

    def add(self, count: int) -> None:
        """Report `count` more samples."""
        self._done = min(self._done + count, self._total)
        if self._report is not None:
            self._report(self._done, self._total)

    def finish(self) -> None:
        """Report that all are made, where what the workers told was late."""
        if self._done < self._total:
            self.add(self._total - self._done)
