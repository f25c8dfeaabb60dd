"""The description of a store, its ``zarr.json`` files: written with checksums, read with checks.

Everything that is read from them passes through :func:`read_description`: the checksum of the root
covers the root, and the root has the checksum of each array's file.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec
from zarr.storage import MemoryStore

from keras_qd import __version__
from keras_qd._files import parse_json
from keras_qd.data.fields import Field
from keras_qd.data.store.location import ROOT, Location
from keras_qd.data.store.manifest import MANIFEST, MEANING, ROW_BYTES
from keras_qd.errors import StoreError, UsageError

#: Version of the layout of stores: others are refused.
SCHEMA_VERSION = 2
#: The group attribute that everything about a store is kept in.
ATTRIBUTE = "keras_qd"
#: Array of 8-byte hashes of each sample's identity field: equal samples have equal fingerprints.
FINGERPRINT = "fingerprint"
_FINGERPRINT_FIELD = Field((), "", "hash of the sample's identity field", "uint64")
#: More is not a description of this version, but would cost time and memory.
_MOST_SAMPLES, _MOST_SHARDS, _MOST_CHUNK_BYTES = 2**48, 10**6, 2**31
_CODECS = ("bytes", "blosc", "crc32c")
_TYPES = {
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
}

Documents = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Description:
    """What the root of a store says, and the files of its arrays."""

    entries: dict[str, Any]
    #: Array -> its metadata; those that are missing or damaged are left out.
    documents: Documents = field(repr=False)

    @property
    def arrays(self) -> tuple[str, ...]:
        """Names of all arrays that the store must have."""
        return (*self.entries["fields"], FINGERPRINT, MANIFEST)

    @property
    def lost(self) -> list[str]:
        """Names of the arrays whose file is missing or damaged."""
        return [name for name in self.arrays if name not in self.documents]


def describe(
    configuration: Mapping[str, Any],
    n_samples: int,
    shard_samples: int,
    fields: Mapping[str, Field],
    origins: Mapping[str, str],
) -> Description:
    """Return the description of a new store."""
    for name in fields:
        if not _is_name(name):
            raise UsageError(
                f"{name!r} cannot be the name of a field; give one of letters, digits and "
                "underscores"
            )
    entries = {
        "schema_version": SCHEMA_VERSION,
        "package_version": __version__,
        "origins": dict(origins),
        # As it comes back: tuples as lists.
        "configuration": json.loads(json.dumps(dict(configuration))),
        "samples": n_samples,
        "shard_samples": shard_samples,
        "fields": list(fields),
    }
    return Description(entries, _array_documents(fields, n_samples, shard_samples))


def _array_documents(fields: Mapping[str, Field], n_samples: int, shard_samples: int) -> Documents:
    """Return the metadata of all arrays, as Zarr writes them. A shard is a chunk of each array."""
    keys: dict[str, Any] = {}
    group = zarr.create_group(MemoryStore(keys))
    for name, each in {**fields, FINGERPRINT: _FINGERPRINT_FIELD}.items():
        # Plain chunks of about 1 MB, shuffled and compressed with LZ4, were both faster and smaller
        # than Zarr's sharding codec with smaller chunks inside.
        group.create_array(
            name,
            shape=(n_samples, *each.shape),
            chunks=(shard_samples, *each.shape),
            dtype=each.dtype,
            # For other readers of Zarr: a hole must not pass for data.
            fill_value=np.nan if np.dtype(each.dtype).kind == "f" else 0,
            # Blosc by itself does not notice that a chunk was cut short, and reads beyond its end.
            compressors=(BloscCodec(cname="lz4", clevel=3, shuffle="shuffle"), Crc32cCodec()),
            attributes=each.attributes(),
        )
    group.create_array(
        MANIFEST,
        shape=(-(-n_samples // shard_samples), ROW_BYTES),
        chunks=(1, ROW_BYTES),
        dtype="uint8",
        compressors=Crc32cCodec(),
        attributes={"meaning": MEANING},
    )
    return {
        name: parse_json(keys[f"{name}/{ROOT}"].to_bytes())
        for name in (*fields, FINGERPRINT, MANIFEST)
    }


def as_files(description: Description) -> dict[str, bytes]:
    """Return the keys of a description, the root last: with it, the others are valid."""
    arrays = {name: _digest(_without_length(each)) for name, each in description.documents.items()}
    entries = {**description.entries, "arrays": arrays}
    files = {f"{name}/{ROOT}": _text(each) for name, each in description.documents.items()}
    return {**files, ROOT: _text(_root({**entries, "checksum": _digest(_root(entries))}))}


def _root(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {"zarr_format": 3, "node_type": "group", "attributes": {ATTRIBUTE: dict(entries)}}


def _text(document: Any) -> bytes:
    return json.dumps(document, indent=2).encode()


def _digest(document: Any) -> str:
    """Return the SHA-256 of a JSON document, whatever its spaces and the order of its keys."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _without_length(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of an array but for its number of samples, which may grow."""
    return {**document, "shape": [None, *document["shape"][1:]]}


def with_length(document: Mapping[str, Any], length: int) -> dict[str, Any]:
    """Return the metadata of an array with another length of its first axis."""
    return {**document, "shape": [length, *document["shape"][1:]]}


def chunk_bytes(document: Mapping[str, Any]) -> int:
    """Return the bytes of one chunk of an array, uncompressed."""
    chunk: list[int] = document["chunk_grid"]["configuration"]["chunk_shape"]
    return int(math.prod(chunk) * np.dtype(document["data_type"]).itemsize)


def lengths(description: Description) -> dict[str, int]:
    """Return the length that each array of a store has, if nothing is wrong."""
    n_samples, shard_samples = (description.entries[n] for n in ("samples", "shard_samples"))
    shards = -(-n_samples // shard_samples)
    return {name: shards if name == MANIFEST else n_samples for name in description.arrays}


def read_description(location: Location) -> Description:
    """Read and check the description of a store; raise a StoreError if the root is damaged."""
    content = location.read([ROOT])
    if ROOT not in content:
        raise StoreError(f"{location} is not a data set: it holds no Zarr group")
    entries = check_root(location, content[ROOT])
    names = (*entries["fields"], FINGERPRINT, MANIFEST)
    found = location.read(f"{name}/{ROOT}" for name in names)
    documents = {
        name: _array_document(found.get(f"{name}/{ROOT}", b""), name, entries) for name in names
    }
    return Description(entries, {name: each for name, each in documents.items() if each})


def check_root(location: Location, content: bytes) -> dict[str, Any]:
    """Return the entries of a root, every one of which has been checked."""
    try:
        document = parse_json(content)
    except ValueError as error:
        raise StoreError(
            f"{location} cannot be read as a data set: its {ROOT} is damaged ({error}); {_RESTORE}"
        ) from error
    attributes = document.get("attributes") if isinstance(document, dict) else None
    entries = attributes.get(ATTRIBUTE) if isinstance(attributes, dict) else None
    if not isinstance(entries, dict) or "schema_version" not in entries:
        raise StoreError(
            f"{location} is a Zarr group but not a keras-qd data set: it lacks the attribute "
            f"{ATTRIBUTE!r}"
        )
    _check_version(location, entries)
    _check_entries(location, entries)
    claimed = entries.pop("checksum")
    if claimed != _digest(document):
        raise StoreError(
            f"{location}: its description ({ROOT}) does not match its checksum: it is damaged, or "
            f"was changed by hand; {_RESTORE}"
        )
    return entries


_RESTORE = "restore that file from a copy, or remove the data set and make it again"


def _check_version(location: Location, entries: Mapping[str, Any]) -> None:
    found = entries["schema_version"]
    if not _is_count(1, 2**31)(found):
        raise StoreError(
            f"{location}: its description has schema_version={found!r:.60}, expected a whole "
            f"number; {_RESTORE}"
        )
    if found != SCHEMA_VERSION:
        what = (
            "upgrade with 'pip install --upgrade keras-qd'"
            if found > SCHEMA_VERSION
            else ("make it again at another path")
        )
        raise StoreError(
            f"{location} was written by keras-qd {entries.get('package_version', '?')!s:.40} in "
            f"schema version {found}; this is keras-qd {__version__}, which reads version "
            f"{SCHEMA_VERSION}: {what}"
        )


def _is_count(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _is_name(value: Any) -> bool:
    """Whether a string can be the name of an array: no path, and none of Zarr's own names."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= 200
        and value.isprintable()
        and not set(value) & set('/\\:*?"<>|')
        and not value.startswith((".", "__"))
        and ".partial" not in value
        and value not in (ROOT, FINGERPRINT, MANIFEST)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def _maps(value: Any, check: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(map(check, value.values()))


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and 0 < len(value) <= 1000 and all(map(_is_name, value))


def _is_label_error(value: Any) -> bool:
    """Whether a value is ``samples`` with lists of ``errors`` and ``units``, or a ``reason``."""
    counts = _is_count(0, _MOST_SAMPLES)
    if not isinstance(value, dict) or not all(counts(value.get(n)) for n in ("asked", "samples")):
        return False
    if "reason" in value:
        return _is_text(value["reason"])

    def are_numbers(values: Any) -> bool:
        right = isinstance(values, list) and 0 < len(values) == value["samples"]
        return right and all(map(_is_number, values))

    errors, units = value.get("errors", {}), value.get("units", {})
    return _maps(errors, are_numbers) and _maps(units, _is_text) and set(errors) == set(units)


#: Entry of the root -> whether a value is right, and what is.
_ENTRIES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "package_version": (_is_text, "text"),
    "origins": (lambda value: _maps(value, _is_text), "texts by name"),
    "configuration": (lambda value: isinstance(value, dict), "settings by name"),
    "samples": (_is_count(1, _MOST_SAMPLES), "a positive whole number"),
    "shard_samples": (_is_count(1, _MOST_SAMPLES), "a positive whole number"),
    "fields": (lambda value: _are_names(value) and len(set(value)) == len(value), "names"),
    "arrays": (lambda value: _maps(value, _is_hash), "checksums by name"),
    "checksum": (_is_hash, "a SHA-256"),
}


def _check_entries(location: Location, entries: Mapping[str, Any]) -> None:
    """Raise a StoreError unless all entries have the right types and ranges."""
    for name, (is_right, expected) in _ENTRIES.items():
        if not is_right(entries.get(name)):
            raise StoreError(
                f"{location}: its description has {name}={entries.get(name)!r:.60}, expected "
                f"{expected}; {_RESTORE}"
            )
    for name, is_right in (
        ("label_error", _is_label_error),
        ("refused", _is_count(0, 100 * _MOST_SAMPLES)),
        ("refusals", lambda value: _maps(value, _is_text) and all(map(str.isdecimal, value))),
    ):
        if name in entries and not is_right(entries[name]):
            raise StoreError(f"{location}: its description has an unusable {name}; {_RESTORE}")
    if -(-entries["samples"] // entries["shard_samples"]) > _MOST_SHARDS:
        raise StoreError(
            f"{location}: its description has {entries['samples']} samples in shards of "
            f"{entries['shard_samples']}, more than {_MOST_SHARDS} shards; {_RESTORE}"
        )


def _array_document(content: bytes, name: str, entries: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the metadata of one array; None if they are missing, damaged or impossible."""
    try:
        document = parse_json(content)
    except ValueError:
        return None
    if not isinstance(document, dict) or not _is_shape(document.get("shape")):
        return None
    if _digest(_without_length(document)) != entries["arrays"].get(name):
        return None
    return document if _is_array(document, name, entries) else None


def _is_shape(value: Any) -> bool:
    return isinstance(value, list) and 0 < len(value) <= 32 and all(map(_is_count(0, 2**53), value))


def _is_array(document: Mapping[str, Any], name: str, entries: Mapping[str, Any]) -> bool:
    """Whether an array has the chunks, the type and the attributes that it must have."""
    shape, dtype = document["shape"], document.get("data_type")
    size = entries["shard_samples"]
    chunk = [1, ROW_BYTES] if name == MANIFEST else [size, *shape[1:]]
    needed = -(-entries["samples"] // size) if name == MANIFEST else entries["samples"]
    grid = {"name": "regular", "configuration": {"chunk_shape": chunk}}
    keys = {"name": "default", "configuration": {"separator": "/"}}
    codecs = document.get("codecs")
    return (
        document.get("zarr_format") == 3
        and document.get("node_type") == "array"
        and isinstance(dtype, str)
        and dtype in _TYPES
        and shape[0] >= needed
        and (name != MANIFEST or (dtype == "uint8" and shape[1:] == [ROW_BYTES]))
        and (name != FINGERPRINT or (dtype == "uint64" and len(shape) == 1))
        and document.get("chunk_grid") == grid
        and document.get("chunk_key_encoding") == keys
        and math.prod(chunk) * np.dtype(dtype).itemsize < _MOST_CHUNK_BYTES
        and isinstance(codecs, list)
        and all(isinstance(each, dict) and each.get("name") in _CODECS for each in codecs)
        and _are_attributes(document.get("attributes", {}))
    )


def _are_attributes(found: Any) -> bool:
    """Whether attributes are those of a field."""
    if not isinstance(found, dict):
        return False
    limits, labels = found.get("limits", [0, 0]), found.get("labels", [])
    return (
        _is_text(found.get("unit", ""))
        and _is_text(found.get("meaning", ""))
        and isinstance(limits, list)
        and len(limits) == 2
        and all(map(_is_number, limits))
        and isinstance(labels, list)
        and all(map(_is_text, labels))
        and isinstance(found.get("nullable", False), bool)
    )


def described_digest(description: Description, n_samples: int) -> bytes:
    """Return a SHA-256 of settings, fields, units, and of the errors of the first labels."""
    # Errors are estimates: their last digits depend on the machine.
    errors = (description.entries.get("label_error") or {}).get("errors", {})
    described = {
        "configuration": description.entries["configuration"],
        "fields": {
            name: [document["shape"][1:], document["data_type"], document.get("attributes", {})]
            for name, document in description.documents.items()
            if name in description.entries["fields"]
        },
        "errors": {
            name: [round(each, 9) + 0.0 for each in values[:n_samples]]
            for name, values in errors.items()
        },
    }
    return bytes.fromhex(_digest(described))


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


def lost_arrays(location: object, names: Iterable[str], command: str) -> StoreError:
    """Return the error of a store of which some arrays have lost their description."""
    listed = ", ".join(names)
    return StoreError(
        f"{location}: the description of {listed} ({ROOT}) is missing or damaged; run the same "
        f"'{command}' again to restore it"
    )
