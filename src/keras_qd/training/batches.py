"""Batches for ``fit`` on every backend, in an order that a resumed training continues.

They come from arrays, or are new systems in every epoch, which other processes make while the epoch
before is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_qd._parallel import Workers, open_workers, usable_cores
from keras_qd.data.augmentation import build_augmentation
from keras_qd.data.recipes import Recipe, stored_recipe
from keras_qd.data.store.generate import make_samples, pack_recipe
from keras_qd.data.stored import Shards
from keras_qd.errors import DataError, UsageError
from keras_qd.tasks.pipeline import each, leaves

if TYPE_CHECKING:
    from keras_qd.data.dataset import Dataset
    from keras_qd.tasks.pipeline import Pipeline
    from keras_qd.tasks.task import Task


class Batches(keras.utils.PyDataset):
    """Batches ``(x, y)``, shuffled and augmented anew in each epoch.

    The order and the augmentation of every sample follow from the seed and the number of the epoch
    alone, so a training resumed at epoch k sees the same batches as one never interrupted. Keras
    does not pass the number of the epoch to a data set, hence the callback, and shuffles batches by
    default:

        model.fit(feed(batches), shuffle=False, callbacks=[FollowEpochs(batches)],
        initial_epoch=k, epochs=n)

    Parameters
    ----------
    x, y : array_like, samples along the first axis, or mapping of str to array_like
        Inputs and targets as the network takes them, images with channels last: anything that has
        ``len`` and returns an array, or a dict of arrays, for a list of rows. Where `x` has
        ``shards``
        (:class:`~keras_qd.data.stored.Shards`), samples are shuffled such that each shard is needed
        for a few consecutive batches only.
    batch_size : int
        Samples in a batch.
    shuffle : bool
        Whether each epoch has its own order.
    augmentation : str, optional
        ``"square-symmetries"``, ``"reflection"``, ``"shifts"``, ``"jitter"`` or none.
    seed : int
        For order and augmentation.
    drop_remainder : bool
        Whether to leave out the samples that do not fill a batch, different ones in each epoch, so
        that all batches have one shape. Fewer samples than `batch_size` make one batch.
    first_epoch : int
        The initial epoch.
    fresh : callable, optional
        ``fresh(epoch)`` returns inputs and targets of an epoch, which take the place of `x` and
        `y`; as many in each.

    Attributes
    ----------
    epoch : int
        The current epoch; :class:`FollowEpochs` updates it.

    Raises
    ------
    DataError
        If there are no samples, or not as many targets as inputs.
    UsageError
        If a number is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.zeros((10, 8, 8, 1)), np.zeros((10, 1))
    >>> batches = Batches(x, y, batch_size=4, shuffle=True, drop_remainder=False)
    >>> [len(batches[i][0]) for i in range(len(batches))]
    [4, 4, 2]
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        batch_size: int,
        *,
        shuffle: bool,
        augmentation: str | None = None,
        seed: int = 0,
        drop_remainder: bool = True,
        first_epoch: int = 0,
        fresh: Callable[[int], tuple[Any, Any]] | None = None,
    ) -> None:
        super().__init__()
        x, y = (x, y) if fresh is None else fresh(first_epoch)
        n_samples, n_targets = (len(leaves(tensors)[0]) for tensors in (x, y))
        if n_samples != n_targets or not n_samples:
            raise DataError(f"got {n_samples} inputs and {n_targets} targets; give as many of both")
        if batch_size < 1 or seed < 0:
            raise UsageError(f"batch_size={batch_size} must be positive, seed={seed} not negative")
        self.epoch = first_epoch
        self._arrays, self._n_samples = (x, y), n_samples
        self._batch_size = min(batch_size, n_samples)
        self._shuffle = shuffle
        self._augmentation = None if augmentation is None else build_augmentation(augmentation)
        self._seed = seed
        self._drop_remainder = drop_remainder
        self._shards: Shards | None = getattr(x, "shards", None)
        self._fresh = fresh
        self._plan = self._make_plan(first_epoch)

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        if self._drop_remainder:
            return self._n_samples // self._batch_size
        return -(-self._n_samples // self._batch_size)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Return inputs and targets of one batch of the current epoch."""
        order, elements, tensors = self._current_plan()
        rows = order[index * self._batch_size : (index + 1) * self._batch_size]
        x, y = (_rows(one, rows) for one in tensors)
        if self._augmentation is None:
            return x, y
        change, chosen = self._augmentation.apply, elements[rows]
        return each(lambda v: change(v, chosen), x), each(lambda v: change(v, chosen), y)

    def _current_plan(self) -> tuple[np.ndarray, np.ndarray, tuple[Any, Any]]:
        # One local reference: TensorFlow requests batches from another thread.
        plan, epoch = self._plan, self.epoch
        if plan[0] != epoch:
            if self._fresh is not None:
                self._arrays = self._fresh(epoch)
            self._plan = plan = self._make_plan(epoch)
        return plan[1:]

    def _make_plan(self, epoch: int) -> tuple[int, np.ndarray, np.ndarray, tuple[Any, Any]]:
        """Return the epoch, the order of its samples, the change of each, and the samples."""
        order_seed, element_seed = np.random.SeedSequence(self._seed, spawn_key=(epoch,)).spawn(2)
        n_samples = self._n_samples
        order = np.arange(n_samples)
        if self._shuffle:
            order = _shuffled(np.random.default_rng(order_seed), n_samples, self._shards)
        n_elements = 1 if self._augmentation is None else self._augmentation.n_elements
        elements = np.random.default_rng(element_seed).integers(n_elements, size=n_samples)
        return epoch, order, elements, self._arrays


def _rows(tensors: Any, rows: np.ndarray) -> Any:
    """Return some samples of one array or of several by name, or of rows that give either."""
    return each(lambda v: each(np.asarray, v[rows]), tensors)


class FollowEpochs(keras.callbacks.Callback):
    """Passes the number of each epoch to batches; give it to ``fit`` together with them.

    Parameters
    ----------
    batches : Batches
        The training batches.

    Examples
    --------
    >>> import numpy as np
    >>> batches = Batches(np.zeros((4, 2)), np.zeros((4, 1)), batch_size=2, shuffle=True)
    >>> FollowEpochs(batches).on_epoch_begin(3)
    >>> batches.epoch
    3
    """

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Pass on the number of the epoch."""
        self._batches.epoch = epoch


def _shuffled(generator: np.random.Generator, n_samples: int, shards: Shards | None) -> np.ndarray:
    return generator.permutation(n_samples) if shards is None else shards.shuffled(generator)


def feed(batches: keras.utils.PyDataset) -> Any:
    """Return batches in the form that is fastest for ``fit`` on the running backend.

    On TensorFlow they become a ``tf.data.Dataset`` without autotuning. Keras leaves autotuning on,
    and its thread may miss the end of an epoch: then training waits until it wakes, for up to the
    duration of the epoch. On other backends the batches are returned unchanged.

    Parameters
    ----------
    batches : keras.utils.PyDataset
        Of known length, each batch a tuple of arrays or of dicts of arrays, such as
        :class:`~keras_qd.training.Batches`.

    Returns
    -------
    keras.utils.PyDataset or tf.data.Dataset
        The same batches in the same order.

    Examples
    --------
    >>> import numpy as np
    >>> from keras_qd.training import Batches
    >>> batches = Batches(np.zeros((6, 2)), np.zeros((6, 1)), batch_size=2, shuffle=True)
    >>> len(feed(batches))
    3
    """
    return _untuned(batches) if keras.config.backend() == "tensorflow" else batches


def _untuned(batches: keras.utils.PyDataset) -> Any:
    import tensorflow as tf

    first = batches[0]
    flat = keras.tree.flatten(first)
    types = [one.dtype for one in flat]

    def fetch(index: Any) -> Any:
        # With a generator a step takes a tenth longer: its memory is released every time.
        found = tf.numpy_function(
            lambda number: keras.tree.flatten(batches[int(number)]), [index], types
        )
        shaped = [
            tf.ensure_shape(one, (None, *like.shape[1:]))
            for one, like in zip(found, flat, strict=True)
        ]
        return keras.tree.pack_sequence_as(first, shaped)

    options = tf.data.Options()
    options.autotune.enabled = False
    return tf.data.Dataset.range(len(batches)).map(fetch).prefetch(1).with_options(options)


Split = Mapping[str, Any]


@dataclass(frozen=True)
class ScaledRows:
    """Scaled inputs or targets of a split larger than memory: rows are read on demand."""

    fields: Split
    scale: Callable[[Split], Any]

    @property
    def shards(self) -> Shards:
        """Which rows are stored together."""
        found: Shards = next(iter(self.fields.values())).shards
        return found

    def __len__(self) -> int:
        """Return the number of samples."""
        return n_samples(self.fields)

    def __getitem__(self, rows: Any) -> Any:
        """Read and scale some samples."""
        return self.scale({name: values[rows] for name, values in self.fields.items()})


def n_samples(split: Split) -> int:
    """Return the number of samples of a split, without reading any."""
    return len(next(iter(split.values())))


def training_batches(
    task: Task,
    pipeline: Pipeline,
    split: Split,
    seed: int,
    first_epoch: int,
    fresh: Callable[[int], tuple[Any, Any]] | None = None,
) -> Batches:
    """Return shuffled and augmented batches; a split larger than memory is read batch by batch."""
    if not n_samples(split):
        raise DataError("the training split is empty; use more samples")
    x, y = (None, None) if fresh is not None else _scaled(pipeline, split)
    return Batches(
        x,
        y,
        task.batch_size,
        shuffle=True,
        augmentation=task.augmentation,
        seed=seed,
        first_epoch=first_epoch,
        fresh=fresh,
    )


def validation_batches(task: Task, pipeline: Pipeline, split: Split) -> Batches | None:
    """Return all samples in their own order, or None where there are none."""
    x, y = _scaled(pipeline, split)
    if not n_samples(split):
        return None
    return Batches(x, y, task.batch_size, shuffle=False, drop_remainder=False)


def _scaled(pipeline: Pipeline, split: Split) -> tuple[Any, Any]:
    """Return inputs and targets: arrays, or rows on demand of a split on disk."""
    inputs, targets = (
        {n: split[n] for n in names} for names in (pipeline.inputs, pipeline.targets)
    )
    if all(hasattr(values, "shards") for values in (*inputs.values(), *targets.values())):
        return (
            ScaledRows(inputs, pipeline.scale_inputs),
            ScaledRows(targets, pipeline.scale_targets),
        )
    return pipeline.scale_inputs(inputs), pipeline.scale_targets(targets)


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
