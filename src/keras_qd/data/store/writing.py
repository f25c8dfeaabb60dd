"""Writing a store in this process, shard by shard: for what is read rather than solved."""

from __future__ import annotations

from os import PathLike

from keras_qd.data.recipes import Recipe
from keras_qd.data.store.generation import Progress
from keras_qd.data.store.places import find_place
from keras_qd.data.store.store import Store, disk_errors
from keras_qd.data.store.writer import ShardWriter, prepare_store


def write_store(
    path: str | PathLike[str], recipe: Recipe, n_samples: int, progress: Progress | None = None
) -> Store:
    """Write the samples of a recipe, or finish a store of the same recipe that is there.

    Stopped at any moment, the same call goes on where it was and ends bit-identical.

    Parameters
    ----------
    path : str or path
        Directory of the store, or a URL that fsspec knows.
    recipe : Recipe
        What the samples are.
    n_samples : int
        How many.
    progress : callable, optional
        Called with the number of samples done and of all, whenever some are done.

    Returns
    -------
    Store
        Open for reading, and finished.

    Raises
    ------
    UsageError
        If the store holds data of another configuration.
    StoreError
        If another process writes the store, the disk is full, or the path cannot be used.
    DataError
        If a sample comes out with a wrong shape or not finite.

    Examples
    --------
    >>> import tempfile
    >>> from keras_qd.data import Wells, write_store
    >>> store = write_store(tempfile.mkdtemp() + "/wells.zarr", Wells(n_points=16), 40)

    >>> store.n_finished
    40
    """
    place = find_place(path)
    with disk_errors(place), place.locked():
        store = prepare_store(place, recipe, n_samples)
        writer = ShardWriter(store, recipe)
        for number in store.unfinished():
            writer.write(number)
            if progress is not None:
                progress(store.shard(number).stop, n_samples)
    return Store(place)
