"""A data set on disk: a Zarr group with one array a field, the samples along the first axis."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EDQUOT, EFBIG, ENOSPC
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from keras_qd import __version__
from keras_qd.data.fields import Field
from keras_qd.data.store.location import Directory, Location, locate
from keras_qd.errors import KerasQDError, StoreError, UnknownNameError, UsageError

#: Bytes of one row: the count, then the checksum.
ROW_BYTES = 8 + 32
DESCRIPTION = (
    "a row a shard: samples in it (8 bytes, little endian), SHA-256 of its values (32 bytes)"
)


@dataclass(frozen=True)
class ManifestEntry:
    """One shard: its number of samples (0 while it is not made) and their `checksum`."""

    count: int = 0
    checksum: bytes = bytes(32)

    def to_row(self) -> np.ndarray:
        """Return the entry as bytes, shape (ROW_BYTES,)."""
        return np.frombuffer(self.count.to_bytes(8, "little") + self.checksum, dtype=np.uint8)

    @classmethod
    def from_row(cls, row: np.ndarray) -> ManifestEntry:
        """Read an entry back from the bytes of :meth:`to_row`."""
        content = row.tobytes()
        return cls(int.from_bytes(content[:8], "little"), content[8:])


def checksum(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return the SHA-256 of arrays by name: of names, types, shapes and values."""
    # It does not depend on compression, nor on the byte order of the machine.
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        values = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{name} {values.dtype.str} {values.shape}\n".encode())
        digest.update(values.data)
    return digest.digest()


def combined_digest(entries: Iterable[ManifestEntry]) -> str:
    """Return one hexadecimal SHA-256 for a sequence of shards."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(entry.to_row().tobytes())
    return digest.hexdigest()


def read_entries(manifest: Any) -> list[ManifestEntry]:
    """Read all entries of a manifest array."""
    return [ManifestEntry.from_row(row) for row in manifest[...]]


#: Version of the layout of stores. Newer ones are refused, older ones are read.
SCHEMA_VERSION = 1
#: The group attribute that everything about a store is kept in.
ATTRIBUTE = "keras_qd"
#: A full disk, a full quota, a file larger than a limit allows.
_FULL = (ENOSPC, EDQUOT, EFBIG)


def describe(
    configuration: Mapping[str, Any],
    n_samples: int,
    shard_samples: int,
    fields: list[str],
    origins: Mapping[str, str],
) -> dict[str, Any]:
    """Return the group attribute of a new store."""
    return {
        "schema_version": SCHEMA_VERSION,
        "package_version": __version__,
        "origins": dict(origins),
        "configuration": dict(configuration),
        "samples": n_samples,
        "shard_samples": shard_samples,
        "fields": fields,
    }


def check_description(location: object, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a store, or raise a StoreError if it cannot be read."""
    found = attributes.get(ATTRIBUTE)
    if not isinstance(found, Mapping) or "schema_version" not in found:
        raise StoreError(
            f"{location} is a Zarr group but not a keras-qd data set: it lacks the attribute "
            f"{ATTRIBUTE!r}"
        )
    if found["schema_version"] > SCHEMA_VERSION:
        raise StoreError(
            f"{location} was written by keras-qd {found.get('package_version', '?')} in schema "
            f"version {found['schema_version']}; this is keras-qd {__version__}, which "
            f"reads up to version {SCHEMA_VERSION}: upgrade with 'pip install --upgrade keras-qd'"
        )
    return dict(found)


def check_same_configuration(
    location: object, stored: Mapping[str, Any], wanted: Mapping[str, Any]
) -> None:
    """Raise a UsageError if the configurations differ in a key of `wanted`; list both values."""
    different = [
        f"{key} is {stored.get(key)!r}, not {value!r}"
        for key, value in wanted.items()
        if stored.get(key) != value
    ]
    if different:
        raise UsageError(
            f"{location} holds data of another configuration: {'; '.join(different)}. "
            "Choose another path, or the stored settings"
        )


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


#: Array of 8-byte hashes of each sample's identity field: equal samples have equal fingerprints.
FINGERPRINT = "fingerprint"
MANIFEST = "manifest"


class Store:
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
    label_error : dict or None
        Estimated errors of the labels, once the store has been finished: ``samples`` is how
        many were solved again, with ``median``, ``largest`` and ``unit`` of each label.
    refused : int
        How many draws the solver refused, for which the next draws of their samples took the place.

    Raises
    ------
    StoreError
        If the store is missing, damaged, not one of keras-qd, or from a newer version.

    Examples
    --------
    >>> import tempfile
    >>> from keras_qd.data import Wells, generate
    >>> store = generate(tempfile.mkdtemp() + "/wells.zarr", Wells(n_points=16), 40, workers=1)

    >>> store.read("energy").shape, sorted(store.fields)
    ((40,), ['density', 'energy', 'kinetic_energy', 'parameters', 'potential'])
    """

    def __init__(self, path: str | PathLike[str] | Location) -> None:
        self.location = locate(path)
        self.group = open_group(self.location, "r")
        description = check_description(self.location, self.group.attrs)
        self.package_version: str = description["package_version"]
        self.origins: dict[str, str] = description.get("origins", {})
        self.schema_version: int = description["schema_version"]
        self.configuration: dict[str, Any] = description["configuration"]
        self.n_samples: int = description["samples"]
        self.shard_samples: int = description["shard_samples"]
        self.label_error: dict[str, Any] | None = description.get("label_error")
        self.refused: int = description.get("refused", 0)
        self.fields = {name: self._described(name) for name in description["fields"]}

    @property
    def path(self) -> Path | str:
        """The directory of the store, or its URL if it is remote."""
        return self.location.path if isinstance(self.location, Directory) else self.location.address

    def _described(self, name: str) -> Field:
        try:
            return Field.from_array(self.group[name])
        except (KeyError, ValueError, OSError) as error:
            raise StoreError(
                f"{self.location}: the field {name!r} is missing or damaged ({error}); "
                "restore it from a copy, or generate the data set again at another path"
            ) from error

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
        return read_entries(self.group[MANIFEST])[: self.n_shards]

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
        """Return a SHA-256 of the first samples.

        Two stores of one configuration with the same digest hold bit-identical samples. The digest
        of the first n samples is that of a store that holds only these.

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
        return combined_digest(entries)

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
            count = ManifestEntry.from_row(self.group[MANIFEST][number]).count
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
        wanted = np.empty((len(rows), *source.shape[1:]), dtype=source.dtype)
        for number, entry in enumerate(self.entries()):
            start = number * self.shard_samples
            first, last = np.searchsorted(rows, [start, start + self.shard_samples])
            if first == last:
                continue
            if rows[last - 1] - start >= entry.count:
                raise self.incomplete()
            wanted[first:last] = self._part(name, number, entry.count)[rows[first:last] - start]
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

    def incomplete(self) -> StoreError:
        """Return the error with the number of samples there are and the command for the rest."""
        return StoreError(
            f"{self.location} is not finished: {self.n_finished} of {self.n_samples} samples are "
            f"there; run the same '{self.command}' again to make the rest"
        )

    def _is_sound(self, number: int, entry: ManifestEntry) -> bool:
        try:
            return checksum(self._values(number, entry.count)) == entry.checksum
        except StoreError:
            return False

    def _values(self, number: int, count: int) -> dict[str, np.ndarray]:
        """Read the first samples of a shard, as its checksum is over them."""
        return {name: self._part(name, number, count) for name in (*self.fields, FINGERPRINT)}

    def _part(self, name: str, number: int, count: int) -> np.ndarray:
        """Read the first samples of one field of a shard; raise if they are damaged."""
        start = number * self.shard_samples
        try:
            return np.asarray(self._array(name)[start : start + count])
        except (OSError, RuntimeError, ValueError) as error:  # raised by codecs for broken files
            raise StoreError(
                f"{self.location}: {name} of samples {start} to {start + count - 1} is damaged "
                f"({error}); run the same '{self.command}' again to replace it"
            ) from error

    def _array(self, name: str) -> Any:
        if name not in self.fields and name != FINGERPRINT:
            raise UnknownNameError(f"field of {self.location}", name, self.fields)
        return self.group[name]


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
    >>> _ = generate(path, Wells(n_points=16), 40, workers=1)

    >>> open_store(path).n_samples
    40
    """
    return Store(path)


def open_group(location: Location, mode: str) -> Any:
    """Open the Zarr group of a store, mode "r" or "r+"; raise a StoreError if that fails."""
    if not location.exists():
        raise StoreError(
            f"there is no data set at {location}; "
            f"make one with: keras-qd generate quantum-dots --out {location}"
        )
    try:
        return zarr.open_group(location.zarr_store(read_only=mode == "r"), mode=mode, zarr_format=3)
    except FileNotFoundError as error:
        raise StoreError(f"{location} is not a data set: it holds no Zarr group") from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreError(f"{location} cannot be read as a data set: {error}") from error
