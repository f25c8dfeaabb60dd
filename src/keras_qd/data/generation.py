"""Generating a stored data set in parallel, to be resumed at any point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from keras_qd.data.label_error import record_label_error
from keras_qd.data.lock import WriterLock
from keras_qd.data.pool import run_workers, usable_cores
from keras_qd.data.preparation import prepare_store
from keras_qd.data.recipe import Recipe
from keras_qd.data.schema import disk_errors
from keras_qd.data.store import Store
from keras_qd.errors import UsageError

#: Called with the samples done so far and all that there will be.
Progress = Callable[[int, int], None]


def generate(
    path: str | Path,
    recipe: Recipe,
    n_samples: int,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Store:
    """Make a stored data set, or finish or lengthen one that is there.

    Stopped at any moment, by whatever, the same call goes on where it was and ends bit-identical.
    The result does not depend on the number of workers.

    Parameters
    ----------
    path : str or Path
        Directory of the store. A store of the same configuration is finished, and made longer if
        `n_samples` is more than it holds: its first samples stay as they are.
    recipe : Recipe
        What the samples are, root seed included.
    n_samples : int
        How many samples the store shall hold at least.
    workers : int, optional
        How many processes work, each with one thread; as many as there are usable cores by default.
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
    DataError
        If a sample comes out with a wrong shape or not finite.
    PhysicsError
        If the solver refuses a sample.

    Examples
    --------
    >>> from keras_qd.data import QuantumDots, generate
    >>> store = generate("dots.zarr", QuantumDots(), 2000)  # doctest: +SKIP
    """
    n_workers = usable_cores() if workers is None else workers
    if n_samples < 1 or n_workers < 1:
        raise UsageError(f"samples={n_samples} and workers={n_workers} must be at least 1")
    path = Path(path)
    with disk_errors(path), WriterLock(path):
        store = prepare_store(path, recipe, n_samples)
        shards = store.unfinished(n_samples)
        done = _Progress(progress, store, shards)
        if shards:
            run_workers(recipe, path, shards, n_workers, done.add)
        record_label_error(path, recipe)
    return Store(path)


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
