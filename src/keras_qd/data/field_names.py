"""What imported arrays are called as fields of a store."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from keras_qd.data.faults import Faults
from keras_qd.data.foreign.foreign_array import ForeignArray
from keras_qd.data.store import FINGERPRINT, MANIFEST

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = (FINGERPRINT, MANIFEST)


@dataclass(frozen=True, kw_only=True)
class FieldNames:
    """What the fields are called and what they are.

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
    arrays: Sequence[ForeignArray], names: FieldNames, faults: Faults
) -> dict[str, ForeignArray]:
    """Give each array the name of a field.

    Parameters
    ----------
    arrays : sequence of ForeignArray
        All that were found.
    names : FieldNames
        What the user calls them.
    faults : Faults
        Hears of names that mean nothing, or too much.

    Returns
    -------
    dict of str to ForeignArray
        The array of each field.
    """
    remaining = list(arrays)
    for text in names.skipped:
        _take(text, "left out", remaining, faults)
    chosen = {}
    for name, text in names.named.items():
        array = _take(text, f"the field {name!r}", remaining, faults)
        if array is not None:
            chosen[name] = array
    for array in remaining:
        if array.name in chosen:
            faults.add(
                f"{array.place} and {chosen[array.name].place} would both be the field "
                f"{array.name!r}; name one of them, as in --field NAME={array.place}, or skip it"
            )
        chosen.setdefault(array.name, array)
    _check_names(chosen, faults)
    if not chosen and not faults:
        faults.add("no array is left")
    return chosen


def _check_names(chosen: Mapping[str, ForeignArray], faults: Faults) -> None:
    for name, array in chosen.items():
        if not _NAME.fullmatch(name) or name in _RESERVED:
            faults.add(
                f"{name!r} cannot be the name of a field; give one of letters, digits and "
                f"underscores, as in --field NAME={array.place}"
            )


def _take(
    text: str, purpose: str, remaining: list[ForeignArray], faults: Faults
) -> ForeignArray | None:
    """Take the array that `text` means out of those that remain."""
    meant = [array for array in remaining if text in array.known_as]
    if len(meant) == 1:
        remaining.remove(meant[0])
        return meant[0]
    known = ", ".join(array.place for array in meant or remaining) or "none"
    count = f"{len(meant)} arrays" if meant else "no array"
    faults.add(f"{text!r}, {purpose}, means {count}; there are: {known}")
    return None
