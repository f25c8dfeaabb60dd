"""New systems in every epoch, made by other processes while the epoch before is trained."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_qd._parallel import Workers, open_workers, usable_cores
from keras_qd.data.recipes import Recipe, stored_recipe
from keras_qd.data.store.generate import make_samples, pack_recipe
from keras_qd.errors import UsageError

if TYPE_CHECKING:
    from keras_qd.data.dataset import Dataset
    from keras_qd.tasks.pipeline import Pipeline

#: Samples that a worker makes at a time, in whole batches of the recipe.
_PIECE = 16


def fresh_recipe(dataset: Dataset, name: str) -> Recipe:
    """Return the recipe that makes more systems like those of a data set, or raise."""
    configuration = dataset.metadata.get("configuration")
    recipe = stored_recipe(configuration) if configuration else None
    if recipe is None:
        raise UsageError(
            f"task {name!r} has a data set that was not generated, so no new systems can be made "
            "for each epoch; leave out fresh, or use a generated data set such as quantum-dots"
        )
    return recipe


class Fresh:
    """Scaled systems of each epoch, which follow from the recipe, the seed and the epoch alone."""

    def __init__(
        self, recipe: Recipe, n_samples: int, seed: int, pipeline: Pipeline, epochs: int
    ) -> None:
        self._recipe, self._n_samples, self._seed = recipe, n_samples, seed
        self._pipeline, self._epochs = pipeline, epochs
        self._pending: dict[int, Future[Any]] = {}
        self._stopped = False

    @contextmanager
    def opened(self, n_workers: int | None = None) -> Iterator[Fresh]:
        """Start the workers, and let them end with the training."""
        number = max(1, usable_cores() - 1) if n_workers is None else n_workers
        with open_workers(number) as self._crew, ThreadPoolExecutor(1) as self._thread:
            try:
                yield self
            finally:
                self._stopped = True

    def __call__(self, epoch: int) -> tuple[Any, Any]:
        """Return scaled inputs and targets of an epoch, and start on those of the next."""
        made = self._started(epoch).result()
        self._pending = {number: each for number, each in self._pending.items() if number >= epoch}
        if epoch + 1 < self._epochs:
            self._started(epoch + 1)
        return self._pipeline.scale_inputs(made), self._pipeline.scale_targets(made)

    def _started(self, epoch: int) -> Future[Any]:
        if epoch not in self._pending:
            self._pending[epoch] = self._thread.submit(self._made, self._crew, epoch)
        return self._pending[epoch]

    def _made(self, crew: Workers, epoch: int) -> dict[str, np.ndarray]:
        """Return the fields of an epoch's systems; called in a thread, which waits for workers."""
        job = pack_recipe(self._recipe_of(epoch))
        parts = dict(crew.run(make_samples, self._tasks(job)))
        ordered = [parts[start][1] for start in sorted(parts)]
        return {name: np.concatenate([part[name] for part in ordered]) for name in ordered[0]}

    def _tasks(self, job: bytes) -> Iterator[tuple[int, tuple[bytes, range, int]]]:
        """Yield pieces of work until the training has ended."""
        step = -(-_PIECE // self._recipe.batch) * self._recipe.batch
        for start in range(0, self._n_samples, step):
            if self._stopped:
                return
            stop = min(start + step, self._n_samples)
            yield start, (job, range(start, stop), self._n_samples)

    def _recipe_of(self, epoch: int) -> Recipe:
        """Return the recipe with a root seed of this epoch's own."""
        seeds = np.random.SeedSequence([self._recipe.seed, self._seed], spawn_key=(epoch,))
        seed = int(seeds.generate_state(1, np.uint64)[0] >> np.uint64(1))
        return type(self._recipe)(**{**self._recipe.settings(), "seed": seed})
