"""NumPy arrays in pickle files, read without unpickling anything.

A pickle is a program for a small stack machine, and Python's own machine imports and calls whatever
the program names. The machine here reads the same opcodes, and that is all it shares with Python's:

- It works on inert values alone: numbers, text, bytes, tuples, lists, and arrays. A name such as
  ``numpy.ndarray`` stays the pair of words it is. Nothing is ever imported, looked up or called by
  a name from the file, so there is nothing that a file could make it do.
- It knows the opcodes that arrays, numbers, lists and tuples are written with, and the few names in
  :mod:`.pickled_names`. Every other opcode (persistent ids, extension codes, instances, objects,
  dictionaries, out-of-band buffers) and every other name refuses the whole file.
- Arrays are cut out of the bytes in the file, as plain numbers alone: no objects, structures,
  dates or text. Their length must be what shape and type say. Lists, which can share their entries,
  may not unfold to more numbers than the file has bytes. So what comes out is bounded by the file.
"""

from __future__ import annotations

import io
import pickletools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_qd.data.io.nested_lists import unfold
from keras_qd.data.io.pickled_names import Name, RefusalError, build, call, text_bytes
from keras_qd.errors import DataError

_MARK = object()


def read_pickled_array(path: str | Path) -> np.ndarray:
    """Read the array in a pickle file, of any protocol from 0 to 5.

    Parameters
    ----------
    path : str or Path
        A file that ``pickle.dump`` has made of one array of real numbers, or of a list or tuple of
        numbers or of arrays of one shape.

    Returns
    -------
    ndarray
        In the byte order of this machine.

    Raises
    ------
    DataError
        If the file holds anything else. Then nothing of it has been carried out.

    Examples
    --------
    >>> import pickle
    >>> path = getfixture("tmp_path") / "V.db"
    >>> _ = path.write_bytes(pickle.dumps(np.arange(3.0)))
    >>> read_pickled_array(path)
    array([0., 1., 2.])
    """
    content = Path(path).read_bytes()
    try:
        return unfold(_Machine().run(content), limit=len(content))
    except RefusalError as refusal:
        raise DataError(
            f"{path} is refused: {refusal}; of pickles, only plain NumPy arrays, and lists of them "
            "or of numbers, are read"
        ) from None
    except (ValueError, TypeError, LookupError, ArithmeticError, struct.error) as error:
        raise DataError(f"{path} is no sound pickle of a NumPy array: {error}") from None


class _Machine:
    """The stack machine: opcodes in, one inert value out."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self, content: bytes) -> Any:
        """Carry out the opcodes up to the first STOP, which must be the end of the file."""
        end = 0
        for opcode, argument, position in pickletools.genops(io.BytesIO(content)):
            action = _ACTIONS.get(opcode.name)
            if action is None:
                raise RefusalError(f"it uses the pickle instruction {opcode.name}")
            action(self, argument)
            end = position or 0
        if end + 1 != len(content):
            raise RefusalError("it holds more than one object")
        (result,) = self._stack
        return result

    def skip(self, argument: Any) -> None:
        """Do nothing: protocol numbers and frames only help to read fast."""

    def push(self, value: Any) -> None:
        """Put the argument itself on the stack."""
        self._stack.append(value)

    def push_bytes(self, value: Any) -> None:
        """Put bytes on the stack. Python 2 wrote them as text in Latin-1."""
        self._stack.append(text_bytes(value) if isinstance(value, str) else bytes(value))

    def mark(self, argument: Any) -> None:
        """Remember where a tuple or list begins."""
        self._stack.append(_MARK)

    def tuple_from_mark(self, argument: Any) -> None:
        """Make a tuple of all since the last mark."""
        self._stack.append(tuple(self._since_mark()))

    def list_from_mark(self, argument: Any) -> None:
        """Make a list of all since the last mark."""
        self._stack.append(self._since_mark())

    def tuple_of(self, length: int) -> None:
        """Make a tuple of the last values."""
        self._stack.append(tuple(self._take(length)))

    def empty_list(self, argument: Any) -> None:
        """Begin a list."""
        self._stack.append([])

    def append(self, argument: Any) -> None:
        """Add the last value to the list below it."""
        self._extend(self._take(1))

    def appends(self, argument: Any) -> None:
        """Add all since the last mark to the list below it."""
        self._extend(self._since_mark())

    def name(self, argument: str) -> None:
        """Put a name on the stack: two words."""
        module, _, name = argument.partition(" ")
        self._stack.append(Name(module, name))

    def name_from_stack(self, argument: Any) -> None:
        """Make a name of the last two texts."""
        self._stack.append(Name(*self._take(2)))

    def reduce(self, argument: Any) -> None:
        """Do what the named function of NumPy would do, if it is one of the few known."""
        function, arguments = self._take(2)
        self._stack.append(call(function, arguments))

    def build(self, argument: Any) -> None:
        """Fill the array or type below with the last value."""
        (state,) = self._take(1)
        build(self._stack[-1], state)

    def memoize(self, argument: Any) -> None:
        """Remember the last value under the next free number."""
        self._memo[len(self._memo)] = self._stack[-1]

    def put(self, number: int) -> None:
        """Remember the last value under a number."""
        self._memo[number] = self._stack[-1]

    def get(self, number: int) -> None:
        """Put a remembered value on the stack."""
        self._stack.append(self._memo[number])

    def _take(self, count: int) -> list[Any]:
        first = len(self._stack) - count
        values = self._stack[max(0, first) :]
        if first < 0 or any(value is _MARK for value in values):
            raise RefusalError("its stack runs empty")
        del self._stack[first:]
        return values

    def _since_mark(self) -> list[Any]:
        values: list[Any] = []
        while self._stack:
            value = self._stack.pop()
            if value is _MARK:
                return values[::-1]
            values.append(value)
        raise RefusalError("its stack runs empty")

    def _extend(self, values: list[Any]) -> None:
        if not self._stack or not isinstance(self._stack[-1], list):
            raise RefusalError("it appends to what is no list")
        self._stack[-1].extend(values)


def _constant(value: Any) -> Callable[[_Machine, Any], None]:
    return lambda machine, argument: machine.push(value)


def _tuple(length: int) -> Callable[[_Machine, Any], None]:
    return lambda machine, argument: machine.tuple_of(length)


def _actions() -> dict[str, Callable[[_Machine, Any], None]]:
    """Return all instructions that are carried out, by the names of :mod:`pickletools`."""
    table: dict[Callable[[_Machine, Any], None], str] = {
        _Machine.skip: "PROTO FRAME STOP",
        _Machine.push: "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT "
        "UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8",
        _Machine.push_bytes: "STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES "
        "BINBYTES8 BYTEARRAY8",
        _constant(None): "NONE",
        _constant(True): "NEWTRUE",
        _constant(False): "NEWFALSE",
        _Machine.mark: "MARK",
        _tuple(0): "EMPTY_TUPLE",
        _tuple(1): "TUPLE1",
        _tuple(2): "TUPLE2",
        _tuple(3): "TUPLE3",
        _Machine.tuple_from_mark: "TUPLE",
        _Machine.empty_list: "EMPTY_LIST",
        _Machine.list_from_mark: "LIST",
        _Machine.append: "APPEND",
        _Machine.appends: "APPENDS",
        _Machine.name: "GLOBAL",
        _Machine.name_from_stack: "STACK_GLOBAL",
        _Machine.reduce: "REDUCE",
        _Machine.build: "BUILD",
        _Machine.memoize: "MEMOIZE",
        _Machine.put: "PUT BINPUT LONG_BINPUT",
        _Machine.get: "GET BINGET LONG_BINGET",
    }
    return {name: action for action, names in table.items() for name in names.split()}


_ACTIONS = _actions()
