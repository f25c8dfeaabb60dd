"""What the few names in a pickle of arrays stand for, done by hand on inert values."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Plain numbers: truth values, integers and floats of at most eight bytes.
_NUMBERS = re.compile(r"b1|[iu][1248]|f[248]")
_MOST_AXES = 32
_NUMPY = ("numpy.core", "numpy._core")
_RECONSTRUCT = {f"{core}.multiarray._reconstruct" for core in _NUMPY}
_SCALAR = {f"{core}.multiarray.scalar" for core in _NUMPY}
_FROM_BUFFER = {f"{core}.numeric._frombuffer" for core in _NUMPY}
_ENCODE = {"_codecs.encode"}
_EMPTY_BYTES = {"__builtin__.bytes", "builtins.bytes"}


class RefusalError(Exception):
    """What a pickle asks for is not done."""


@dataclass(frozen=True)
class Name:
    """The words by which a pickle names something: they are compared, and never looked up."""

    module: str
    name: str

    def __post_init__(self) -> None:
        # Text alone: even to print a list from the file might never end.
        if not isinstance(self.module, str) or not isinstance(self.name, str):
            raise RefusalError("it names something without words")

    @property
    def words(self) -> str:
        """Both, joined by a dot."""
        return f"{self.module}.{self.name}"


@dataclass
class NumberType:
    """A type of numbers, whose byte order comes after it."""

    code: str
    order: str = "="

    @property
    def dtype(self) -> np.dtype[Any]:
        """As NumPy has it."""
        return np.dtype(self.order + self.code)


@dataclass
class Pending:
    """An array whose shape and values come after it."""

    values: np.ndarray | None = None


def call(function: Any, arguments: Any) -> Any:
    """Return what NumPy's function of that name would make of the arguments.

    Raises
    ------
    RefusalError
        If it is not one of the names that arrays are written with.
    """
    if not isinstance(function, Name):
        raise RefusalError("it calls what is no name")
    for names, action in _FUNCTIONS:
        if function.words in names:
            try:
                return action(*_listed(arguments))
            except TypeError:
                raise RefusalError(f"it calls {function.words} in another way") from None
    raise RefusalError(f"it asks for {function.words}")


def build(target: Any, state: Any) -> None:
    """Give a type its byte order, or an array its values.

    Raises
    ------
    RefusalError
        If `target` is neither.
    """
    if isinstance(target, NumberType):
        _, order, *structure = _listed(state)
        if order not in ("<", ">", "|", "=") or any(part is not None for part in structure[:3]):
            raise RefusalError("it holds an array of structures")
        target.order = order
    elif isinstance(target, Pending):
        _, shape, number_type, in_columns, content = _listed(state)
        target.values = _array(content, number_type, shape, "F" if in_columns else "C")
    else:
        raise RefusalError("it fills in what is no array")


def text_bytes(text: str) -> bytes:
    """Return the bytes that a text stands for, in Latin-1."""
    return text.encode("latin1")


def _reconstruct(kind: Any, shape: Any, code: Any) -> Pending:
    if not isinstance(kind, Name) or kind.words != "numpy.ndarray":
        raise RefusalError("it holds an array of a special kind")
    return Pending()


def _from_buffer(content: Any, number_type: Any, shape: Any, order: Any) -> np.ndarray:
    return _array(content, number_type, shape, order)


def _scalar(number_type: Any, content: Any) -> Any:
    return _array(content, number_type, (), "C")[()]


def _dtype(code: Any, *flags: Any) -> NumberType:
    if not isinstance(code, str) or not _NUMBERS.fullmatch(code):
        shown = repr(code[:20]) if isinstance(code, str) else "without a name"
        raise RefusalError(f"it holds an array of type {shown}, which are no plain real numbers")
    return NumberType(code)


def _encode(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise RefusalError("it encodes text")
    return text_bytes(text)


def _empty_bytes() -> bytes:
    return b""


_FUNCTIONS: tuple[tuple[set[str], Any], ...] = (
    (_RECONSTRUCT, _reconstruct),
    (_FROM_BUFFER, _from_buffer),
    (_SCALAR, _scalar),
    ({"numpy.dtype"}, _dtype),
    (_ENCODE, _encode),
    (_EMPTY_BYTES, _empty_bytes),
)


def _listed(values: Any) -> tuple[Any, ...]:
    if not isinstance(values, tuple):
        raise RefusalError("it gives arguments that are no tuple")
    return values


def _array(content: Any, number_type: Any, shape: Any, order: Any) -> np.ndarray:
    """Cut an array out of bytes, which must be as many as shape and type say."""
    if not isinstance(content, bytes) or not isinstance(number_type, NumberType):
        raise RefusalError("it holds an array of objects, or without bytes")
    lengths = _listed(shape)
    small = all(type(length) is int and 0 <= length < 2**63 for length in lengths)
    if order not in ("C", "F") or not small or len(lengths) > _MOST_AXES:
        raise RefusalError("it holds an array of no possible shape")
    dtype = number_type.dtype
    if math.prod(lengths) * dtype.itemsize != len(content):
        raise RefusalError(
            f"it holds {len(content)} bytes for an array of shape {lengths} and type {dtype}"
        )
    values = np.frombuffer(content, dtype).reshape(lengths, order=order)
    return values.astype(dtype.newbyteorder("="))
