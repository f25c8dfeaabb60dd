"""Checks of what comes from outside: settings, entries and sizes of files, text to be printed."""

from __future__ import annotations

import math
import stat
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from keras_qd._files import parse_json
from keras_qd.errors import DataError, UsageError

#: Returns a value as it is used, or raises ValueError with what was expected.
Check: TypeAlias = Callable[[Any], Any]

#: Seeds that every generator of random numbers takes.
MOST_SEED = 2**32 - 1


def whole(least: int | None = None, most: int | None = None) -> Check:
    """Return a check for whole numbers within bounds."""
    return _number((int, np.integer), f"a whole number{_between(least, most)}", least, most)


def real(least: float | None = None, most: float | None = None) -> Check:
    """Return a check for finite numbers within bounds."""
    kinds = (int, float, np.integer, np.floating)
    return _number(kinds, f"a finite number{_between(least, most)}", least, most)


def text(value: Any) -> str:
    """Check for text."""
    if not isinstance(value, str):
        raise ValueError("expected text")
    return value


def number(value: Any) -> float:
    """Check for a number, perhaps NaN: a metric may be undefined."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("expected a number")
    return value


def truth(value: Any) -> bool:
    """Check for true or false."""
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def anything(value: Any) -> Any:
    """Check for nothing."""
    return value


def optional(check: Check) -> Check:
    """Return a check that also admits None."""
    return lambda value: None if value is None else check(value)


def sequence(check: Check, *, empty: bool = True) -> Check:
    """Return a check for lists of checked values."""

    def checked(value: Any) -> list[Any]:
        if not isinstance(value, (list, tuple)) or not (value or empty):
            raise ValueError("expected a list" + ("" if empty else " that is not empty"))
        return [_inside(str(index), check, each) for index, each in enumerate(value)]

    return checked


def table(check: Check) -> Check:
    """Return a check for mappings from text to checked values."""

    def checked(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValueError("expected a table of entries")
        return {text(name): _inside(name, check, each) for name, each in value.items()}

    return checked


def entries(required: Mapping[str, Check], others: Mapping[str, Check] | None = None) -> Check:
    """Return a check for mappings with the required entries, perhaps others, and unknown ones."""

    def checked(value: Any) -> dict[str, Any]:
        found = table(anything)(value)
        for name in required:
            if name not in found:
                raise ValueError(f"the entry {name!r} is missing")
        known = {**required, **(others or {})}
        return {
            name: _inside(name, known.get(name, anything), each) for name, each in found.items()
        }

    return checked


def setting(name: str, value: Any, check: Check, owner: str = "") -> Any:
    """Return a setting as `check` does, or raise a UsageError that names it and its owner."""
    try:
        return check(value)
    except ValueError as cause:
        inner = getattr(cause, "names", [])
        shown = "" if inner else f"={shortened(value)}"
        where = ".".join([name, *inner])
        raise UsageError(f"{owner}{': ' if owner else ''}{where}{shown}: {cause}") from cause


def _number(kinds: Any, expected: str, least: float | None, most: float | None) -> Check:
    """Return a check for finite numbers of some types within bounds; truth values are none."""

    def check(value: Any) -> Any:
        fits = isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value)
        if not fits or (least is not None and value < least) or (most is not None and value > most):
            raise ValueError(f"expected {expected}")
        return value

    return check


def _between(least: float | None, most: float | None) -> str:
    """Return bounds in words."""
    if least is not None and most is not None:
        return f" from {least} to {most}"
    return f" of at least {least}" if least is not None else ""


class _EntryError(ValueError):
    """A ValueError about an entry, with the names that lead to it."""

    def __init__(self, names: list[str], expected: str) -> None:
        super().__init__(expected)
        self.names = names


def _inside(name: str, check: Check, value: Any) -> Any:
    try:
        return check(value)
    except _EntryError as cause:
        raise _EntryError([name, *cause.names], str(cause)) from None
    except ValueError as cause:
        raise _EntryError([name], f"{cause}, got {shortened(value)}") from None


def _located(name: str, cause: ValueError) -> str:
    """Return a message about an entry that begins with its whole name."""
    return f"{'.'.join([name, *getattr(cause, 'names', [])])}: {cause}"


def shortened(value: Any) -> str:
    """Return a value as text of limited length for a message."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def parse_toml(path: Path) -> dict[str, Any]:
    """Return the contents of a TOML file, or raise a UsageError that names it."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise UsageError(f"{path} is not a usable TOML file: it is nested too deeply") from None
    except ValueError as error:
        raise UsageError(f"{path} is not a TOML file: {error}") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error


def read_json(path: Path, check: Check, remedy: str) -> Any:
    """Return the checked contents of a JSON file, or raise a DataError that ends in a remedy."""
    try:
        return check(parse_json(path.read_text(encoding="utf-8")))
    except OSError as cause:
        raise DataError(f"{path} cannot be read: {cause.strerror or cause}; {remedy}") from cause
    except ValueError as cause:
        located = _located("", cause).removeprefix(".").removeprefix(": ")
        raise DataError(f"{path} is damaged: {located}; {remedy}") from cause


#: Kinds of characters that a terminal acts upon: control, format, surrogates, separators.
_ACTED_UPON = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def printable(given: str) -> str:
    """Return text with the characters that a terminal acts upon escaped, except line ends."""
    if given.isascii() and given.replace("\n", "").isprintable():
        return given
    return "".join(
        repr(each)[1:-1] if each != "\n" and unicodedata.category(each) in _ACTED_UPON else each
        for each in given
    )


#: A cell that begins with one of these is a formula to spreadsheets.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def csv_cell(value: Any) -> Any:
    """Return a value for a CSV file: text that a spreadsheet would compute begins with a quote."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def from_csv_cell(cell: str) -> str:
    """Return the text that :func:`csv_cell` protected."""
    return cell.removeprefix("'")


_HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def regular_size(path: Path) -> int:
    """Return the size of a regular file; others may never end."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is not a regular file")
    return found.st_size


@dataclass(frozen=True)
class NpyHeader:
    """What the header of a ``.npy`` file says, and its own length."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: Any
    length: int

    @classmethod
    def read(cls, stream: Any, n_bytes: int) -> NpyHeader:
        """Read a header; raise a ValueError unless it describes exactly `n_bytes` with itself."""
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f"it is in version {version} of its format")
        try:
            shape, in_columns, dtype = _HEADERS[version](stream)
        except Exception as error:  # NumPy parses the header as Python, which may raise anything
            raise ValueError(f"its header is damaged: {error}") from error
        length = stream.tell()
        if dtype.hasobject or dtype.subdtype is not None:
            raise ValueError("it holds objects; expected numbers")
        claimed = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or claimed != n_bytes - length:
            raise ValueError(
                f"its header claims shape {_short(shape)} of {dtype}, but it holds "
                f"{n_bytes - length} bytes"
            )
        return cls(shape, dtype, "F" if in_columns else "C", length)

    def mapped(self, path: Path, start: int) -> np.ndarray:
        """Map the values of a file, whose header begins at `start`."""
        if 0 in self.shape:  # nothing to map
            return np.empty(self.shape, self.dtype)
        return np.memmap(path, self.dtype, "r", start + self.length, self.shape, self.order)


def _short(shape: tuple[int, ...]) -> str:
    text = str(shape)
    return text if len(text) < 80 else f"{text[:80]}..."


def open_npy(path: Path) -> np.ndarray:
    """Map the array of a ``.npy`` file; raise a ValueError if it is damaged."""
    size = regular_size(path)  # first: to open a pipe may never end
    with path.open("rb") as file:
        return NpyHeader.read(file, size).mapped(path, 0)
