"""A data set on disk: a Zarr group with one array a field, the samples along the first axis."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.storage import WrapperStore

from keras_qd._shown import Tabled
from keras_qd.data.fields import Field
from keras_qd.data.store.description import (
    FINGERPRINT,
    Description,
    as_files,
    chunk_bytes,
    described_digest,
    lengths,
    lost_arrays,
    read_description,
)
from keras_qd.data.store.location import Directory, Location, locate, unreachable
from keras_qd.data.store.manifest import (
    DAMAGE,
    MANIFEST,
    ManifestEntry,
    checksum,
    combined_digest,
    read_entries,
)
from keras_qd.errors import KerasQDError, StoreError, UnknownNameError

#: A full disk, a full quota, a file larger than a limit allows.
_FULL = (ENOSPC, EDQUOT, EFBIG)


class _DamageError(StoreError):
    """Values of a finished shard are missing or damaged."""


@contextmanager
def disk_errors(location: object) -> Iterator[None]:
    """Turn any OSError of the block into a StoreError that explains it."""
    try:
        yield
    except KerasQDError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise StoreError(
                f"no space left on the disk of {location} ({error.strerror}); what is finished is "
                "kept: free some space and run the same command to resume"
            ) from error
        raise StoreError(f"{location} cannot be written: {error}") from error


class Store(Tabled):
    """A stored data set, open for reading.

    Only finished shards count: what an interrupted run left unfinished is never read.

    Parameters
    ----------
    path : str, path or Location
        Directory of the store, or its URL.

    Attributes
    ----------
    location : Location
        Where it is.
    configuration : dict
        All that decides what sample i is.
    n_samples : int
        How many samples the store is meant to hold.
    shard_samples : int
        Samples in one shard.
    fields : dict of str to Field
    refused : int
        How many draws the solver refused, replaced by the next draws of their samples.
    refusals : dict of int to str
        Samples that the solver refused for good, and why: potentials of the user's own.
    description : Description
        All entries of its description, which have been checked.

    Raises
    ------
    StoreError
        If the store is missing, damaged, not one of keras-qd, or from a newer version.

    Examples
    --------
    >>> import tempfile
    >>> from keras_qd.data import Wells, generate
    >>> store = generate(tempfile.mkdtemp() + "/wells.zarr", Wells(), 40, workers=1)

    >>> store.read("energy").shape, sorted(store.fields)
    ((40,), ['density', 'energy', 'kinetic_energy', 'parameters', 'potential'])
    """

    def __init__(self, path: str | PathLike[str] | Location) -> None:
        self.location = locate(path)
        check_exists(self.location)
        self.description = read_description(self.location)
        entries = self.description.entries
        self.package_version: str = entries["package_version"]
        self.origins: dict[str, str] = entries["origins"]
        self.schema_version: int = entries["schema_version"]
        self.configuration: dict[str, Any] = entries["configuration"]
        self.n_samples: int = entries["samples"]
        self.shard_samples: int = entries["shard_samples"]
        self.refused: int = entries.get("refused", 0)
        self.refusals = {int(each): why for each, why in entries.get("refusals", {}).items()}
        if self.description.lost:
            raise lost_arrays(self.location, self.description.lost, self.command)
        self._arrays = open_arrays(self.location, self.description)
        self.fields = {name: Field.from_array(self._arrays[name]) for name in entries["fields"]}

    @property
    def label_error(self) -> dict[str, Any] | None:
        """Estimated errors of the first labels: ``samples``; of each, median, largest and unit."""
        found = self.description.entries.get("label_error")
        if found is None or "reason" in found:
            return found
        return {
            "samples": found["samples"],
            **{
                name: {
                    "median": float(np.median(np.abs(errors))),
                    "largest": float(np.max(np.abs(errors))),
                    "unit": found["units"][name],
                }
                for name, errors in found["errors"].items()
            },
        }

    def _entries(self) -> dict[str, Any]:
        shapes = {name: field.in_words() for name, field in self.fields.items()}
        return {"path": self.path, "samples": self.n_samples, **shapes}

    @property
    def path(self) -> Path | str:
        """The directory of the store, or its URL if it is remote."""
        return self.location.path if isinstance(self.location, Directory) else self.location.address

    @property
    def command(self) -> str:
        """The command that has made it, and makes what is missing."""
        return str(self.configuration.get("command", "keras-qd generate"))

    @property
    def n_shards(self) -> int:
        """How many shards the finished store has."""
        return -(-self.n_samples // self.shard_samples)

    def entries(self) -> list[ManifestEntry]:
        """Return the manifest as it is on disk now, one entry a shard."""
        numbers = self.location.numbered(f"{MANIFEST}/c")
        wanted = range(self.n_shards) if numbers is None else numbers
        found = read_entries(
            self._arrays[MANIFEST],
            [number for number in wanted if number < self.n_shards],
            self.shard_samples,
        )
        return [found.get(number, ManifestEntry()) for number in range(self.n_shards)]

    def shard(self, number: int) -> range:
        """Return the numbers of the samples in one shard of the finished store.

        Parameters
        ----------
        number : int
            Number of the shard.

        Returns
        -------
        range
            Fewer in the last shard than in the others, if the samples end there.
        """
        start = number * self.shard_samples
        return range(start, min(start + self.shard_samples, self.n_samples))

    def unfinished(self, n_samples: int | None = None) -> list[int]:
        """Return the shards that the first samples still need.

        Parameters
        ----------
        n_samples : int, optional
            How many of the first samples; all by default.

        Returns
        -------
        list of int
            Numbers of the shards, ascending.
        """
        wanted = self.n_samples if n_samples is None else n_samples
        return [
            number
            for number, entry in enumerate(self.entries())
            if entry.count < min(self.shard_samples, wanted - number * self.shard_samples)
        ]

    @property
    def n_finished(self) -> int:
        """How many samples are finished."""
        return sum(entry.count for entry in self.entries())

    def digest(self, n_samples: int | None = None) -> str | None:
        """Return a SHA-256 of the first samples, and of what describes them.

        Two stores with the same digest have the same settings, seed, fields, units and estimated
        errors of the labels, and bit-identical samples. The digest of the first n samples is that
        of a store that holds only these.

        Parameters
        ----------
        n_samples : int, optional
            How many of the first samples; all by default.

        Returns
        -------
        str or None
            In hexadecimal digits; None while some of the samples are missing.
        """
        n_samples = self.n_samples if n_samples is None else n_samples
        if self.unfinished(n_samples):
            return None
        entries = self.entries()[: -(-n_samples // self.shard_samples)]
        last = n_samples - (len(entries) - 1) * self.shard_samples
        if entries[-1].count > last:
            values = self._values(len(entries) - 1, last)
            entries[-1] = ManifestEntry(last, checksum(values))
        return combined_digest(described_digest(self.description, n_samples), entries)

    def read_shard(self, number: int, name: str, count: int | None = None) -> np.ndarray:
        """Read one field of the finished samples of one shard.

        Parameters
        ----------
        number : int
            Number of the shard.
        name : str
            Name of the field.
        count : int, optional
            How many samples are known to be finished: saves asking the manifest.

        Returns
        -------
        ndarray, shape (n, ...)
            The samples along the first axis.
        """
        if count is None:
            rows = read_entries(self._arrays[MANIFEST], [number], self.shard_samples)
            count = rows[number].count
        return self._part(name, number, count)

    def read(self, name: str, rows: np.ndarray | None = None) -> np.ndarray:
        """Read one field, shard by shard.

        Parameters
        ----------
        name : str
            Name of the field.
        rows : ndarray of int, optional
            Numbers of the samples wanted, ascending; all by default.

        Returns
        -------
        ndarray, shape (n, ...)
            The samples along the first axis.

        Raises
        ------
        StoreError
            If a wanted sample is not finished, or damaged.
        """
        rows = np.arange(self.n_samples) if rows is None else np.asarray(rows)
        source = self._array(name)
        parts = []
        for number, entry in enumerate(self.entries()):
            start = number * self.shard_samples
            first, last = np.searchsorted(rows, [start, start + self.shard_samples])
            if first == last:
                continue
            if rows[last - 1] - start >= entry.count:
                raise self.incomplete()
            parts.append((first, last, number, entry.count))
        wanted = np.empty((len(rows), *source.shape[1:]), dtype=source.dtype)
        for first, last, number, count in parts:
            start = number * self.shard_samples
            wanted[first:last] = self._part(name, number, count)[rows[first:last] - start]
        return wanted

    def damaged(self) -> list[int]:
        """Read everything that is finished and return the shards whose checksum is wrong.

        Returns
        -------
        list of int
            Numbers of these shards; empty where all is well.
        """
        return [
            number
            for number, entry in enumerate(self.entries())
            if entry.count and not self._is_sound(number, entry)
        ]

    def find_damage(self, damaged: list[int]) -> list[str]:
        """Return what is wrong with the manifest, the arrays and the shards `damaged`.

        Parameters
        ----------
        damaged : list of int
            What :meth:`damaged` has found.

        Returns
        -------
        list of str
            One sentence each; empty where all is well.
        """
        lost = [number for number, entry in enumerate(self.entries()) if entry.unreadable]
        found = [(damaged, "do not match their checksums"), (lost, "have no readable checksum")]
        listed = [f"samples {self._ranges(numbers)} {what}" for numbers, what in found if numbers]
        expected = lengths(self.description)
        for name, document in self.description.documents.items():
            if document["shape"][0] != expected[name]:
                listed.append(f"{name} has length {document['shape'][0]}, not {expected[name]}")
        return listed

    def _ranges(self, numbers: list[int]) -> str:
        return ", ".join(f"{self.shard(each)[0]}-{self.shard(each)[-1]}" for each in numbers)

    def incomplete(self) -> StoreError:
        """Return the error with the number of samples there are and the command for the rest."""
        return StoreError(
            f"{self.location} is not finished: {self.n_finished} of {self.n_samples} samples are "
            f"there; run the same '{self.command}' again to generate the rest"
        )

    def _is_sound(self, number: int, entry: ManifestEntry) -> bool:
        try:
            return checksum(self._values(number, entry.count)) == entry.checksum
        except _DamageError:
            return False

    def _values(self, number: int, count: int) -> dict[str, np.ndarray]:
        """Read the first samples of a shard, as its checksum is over them."""
        return {name: self._part(name, number, count) for name in (*self.fields, FINGERPRINT)}

    def _part(self, name: str, number: int, count: int) -> np.ndarray:
        """Read the first samples of one field of a shard; raise if they are damaged."""
        start = number * self.shard_samples
        try:
            return np.asarray(self._array(name)[start : start + count])
        except KerasQDError:  # it cannot be reached, which is not damage
            raise
        except DAMAGE as error:
            raise _DamageError(
                f"{self.location}: {name} of samples {start} to {start + count - 1} is damaged "
                f"({error}); run the same '{self.command}' again to replace it"
            ) from error

    def _array(self, name: str) -> Any:
        if name not in self.fields and name != FINGERPRINT:
            raise UnknownNameError(f"field of {self.location}", name, self.fields)
        return self._arrays[name]


def open_store(path: str | PathLike[str]) -> Store:
    """Open a stored data set for reading.

    Parameters
    ----------
    path : str or path
        Directory of the store, or a URL that fsspec knows, such as ``s3://bucket/dots.zarr``.

    Returns
    -------
    Store
        Open for reading.

    Raises
    ------
    StoreError
        If the store is missing, damaged, not one of keras-qd, or from a newer version.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/wells.zarr"
    >>> from keras_qd.data import Wells, generate
    >>> _ = generate(path, Wells(), 40, workers=1)

    >>> open_store(path).n_samples
    40
    """
    return Store(path)


def check_exists(location: Location) -> None:
    """Raise a StoreError unless something is at a location."""
    if not location.exists():
        raise StoreError(
            f"there is no data set at {location}; "
            f"make one with: keras-qd generate quantum-dots --out {location}"
        )


#: Bytes by which noise may exceed what it is compressed from.
_MARGIN = 2**16


class _Keys(WrapperStore[Any]):
    """A store whose description has been read already, and whose values are never filled in."""

    def __init__(self, store: Any, location: Location, description: Description) -> None:
        super().__init__(store)
        self._location, self._description = location, description
        self._files = as_files(description)

    def _with_store(self, store: Any) -> _Keys:
        return type(self)(store, self._location, self._description)

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """Return what is at a key; None, for which Zarr puts its fill value, only for rows."""
        if key in self._files:
            return prototype.buffer.from_bytes(self._files[key])
        name = key.partition("/")[0]
        largest = chunk_bytes(self._description.documents[name])
        if self._location.size(key) > 2 * largest + _MARGIN:
            raise ValueError(f"{key} is larger than any block")
        found = await self._read(key, prototype, byte_range)
        if name == MANIFEST:
            return found
        if found is None:
            raise FileNotFoundError(f"{key} is missing")
        if int.from_bytes(bytes(found.as_array_like()[4:8]), "little") > largest:  # of Blosc
            raise ValueError(f"{key} claims more than a block has")
        return found

    async def _read(self, key: str, prototype: Any, byte_range: Any) -> Any:
        """Read a key; raise a StoreError where a location does not answer."""
        try:
            return await self._store.get(key, prototype, byte_range)
        except Exception as error:  # the client of each protocol has errors of its own
            if self._location.is_remote:
                raise unreachable(self._location, error) from error
            raise


class _NewKeys(_Keys):
    """The same for writing: each chunk is made whole, and whatever was there is not read."""

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """Return the description only."""
        return prototype.buffer.from_bytes(self._files[key]) if key in self._files else None

    async def set(self, key: str, value: Any, byte_range: Any = None) -> None:
        """Replace a key, in the way of the location."""
        await asyncio.to_thread(self._location.write, key, value.to_bytes())


def open_arrays(location: Location, description: Description, *, write: bool = False) -> Any:
    """Return the arrays of a store by name."""
    kind = _NewKeys if write else _Keys
    store = kind(location.zarr_store(read_only=not write), location, description)
    # What equals the fill value is written as well: what is missing is damage.
    with zarr.config.set({"array.write_empty_chunks": True}):
        group = zarr.open_group(
            store, mode="r+" if write else "r", zarr_format=3, use_consolidated=False
        )
        return {name: group[name] for name in description.documents}
