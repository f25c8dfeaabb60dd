"""NumPy arrays in pickle files, read by an unpickler with an allow-list of names.

A pickle is a program: it names functions, calls them and fills in their results. Here it is read in
two steps.

- Its instructions are listed before any is carried out. Those that arrays, numbers, lists and
  tuples are not written with (instances, objects, extension codes, persistent ids, dictionaries,
  out-of-band buffers) refuse the file, as do lengths beyond its end.
- The names of an array's parts stand for functions of this module. Nothing is ever imported or
  looked up. The array is then cut out of the bytes in the file, as plain numbers, and its length
  must match shape and type; lists may not unfold to more numbers than the file has bytes.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_qd.errors import DataError

_INSTRUCTIONS = {
    *("PROTO", "FRAME", "STOP", "NONE", "NEWTRUE", "NEWFALSE", "MARK", "GLOBAL", "STACK_GLOBAL"),
    *("REDUCE", "BUILD", "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET"),
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    *("EMPTY_TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "TUPLE"),
    *("EMPTY_LIST", "LIST", "APPEND", "APPENDS"),
}
#: Plain numbers: booleans, integers and floats of at most eight bytes.
_NUMBERS = re.compile(r"b1|[iu][1248]|f[248]")
_MOST_AXES = 32
_DEEPEST = 8


def read_pickled_array(path: str | Path) -> np.ndarray:
    """Read the array, or the list of numbers or arrays, in a pickle file of any protocol."""
    content = Path(path).read_bytes()
    try:
        _check_instructions(content)
        value = _Reader(io.BytesIO(content), encoding="latin1").load()
        return _unfold(value, limit=len(content))
    except _RefusedError as refusal:
        raise DataError(
            f"{path} is refused: {refusal}; of pickles, only plain NumPy arrays, and lists of them "
            "or of numbers, are read"
        ) from None
    except _BROKEN as error:
        raise DataError(f"{path} is not a valid pickle of a NumPy array: {error}") from None


class _RefusedError(Exception):
    """The content of a pickle is refused."""


#: What pickle and pickletools raise for damaged files.
_BROKEN = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
    struct.error,
)


class _Reader(pickle.Unpickler):
    """An unpickler for which names stand for the entries of a table."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name, or refuse it."""
        known = _NAMES.get(f"{module}.{name}")
        if known is None:
            raise _RefusedError(f"it asks for {module}.{name}")
        return known


def _check_instructions(content: bytes) -> None:
    """Refuse instructions, lengths and memo numbers that no array is written with."""
    end = 0
    for opcode, argument, position in pickletools.genops(io.BytesIO(content)):
        end = position or 0
        if opcode.name not in _INSTRUCTIONS:
            raise _RefusedError(f"it uses the pickle instruction {opcode.name}")
        if (
            "PUT" in opcode.name and not 0 <= int(argument or 0) <= end
        ):  # the memo is as long as its number
            raise _RefusedError("its memo is inconsistent")
    if end + 1 != len(content):
        raise _RefusedError("it holds more than one object")


@dataclass(frozen=True, slots=True)
class _Function:
    """What stands for a function of NumPy. Nothing can be set in it."""

    action: Callable[..., Any]

    def __call__(self, *arguments: Any) -> Any:
        try:
            return self.action(*arguments)
        except TypeError:
            raise _RefusedError("it calls a function of NumPy in an unsupported way") from None


@dataclass(slots=True)
class _NumberType:
    """A type of numbers, whose byte order comes after it."""

    code: str
    order: str = "="

    def __setstate__(self, state: Any) -> None:
        _, order, *structure = _listed(state)
        if order not in ("<", ">", "|", "=") or any(part is not None for part in structure[:3]):
            raise _RefusedError("it holds an array of structures")
        self.order = order


@dataclass(slots=True)
class _Pending:
    """An array whose shape and values come after it."""

    values: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, number_type, in_columns, content = _listed(state)
        self.values = _array(content, number_type, shape, "F" if in_columns else "C")


def _never(*arguments: Any) -> Any:
    raise _RefusedError("it builds an array in an unsupported way")


_NDARRAY = _Function(_never)


def _reconstruct(kind: Any, shape: Any, code: Any) -> _Pending:
    if kind is not _NDARRAY:
        raise _RefusedError("it holds an array of a special kind")
    return _Pending()


def _dtype(code: Any, *flags: Any) -> _NumberType:
    if not isinstance(code, str) or not _NUMBERS.fullmatch(code):
        shown = repr(code[:20]) if isinstance(code, str) else "without a name"
        raise _RefusedError(f"it holds an array of type {shown}; only real numbers are read")
    return _NumberType(code)


def _encode(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise _RefusedError("it encodes text")
    return text.encode("latin1")


def _array(content: Any, number_type: Any, shape: Any, order: Any) -> np.ndarray:
    """Cut an array out of bytes, whose number must match shape and type."""
    if isinstance(content, str):  # Python 2 wrote bytes as text in Latin-1
        content = content.encode("latin1")
    if not isinstance(content, (bytes, bytearray)) or not isinstance(number_type, _NumberType):
        raise _RefusedError("it holds an array of objects, or without bytes")
    lengths = _listed(shape)
    small = all(type(length) is int and 0 <= length < 2**63 for length in lengths)
    if order not in ("C", "F") or not small or len(lengths) > _MOST_AXES:
        raise _RefusedError("it holds an array of an impossible shape")
    dtype = np.dtype(number_type.order + number_type.code)
    if math.prod(lengths) * dtype.itemsize != len(content):
        raise _RefusedError(
            f"it holds {len(content)} bytes for an array of shape {lengths} and type {dtype}"
        )
    values = np.frombuffer(content, dtype).reshape(lengths, order=order)
    return values.astype(dtype.newbyteorder("="))


def _listed(values: Any) -> tuple[Any, ...]:
    if not isinstance(values, tuple):
        raise _RefusedError("its arguments are not a tuple")
    return values


#: Old and new names of the parts of arrays, and what stands for each.
_NAMES: dict[str, Any] = {
    "numpy.ndarray": _NDARRAY,
    "numpy.dtype": _Function(_dtype),
    "_codecs.encode": _Function(_encode),
    "__builtin__.bytes": _Function(lambda: b""),
    "builtins.bytes": _Function(lambda: b""),
}
for _core in ("numpy.core", "numpy._core"):
    _NAMES[f"{_core}.multiarray._reconstruct"] = _Function(_reconstruct)
    _NAMES[f"{_core}.multiarray.scalar"] = _Function(
        lambda number_type, content: _array(content, number_type, (), "C")[()]
    )
    _NAMES[f"{_core}.numeric._frombuffer"] = _Function(_array)


def _unfold(value: Any, limit: int) -> np.ndarray:
    """Return the array that arrays, numbers, or lists and tuples of them stand for."""
    _count(value, limit, 0)
    array = _joined(value)
    if array.ndim == 0:
        raise _RefusedError("it holds a single number")
    return array


def _count(value: Any, limit: int, depth: int) -> int:
    """Count numbers and lists, and stop as soon as there are too many or they nest too deeply."""
    if depth > _DEEPEST:
        raise _RefusedError(f"its lists are nested more than {_DEEPEST} deep")
    if not isinstance(value, (list, tuple)):
        return max(1, _size(value))
    count = 1
    for entry in value:
        count += _count(entry, limit - count, depth + 1)
        if count > limit:
            raise _RefusedError("its lists share entries and unfold to more than the file holds")
    return count


def _size(value: Any) -> int:
    if isinstance(value, _Pending):
        if value.values is None:
            raise _RefusedError("it holds an array without values")
        return value.values.size
    if isinstance(value, np.ndarray):
        return value.size
    if isinstance(value, (bool, int, float, np.number, np.bool_)):
        return 1
    raise _RefusedError(f"it holds a {type(value).__name__.lower()} where numbers belong")


def _joined(value: Any) -> np.ndarray:
    if isinstance(value, _Pending) and value.values is not None:
        return value.values
    if not isinstance(value, (list, tuple)):
        return _checked(np.asarray(value))
    if not any(isinstance(entry, (list, tuple, _Pending, np.ndarray)) for entry in value):
        return _checked(np.asarray(value))
    parts = [_joined(entry) for entry in value]
    shapes = sorted({part.shape for part in parts})
    if len(shapes) > 1:
        raise _RefusedError(f"it lists arrays of different shapes: {', '.join(map(str, shapes))}")
    return np.stack(parts)


def _checked(array: np.ndarray) -> np.ndarray:
    """Refuse whole numbers that no array of numbers can hold."""
    if array.dtype.kind not in "biuf":
        raise _RefusedError("it holds whole numbers beyond 64 bits")
    return array
