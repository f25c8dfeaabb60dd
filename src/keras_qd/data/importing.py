"""Importing arrays of other programs into a stored data set, and exporting them."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_qd._files import replacing
from keras_qd.data.fields import Field
from keras_qd.data.io.arrays import ForeignArray, open_arrays, source_checksum
from keras_qd.data.store.description import FINGERPRINT
from keras_qd.data.store.manifest import MANIFEST
from keras_qd.data.store.store import Store
from keras_qd.data.store.writer import Progress, write_store
from keras_qd.data.stored import IMPORTED
from keras_qd.errors import ErrorList, StoreError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = (FINGERPRINT, MANIFEST)


class _Known(NamedTuple):
    """A field that notebooks of the field keep in a file of its own."""

    array: str
    unit: str
    meaning: str


#: Fields -> their arrays in the files of notebooks: ``V.db``, ``density.db``, ``E.db``.
_KNOWN = {
    "potential": _Known("V", "Ha*", "potential"),
    "density": _Known("density", "", "density"),
    "energy": _Known("E", "Ha*", "energy of the ground state"),
}


@dataclass(frozen=True, kw_only=True)
class FieldNames:
    """Names and descriptions of the fields to import.

    Parameters
    ----------
    named : mapping of str to str
        Field -> the array that it is: its name in the file, the file's name where it is alone in
        there, or ``FILE:NAME``. Arrays that are not mentioned keep their names.
    skipped : sequence of str
        Arrays to leave out, called likewise.
    units, meanings : mapping of str to str
        Field -> its unit, and what it is in a few words.

    Examples
    --------
    >>> names = FieldNames(named={"potential": "V"}, units={"potential": "Ha*"})
    >>> names.units["potential"], names.skipped
    ('Ha*', ())
    """

    named: Mapping[str, str] = field(default_factory=dict)
    skipped: Sequence[str] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)


def choose_fields(
    arrays: Sequence[ForeignArray], names: FieldNames, errors: ErrorList
) -> dict[str, ForeignArray]:
    """Give each array the name of a field."""
    remaining = list(arrays)
    for text in names.skipped:
        _take(text, "left out", remaining, errors)
    chosen = {}
    for name, text in names.named.items():
        array = _take(text, f"the field {name!r}", remaining, errors)
        if array is not None:
            chosen[name] = array
    known = {each.array: name for name, each in _KNOWN.items()}
    for array in remaining:
        name = known.get(array.name, array.name)
        if name in chosen:
            errors.add(
                f"{array.location} and {chosen[name].location} would both be the field "
                f"{name!r}; name one of them, as in --field NAME={array.location}, or skip it"
            )
        chosen.setdefault(name, array)
    _check_names(chosen, errors)
    if not chosen and not errors:
        errors.add("no array is left")
    return chosen


def _check_names(chosen: Mapping[str, ForeignArray], errors: ErrorList) -> None:
    for name, array in chosen.items():
        if not _NAME.fullmatch(name) or name in _RESERVED:
            errors.add(
                f"{name!r} cannot be the name of a field; give one of letters, digits and "
                f"underscores, as in --field NAME={array.location}"
            )


def _take(
    text: str, purpose: str, remaining: list[ForeignArray], errors: ErrorList
) -> ForeignArray | None:
    """Take the array that `text` means out of those that remain."""
    meant = [array for array in remaining if text in array.known_as]
    if len(meant) == 1:
        remaining.remove(meant[0])
        return meant[0]
    known = ", ".join(array.location for array in meant or remaining) or "none"
    count = f"{len(meant)} arrays" if meant else "no array"
    errors.add(f"{text!r}, {purpose}, means {count}; there are: {known}")
    return None


def import_files(
    paths: Sequence[str | PathLike[str]],
    out: str | PathLike[str],
    names: FieldNames | None = None,
    *,
    identity: str | None = None,
    length: float | None = None,
    progress: Progress | None = None,
) -> Store:
    """Import arrays into a store.

    Stopped at any moment, the same call resumes and ends bit-identical. Nothing is ever unpickled:
    see :mod:`keras_qd.data.io.pickles`. Arrays called ``V`` and ``E``, as those of the files
    ``V.db`` and ``E.db``, are the fields ``potential`` and ``energy`` in Ha* unless `names` says
    otherwise.

    Parameters
    ----------
    paths : sequence of str or path
        ``.npy``, ``.npz``, HDF5 and pickle files, and Zarr directories; samples along the first
        axis of every array.
    out : str or path
        The store to write.
    names : FieldNames, optional
        Names, units and meanings of the fields.
    identity : str, optional
        The field that all others follow from: samples equal in it never come on two sides of a
        split. ``potential`` by default, or else the first field.
    length : float, optional
        Side of the box, or length of the line, in a0*: metrics that integrate need it.
    progress : callable, optional
        Called with the number of samples done and of all.

    Returns
    -------
    Store
        Finished, and open for reading.

    Raises
    ------
    DataError
        If something is wrong with the files; the message lists all errors.
    UsageError, StoreError
        As for :func:`keras_qd.data.write_store`.

    Examples
    --------
    >>> import_files(["V.db", "density.db", "E.db"], "wells.zarr")  # doctest: +SKIP
    """
    files, names = [Path(path) for path in paths], names or FieldNames()
    chosen = _checked_fields(files, names, identity, length)
    fields = {name: _described(name, array, names) for name, array in chosen.items()}
    identity = identity or ("potential" if "potential" in chosen else next(iter(chosen)))
    description = {
        "kind": IMPORTED,
        "command": "keras-qd import",
        "sources": [{"name": path.name, "sha256": source_checksum(path)} for path in files],
        "fields": {
            name: {"from": chosen[name].location, **each.attributes()}
            for name, each in fields.items()
        },
        "identity": identity,
        "length": length,
    }

    def read(samples: range) -> dict[str, np.ndarray]:
        part = slice(samples.start, samples.stop)
        return {
            name: np.asarray(chosen[name].values[part]).reshape(len(samples), *each.shape)
            for name, each in fields.items()
        }

    n_samples = int(chosen[identity].values.shape[0])
    return write_store(
        out, fields, read, description, n_samples=n_samples, identity=identity, progress=progress
    )


def _checked_fields(
    paths: Sequence[Path], names: FieldNames, identity: str | None, length: float | None
) -> dict[str, ForeignArray]:
    """Open and check all files, and return the array of each field."""
    errors = ErrorList("nothing was imported")
    arrays = _opened(paths, errors)
    chosen = choose_fields(arrays, names, errors)
    _check_mentioned(chosen, names, identity, errors)
    if length is not None and not length > 0:
        errors.add(f"the length must be positive, got {length}")
    for name, array in chosen.items():
        errors.extend(array.find_errors(name))
    _check_lengths(chosen, errors)
    errors.settle()
    return chosen


def _opened(paths: Sequence[Path], errors: ErrorList) -> list[ForeignArray]:
    arrays: list[ForeignArray] = []
    for path in paths:
        with errors.collecting():
            arrays += open_arrays(path)
    return arrays


def _check_mentioned(
    chosen: Mapping[str, ForeignArray], names: FieldNames, identity: str | None, errors: ErrorList
) -> None:
    mentioned = [*names.units, *names.meanings, *([identity] if identity is not None else [])]
    for name in dict.fromkeys(mentioned):
        if name not in chosen:
            errors.add(f"there is no field {name!r}; there are: {', '.join(chosen) or 'none'}")


def _check_lengths(chosen: Mapping[str, ForeignArray], errors: ErrorList) -> None:
    lengths = {name: array.values.shape[0] for name, array in chosen.items() if array.values.shape}
    if len(set(lengths.values())) > 1:
        listing = ", ".join(f"{name} {length}" for name, length in lengths.items())
        errors.add(
            f"the fields have different numbers of samples: {listing}; leave out other arrays"
        )


def _described(name: str, array: ForeignArray, names: FieldNames) -> Field:
    """Describe a field. A column of numbers is numbers; booleans are 0 and 1."""
    shape = tuple(array.values.shape[1:])
    dtype = np.dtype(array.values.dtype)
    conventional = name in _KNOWN and array.name == _KNOWN[name].array
    known = _KNOWN[name] if conventional else _Known(array.name, "", "")
    return Field(
        shape=() if shape == (1,) else shape,
        unit=names.units.get(name, known.unit),
        meaning=names.meanings.get(name, known.meaning),
        dtype="uint8" if dtype.kind == "b" else str(dtype.newbyteorder("=")),
    )


def export_files(store: Store, folder: str | PathLike[str]) -> list[Path]:
    """Write potentials, densities and energies as the files that notebooks of the field read.

    Each is a pickle of one NumPy array, with the samples along the first axis: ``V.db``,
    ``density.db`` and ``E.db``. Samples that the solver refused are left out.

    Parameters
    ----------
    store : Store
        A finished store.
    folder : str or path
        The directory, which is made if there is none; existing files are not replaced.

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    StoreError
        If the store is not finished, has none of the three fields, or a file exists already.

    Examples
    --------
    >>> from keras_qd.data import open_store
    >>> export_files(open_store("wells.zarr"), "course")  # doctest: +SKIP
    """
    if store.unfinished():
        raise store.incomplete()
    paths = {
        name: Path(folder) / f"{each.array}.db"
        for name, each in _KNOWN.items()
        if name in store.fields
    }
    if not paths:
        raise StoreError(
            f"{store.path} has the fields {', '.join(store.fields)}; only "
            f"{', '.join(_KNOWN)} are exported"
        )
    if existing := [str(path) for path in paths.values() if path.exists()]:
        raise StoreError(f"{', '.join(existing)} exists already; name another folder")
    kept = np.setdiff1d(np.arange(store.n_samples), list(store.refusals))
    for name, path in paths.items():
        with replacing(path) as temporary, temporary.open("wb") as file:
            pickle.dump(np.asarray(store.read(name, kept)), file, protocol=4)
    return list(paths.values())
