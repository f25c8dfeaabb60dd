"""The attributes that describe a store, and what is refused on reading them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from typing import Any

from keras_qd import __version__
from keras_qd.errors import KerasQDError, StoreError, UsageError

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


def check_description(place: object, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a store, or say why it cannot be read.

    Parameters
    ----------
    place : object
        Where the store is, for the message.
    attributes : mapping
        Attributes of its Zarr group.

    Raises
    ------
    StoreError
        If the group is no data set of keras-qd, or one from a newer version.
    """
    found = attributes.get(ATTRIBUTE)
    if not isinstance(found, Mapping) or "schema_version" not in found:
        raise StoreError(
            f"{place} is a Zarr group but no keras-qd data set: it has no attribute {ATTRIBUTE!r}"
        )
    if found["schema_version"] > SCHEMA_VERSION:
        raise StoreError(
            f"{place} was written by keras-qd {found.get('package_version', 'of a later date')} in "
            f"schema version {found['schema_version']}; this is keras-qd {__version__}, which "
            f"reads up to version {SCHEMA_VERSION}: upgrade with 'pip install --upgrade keras-qd'"
        )
    return dict(found)


def check_same_configuration(
    place: object, stored: Mapping[str, Any], wanted: Mapping[str, Any]
) -> None:
    """Refuse to mix two configurations in one store.

    Parameters
    ----------
    place : object
        Where the store is, for the message.
    stored, wanted : mapping
        Configuration in the store and what was asked for; keys missing in `wanted` are not
        compared.

    Raises
    ------
    UsageError
        If they differ; the message lists the keys and both values.
    """
    different = [
        f"{key} is {stored.get(key)!r}, not {value!r}"
        for key, value in wanted.items()
        if stored.get(key) != value
    ]
    if different:
        raise UsageError(
            f"{place} holds data of another configuration: {'; '.join(different)}. "
            "Choose another path, or ask for what is stored"
        )


@contextmanager
def disk_errors(place: object) -> Iterator[None]:
    """Turn what the operating system says about the disk into one clear error.

    Raises
    ------
    StoreError
        For any `OSError` inside the block.
    """
    try:
        yield
    except KerasQDError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise StoreError(
                f"no space left on the disk of {place} ({error.strerror}); what is finished is "
                "kept: make room and run the same again to go on"
            ) from error
        raise StoreError(f"{place} cannot be written: {error}") from error
