"""Making and writing one shard: the unit of work, of checksums and of going on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from keras_qd.data.manifest import ManifestEntry, checksum
from keras_qd.data.place import Place
from keras_qd.data.recipe import Recipe
from keras_qd.data.schema import check_description
from keras_qd.data.store import FINGERPRINT, MANIFEST, Store, open_group
from keras_qd.errors import DataError, KerasQDError, StoreError


class ShardWriter:
    """Makes and writes whole shards of one store; safe beside others that write other shards.

    Parameters
    ----------
    store : Store
        From :func:`prepare_store`.
    recipe : Recipe
        What makes the samples.
    """

    def __init__(self, store: Store, recipe: Recipe) -> None:
        self._store = store
        self._recipe = recipe
        group = open_group(store.place, "r+")
        self._arrays = {name: group[name] for name in (*store.fields, FINGERPRINT, MANIFEST)}

    @property
    def place(self) -> Place:
        """Where the store is."""
        return self._store.place

    def write(self, number: int, on_made: Callable[[int], None] | None = None) -> None:
        """Make what is missing of one shard, write the shard, then enter it in the manifest.

        Parameters
        ----------
        number : int
            Number of the shard.
        on_made : callable, optional
            Called with the number of samples made, after each batch.

        Raises
        ------
        DataError
            If the recipe makes a wrong shape or values that are not finite.
        StoreError
            If the store is another one by now.
        """
        indices = self._store.shard(number)
        parts = self._kept(number)
        first = indices.start + sum(len(part[FINGERPRINT]) for part in parts)
        for start in range(first, indices.stop, self._recipe.batch):
            batch = range(start, start + self._recipe.batch)
            made = self._checked(self._make(batch), batch, min(batch.stop, indices.stop))
            parts.append(made)
            if on_made is not None:
                on_made(len(made[FINGERPRINT]))
        values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        self._check_unchanged()
        self._publish(number, values)

    def _kept(self, number: int) -> list[dict[str, np.ndarray]]:
        """Read the whole batches that a last shard has from before the store became longer."""
        count = ManifestEntry.from_row(self._arrays[MANIFEST][number]).count
        whole = count // self._recipe.batch * self._recipe.batch
        if not whole:
            return []
        names = (*self._store.fields, FINGERPRINT)
        return [{name: self._store.read_shard(number, name)[:whole] for name in names}]

    def _make(self, batch: range) -> dict[str, np.ndarray]:
        try:
            return self._recipe.make(batch)
        except KerasQDError as error:
            error.args = (f"{_samples(batch)}: {error}", *error.args[1:])
            raise

    def _checked(
        self, made: dict[str, np.ndarray], batch: range, stop: int
    ) -> dict[str, np.ndarray]:
        """Return the samples below `stop` as they are stored, with their fingerprints."""
        count = stop - batch.start
        stored = {}
        for name, field in self._store.fields.items():
            values = np.asarray(made[name])
            if values.shape != (len(batch), *field.shape):
                raise DataError(
                    f"{_samples(batch)}: {name} has shape {values.shape}, "
                    f"expected {(len(batch), *field.shape)}"
                )
            stored[name] = np.ascontiguousarray(values[:count], dtype=field.dtype)
            if not field.nullable:
                _check_finite(name, stored[name], batch.start)
        stored[FINGERPRINT] = fingerprints(stored[self._recipe.identity])
        return stored

    def _check_unchanged(self) -> None:
        """Refuse to write into a store that was replaced or made longer while a shard was made.

        On a cluster, work goes on for a while after whoever ordered it was killed and started anew.
        """
        now = check_description(self.place, open_group(self.place, "r").attrs)
        before = self._store
        if (now["configuration"], now["samples"]) != (before.configuration, before.n_samples):
            raise StoreError(
                f"{self.place} has become another store while samples were made for it, which were "
                "thrown away"
            )

    def _publish(self, number: int, values: dict[str, np.ndarray]) -> None:
        start = self._store.shard(number).start
        count = len(values[FINGERPRINT])
        for name, array in values.items():
            self._arrays[name][start : start + count] = array
        self._arrays[MANIFEST][number] = ManifestEntry(count, checksum(values)).to_row()


def fingerprints(values: np.ndarray) -> np.ndarray:
    """Return an 8-byte hash of every sample: equal samples have equal hashes.

    Parameters
    ----------
    values : ndarray, sample axis first

    Returns
    -------
    ndarray of uint64, shape (n,)
    """
    hashes = [hashlib.blake2b(sample.tobytes(), digest_size=8).digest() for sample in values]
    return np.frombuffer(b"".join(hashes), dtype="<u8").astype(np.uint64)


def _check_finite(name: str, values: np.ndarray, first: int) -> None:
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        bad = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
        raise DataError(
            f"sample {first + int(np.argmax(bad))}: {name} is not finite; its shard was not stored"
        )


def _samples(batch: range) -> str:
    return f"sample {batch[0]}" if len(batch) == 1 else f"samples {batch[0]} to {batch[-1]}"
