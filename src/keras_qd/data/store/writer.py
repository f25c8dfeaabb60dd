"""Writing stores shard by shard: the unit of checksums, of atomic writing and of resuming."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, TypeAlias

import numpy as np

from keras_qd.data.fields import Field
from keras_qd.data.store.description import (
    FINGERPRINT,
    Description,
    as_files,
    check_same_configuration,
    describe,
    lengths,
    read_description,
    with_length,
)
from keras_qd.data.store.location import Location, locate
from keras_qd.data.store.manifest import MANIFEST, ManifestEntry, checksum
from keras_qd.data.store.store import Store, disk_errors, open_arrays
from keras_qd.errors import DataError, UsageError

#: Called with the samples done so far and all that there will be.
Progress: TypeAlias = Callable[[int, int], None]
#: Values by field, samples along the first axis.
Samples: TypeAlias = Mapping[str, np.ndarray]

#: A shard holds about this many bytes of its largest field: large enough for fast reading, small
#: enough that an interruption loses little work.
_SHARD_BYTES = 2**20


def shard_size(fields: Mapping[str, Field], batch: int = 1) -> int:
    """Return how many samples a shard of about a megabyte holds: a multiple of `batch`."""
    largest = max(each.size * np.dtype(each.dtype).itemsize for each in fields.values())
    return batch * max(1, _SHARD_BYTES // (largest * batch))


def write_store(
    path: str | PathLike[str],
    fields: Mapping[str, Field],
    batches: Callable[[range], Samples],
    description: Mapping[str, Any],
    *,
    n_samples: int,
    identity: str | None = None,
    progress: Progress | None = None,
) -> Store:
    """Write samples that are read or computed elsewhere into a store; generated ones: `generate`.

    Stopped at any moment, the same call resumes and ends bit-identical.

    Parameters
    ----------
    path : str or path
        Directory of the store, or a URL that fsspec knows.
    fields : mapping of str to Field
        Shape, type, unit and meaning of every field.
    batches : callable
        Returns the values of every field for a range of sample numbers, samples along the first
        axis. It is called once for each shard that is missing.
    description : mapping
        Where the samples come from, as plain JSON: stores of another description are never mixed.
        ``kind`` names what they are, and ``command`` the command that makes them.
    n_samples : int
        How many samples there are.
    identity : str, optional
        The field that all others follow from: samples equal in it never come on two sides of a
        split. The first field by default.
    progress : callable, optional
        Called with the number of samples done and of all, whenever some are done.

    Returns
    -------
    Store
        Open for reading, and finished.

    Raises
    ------
    UsageError
        If there are no samples, or the store holds data of another description.
    StoreError
        If another process writes the store, the disk is full, or the path cannot be used.
    DataError
        If values have a wrong shape or are not finite.

    Examples
    --------
    >>> import tempfile
    >>> from keras_qd.data import Field, write_store
    >>> values = np.arange(12.0).reshape(6, 2)
    >>> store = write_store(
    ...     tempfile.mkdtemp() + "/pairs.zarr",
    ...     {"pair": Field((2,), "Ha*", "two energies")},
    ...     lambda samples: {"pair": values[samples.start : samples.stop]},
    ...     {"kind": "pairs"},
    ...     n_samples=6,
    ... )
    >>> store.read("pair")[5]
    array([10., 11.], dtype=float32)
    """
    if n_samples < 1:
        raise UsageError(f"n_samples={n_samples}; a store needs at least one sample")
    configuration = {"kind": "samples", **description}
    identity = identity or next(iter(fields))
    contents = Contents(fields, identity, configuration, shard_size(fields))
    location = locate(path)
    with disk_errors(location), location.lock():
        store = prepare_store(location, contents, n_samples)
        writer = ShardWriter(store)
        for number in store.unfinished():
            samples = store.shard(number)
            writer.write(number, contents.checked(batches(samples), samples, samples.stop))
            if progress is not None:
                progress(samples.stop, n_samples)
    return Store(location)


@dataclass(frozen=True)
class Contents:
    """What a store is to hold: fields, the field that identifies a sample, its configuration."""

    fields: Mapping[str, Field]
    identity: str
    configuration: Mapping[str, Any]
    shard_samples: int
    origins: Mapping[str, str] = field(default_factory=dict)

    def describe(self, n_samples: int) -> Description:
        """Return the description of a store of so many samples."""
        return describe(
            self.configuration, n_samples, self.shard_samples, self.fields, self.origins
        )

    def checked(self, made: Samples, batch: range, stop: int) -> dict[str, np.ndarray]:
        """Return the samples of a batch below `stop` as they are stored, with fingerprints."""
        count = min(stop, batch.stop) - batch.start
        stored = {}
        for name, described in self.fields.items():
            values = np.asarray(made[name])
            if values.shape != (len(batch), *described.shape):
                raise DataError(
                    f"{samples_text(batch)}: {name} has shape {values.shape}, "
                    f"expected {(len(batch), *described.shape)}"
                )
            stored[name] = np.ascontiguousarray(values[:count], dtype=described.dtype)
            if not described.nullable:
                _check_finite(name, stored[name], batch.start)
        stored[FINGERPRINT] = fingerprints(stored[self.identity])
        return stored


def prepare_store(location: Location, contents: Contents, n_samples: int) -> Store:
    """Create a store, or prepare an existing one to be resumed. The caller holds the lock."""
    # More samples than it holds make it longer, fewer change nothing. Shards with a wrong checksum
    # are removed from the manifest, so that they are made again.
    if not location.exists():
        location.create(as_files(contents.describe(n_samples)))
    description = read_description(location)
    check_same_configuration(location, description.entries["configuration"], contents.configuration)
    location.remove_leftovers()
    _bring_up_to_date(location, description, contents, n_samples)
    store = Store(location)
    manifest = open_arrays(location, store.description, write=True)[MANIFEST]
    unreadable = [number for number, entry in enumerate(store.entries()) if entry.unreadable]
    for number in sorted({*store.damaged(), *unreadable}):
        manifest[number] = ManifestEntry().to_row()
    location.sync()
    return store


def _bring_up_to_date(
    location: Location, found: Description, contents: Contents, n_samples: int
) -> None:
    """Restore lost files of arrays and make room for more samples; killed, it can be repeated."""
    wanted = max(n_samples, found.entries["samples"])
    new = contents.describe(wanted)
    documents = {name: found.documents.get(name, new.documents[name]) for name in new.documents}
    needed = lengths(new)
    changed = Description(
        {**found.entries, "samples": wanted},
        {name: with_length(each, needed[name]) for name, each in documents.items()},
    )
    if changed != found:
        write_description(location, changed)


def write_description(location: Location, description: Description) -> None:
    """Write a description, the root last: readers trust its numbers."""
    *arrays, root = as_files(description).items()
    for key, content in arrays:
        location.write(key, content)
    location.sync()
    location.write(*root)
    location.sync()


class ShardWriter:
    """Writes whole shards of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._arrays = open_arrays(store.location, store.description, write=True)

    def write(self, number: int, values: Samples) -> None:
        """Write all samples of a shard, then enter it in the manifest: then it counts."""
        start = self._store.shard(number).start
        count = len(values[FINGERPRINT])
        for name, array in values.items():
            self._arrays[name][start : start + count] = array
        self._store.location.sync()  # or else a power cut could leave the row without the values
        self._arrays[MANIFEST][number] = ManifestEntry(count, checksum(values)).to_row()
        self._store.location.sync()

    def kept(self, number: int, batch: int) -> dict[str, np.ndarray]:
        """Read the whole batches of a last shard from before the store became longer."""
        count = self._store.entries()[number].count
        whole = count // batch * batch
        if not whole:
            return {}
        names = (*self._store.fields, FINGERPRINT)
        return {name: self._store.read_shard(number, name, whole) for name in names}


def fingerprints(values: np.ndarray) -> np.ndarray:
    """Return an 8-byte hash (uint64) of every sample: equal samples have equal hashes."""
    hashes = [hashlib.blake2b(sample.tobytes(), digest_size=8).digest() for sample in values]
    return np.frombuffer(b"".join(hashes), dtype="<u8").astype(np.uint64)


def samples_text(batch: range) -> str:
    """Return the numbers of some samples for a message."""
    return f"sample {batch[0]}" if len(batch) == 1 else f"samples {batch[0]} to {batch[-1]}"


def _check_finite(name: str, values: np.ndarray, first: int) -> None:
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        bad = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
        raise DataError(
            f"sample {first + int(np.argmax(bad))}: {name} is not finite; its shard was not stored"
        )
