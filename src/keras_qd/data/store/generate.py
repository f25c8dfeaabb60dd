"""Generating a stored data set in parallel, resumable at any point.

Workers make samples; this process alone writes them, so that neither a killed worker nor a killed
parent leaves a half-written shard that counts, and workers of a cluster need not reach the store.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from typing import TYPE_CHECKING, Any

import cloudpickle
import numpy as np

from keras_qd._parallel import Workers, open_workers
from keras_qd.data.recipes import REFUSED, Recipe
from keras_qd.data.store.description import FINGERPRINT, Description
from keras_qd.data.store.location import Location, locate
from keras_qd.data.store.store import Store, disk_errors
from keras_qd.data.store.writer import (
    Contents,
    Progress,
    ShardWriter,
    prepare_store,
    samples_text,
    write_description,
)
from keras_qd.errors import KerasQDError, UsageError
from keras_qd.registry import THIS_SESSION, components

if TYPE_CHECKING:
    from distributed import Client

#: Seconds of work that a worker is given at a time, at least one batch.
_TASK_SECONDS = 0.25
#: Solvers keep tables and need not be thread-safe: one batch at a time in a process.
_ONE_AT_A_TIME = threading.Lock()


def generate(
    path: str | PathLike[str],
    recipe: Recipe,
    n_samples: int,
    *,
    workers: int | None = None,
    scheduler: str | Client | None = None,
    progress: Progress | None = None,
) -> Store:
    """Make a stored data set, or finish or lengthen an existing one.

    Stopped at any moment, by whatever, the same call resumes and ends bit-identical. The result
    does not depend on the number of workers.

    Parameters
    ----------
    path : str or path
        Directory of the store, or a URL that fsspec knows, such as ``s3://bucket/dots.zarr``. A
        store of the same configuration is finished, and made longer if `n_samples` is more
        than it holds: its first samples stay as they are. A directory has one writer at a time; at
        a URL, two writers make identical samples.
    recipe : Recipe
        How samples are made, root seed included.
    n_samples : int
        How many samples the store shall hold at least.
    workers : int, optional
        How many processes work on this machine, each with one thread; as many as there are usable
        cores by default.
    scheduler : str or distributed.Client, optional
        A running Dask cluster that works instead: the address of its scheduler, or a client.
    progress : callable, optional
        Called with the number of samples done and of all, whenever some are done.

    Returns
    -------
    Store
        Open for reading; its first `n_samples` samples are finished.

    Raises
    ------
    UsageError
        If the store holds data of another configuration, or a number is out of range.
    StoreError
        If another process writes the store, the disk is full, or the path cannot be used.
    WorkerError
        If a worker process dies.
    ClusterError
        If Dask distributed is not installed, no scheduler answers, or the cluster fails.
    DataError
        If a sample has a wrong shape or is not finite.
    PhysicsError
        If the solver refuses 100 draws of one sample in a row; see :class:`Recipe`.

    Examples
    --------
    >>> from keras_qd.data import Wells, generate
    >>> path = getfixture("tmp_path") / "wells.zarr"
    >>> store = generate(path, Wells(), 40, workers=1)
    >>> store.n_finished
    40
    """
    if n_samples < 1 or (workers is not None and workers < 1):
        raise UsageError(f"samples={n_samples} and workers={workers} must be at least 1")
    if workers is not None and scheduler is not None:
        raise UsageError(
            "give workers or a scheduler, not both: the cluster sets the number of workers"
        )
    location = locate(path)
    with disk_errors(location), location.lock(), open_workers(workers, scheduler) as crew:
        store = prepare_store(location, contents_of(recipe), n_samples)
        _Generation(store, recipe, store.unfinished(n_samples), progress).run(crew)
        _record_findings(location, recipe, crew)
    return Store(location)


def contents_of(recipe: Recipe) -> Contents:
    """Return what a store of a recipe holds."""
    return Contents(
        recipe.stored_fields,
        recipe.identity,
        recipe.configuration(),
        recipe.shard_samples,
        recipe.origins,
    )


@dataclass
class _Shard:
    """The samples of one shard that are there so far."""

    samples: range
    parts: dict[int, dict[str, np.ndarray]]

    @property
    def count(self) -> int:
        return sum(len(part[FINGERPRINT]) for part in self.parts.values())

    def values(self) -> dict[str, np.ndarray]:
        parts = [self.parts[start] for start in sorted(self.parts)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class _Generation:
    """One run of workers over the shards that are missing."""

    def __init__(
        self, store: Store, recipe: Recipe, shards: list[int], report: Progress | None
    ) -> None:
        self._store, self._recipe, self._report = store, recipe, report
        self._writer = ShardWriter(store)
        self._missing, self._shards = shards, dict[int, _Shard]()
        entries = store.entries()
        self._done = store.n_finished
        self._total = self._done + sum(
            len(store.shard(number)) - entries[number].count for number in shards
        )
        self._batches = 1  # in a task

    def run(self, crew: Workers) -> None:
        """Make all shards, each written when it is complete."""
        self._advance(0)
        for (number, start), (seconds, made) in crew.run(make_samples, self._tasks()):
            shard, count = self._shards[number], len(made[FINGERPRINT])
            per_batch = seconds * self._recipe.batch / count
            self._batches = max(1, int(_TASK_SECONDS / max(per_batch, 1e-6)))
            shard.parts[start] = made
            if shard.count == len(shard.samples):
                self._writer.write(number, self._shards.pop(number).values())
            self._advance(count)

    def _tasks(self) -> Iterator[tuple[tuple[int, int], tuple[bytes, range, int]]]:
        """Yield the pieces of work, each of about `_TASK_SECONDS` once their cost is known."""
        job = pack_recipe(self._recipe)
        for number in self._missing:
            samples = self._store.shard(number)
            kept = self._writer.kept(number, self._recipe.batch)
            self._shards[number] = shard = _Shard(samples, {samples.start: kept} if kept else {})
            start, stop = samples.start + shard.count, samples.stop
            while start < stop:
                piece = range(start, min(start + self._batches * self._recipe.batch, stop))
                yield (number, start), (job, piece, stop)
                start = piece.stop

    def _advance(self, count: int) -> None:
        self._done = min(self._done + count, self._total)
        if self._report is not None:
            self._report(self._done, self._total)


def pack_recipe(recipe: Recipe) -> bytes:
    """Return a recipe for a worker: class, settings, and what only this process registered."""
    registered = {
        name: components("potentials").get(name)
        for name, origin in recipe.origins.items()
        if origin == THIS_SESSION
    }
    packed: bytes = cloudpickle.dumps((type(recipe), recipe.settings(), registered))
    return packed


@lru_cache(maxsize=2)
def _unpack(packed: bytes) -> tuple[Recipe, Contents]:
    """Build a recipe in a worker, once for all of its pieces of work."""
    kind, settings, registered = cloudpickle.loads(packed)
    for name, component in registered.items():
        components("potentials").register(name)(component)
    recipe = kind(**settings)
    return recipe, contents_of(recipe)


def make_samples(packed: bytes, samples: range, stop: int) -> tuple[float, dict[str, np.ndarray]]:
    """Make samples in a worker, in whole batches; those from `stop` on are dropped."""
    with _ONE_AT_A_TIME:
        recipe, contents = _unpack(packed)
        started = time.perf_counter()
        parts = []
        for start in range(samples.start, samples.stop, recipe.batch):
            batch = range(start, start + recipe.batch)
            try:
                made = recipe.make(batch)
            except KerasQDError as error:
                error.args = (f"{samples_text(batch)}: {error}", *error.args[1:])
                raise
            parts.append(contents.checked(made, batch, stop))
        values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return time.perf_counter() - started, values


def _record_findings(location: Location, recipe: Recipe, crew: Workers) -> None:
    """Write into a store how many draws were refused, and the errors of its first labels."""
    store = Store(location)
    entries = dict(store.description.entries)
    count = min(recipe.n_checked, store.n_samples)
    if REFUSED in store.fields:
        shards = [each for each, entry in enumerate(store.entries()) if entry.count]
        entries["refused"] = int(sum(store.read_shard(each, REFUSED).sum() for each in shards))
    if entries.get("label_error", {}).get("asked", 0) < count and not store.unfinished(count):
        rows = np.arange(count)
        samples = {name: store.read(name, rows) for name in store.fields}
        # By a worker, which has one thread: the last digits must not depend on the machine's load.
        ((_, estimate),) = crew.run(_estimate, [(None, (pack_recipe(recipe), samples))])
        entries["label_error"] = {"asked": count, **estimate}
    if entries != store.description.entries:
        write_description(location, Description(entries, store.description.documents))


def _estimate(packed: bytes, samples: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return in a worker the errors of labels by field, or why they are not known."""
    with _ONE_AT_A_TIME:
        recipe, _ = _unpack(packed)
        try:
            errors = recipe.label_errors(samples)
        except KerasQDError as reason:
            return {"samples": 0, "reason": str(reason)}
        return {
            "samples": len(samples[recipe.identity]),
            "errors": {name: np.asarray(each, float).tolist() for name, each in errors.items()},
            "units": {name: recipe.error_unit(name) for name in errors},
        }
