"""Pickled arrays are read; of whatever else a pickle may ask, nothing is done."""

import contextlib
import copyreg
import json
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
from collections import OrderedDict
from datetime import date

import hypothesis.extra.numpy as st_numpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_qd.data.io.pickles import read_pickled_array
from keras_qd.errors import DataError

TYPES = ["?", "i1", "u1", "<i2", ">i4", "u4", "i8", "<u8", "f2", ">f4", "f4", "f8", ">f8"]
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def read(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "V.db"
    path.write_bytes(content)
    return read_pickled_array(path)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(deadline=None, max_examples=25)
@given(
    array=st_numpy.arrays(
        dtype=st.sampled_from(TYPES),
        shape=st_numpy.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4),
    ),
    in_columns=st.booleans(),
    every_other=st.booleans(),
)
def test_arrays_come_back_bit_for_bit(protocol, array, in_columns, every_other, tmp_path_factory):
    array = np.asfortranarray(array) if in_columns else array
    array = array[::2] if every_other else array
    found = read(pickle.dumps(array, protocol), tmp_path_factory)
    assert found.dtype == array.dtype.newbyteorder("=")
    assert found.tobytes() == array.astype(found.dtype).tobytes()
    assert found.shape == array.shape


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "value",
    [
        [1.0, 2.5, -3.0],
        (1, 2, 3),
        [[1.0, 2.0], [3.0, 4.0]],
        [np.arange(4.0), np.ones(4)],
        ((np.arange(4.0), np.ones(4)), (np.zeros(4), np.ones(4))),
        [np.float64(1.5), np.float64(2.5)],
        [np.array(1.0), np.array(2.0)],
        [True, False],
        [],
    ],
    ids=repr,
)
def test_lists_and_tuples_become_arrays(value, protocol, tmp_path_factory):
    found = read(pickle.dumps(value, protocol), tmp_path_factory)
    np.testing.assert_array_equal(found, np.asarray(value))


def test_the_names_of_older_numpy_are_known(tmp_path_factory):
    content = pickle.dumps(np.arange(3.0), protocol=2)
    assert b"numpy._core" in content
    old = content.replace(b"numpy._core", b"numpy.core")
    np.testing.assert_array_equal(read(old, tmp_path_factory), np.arange(3.0))


def test_what_python_2_wrote_is_read(tmp_path_factory):
    values = np.array([0.1, -2.5])
    content = pickle.dumps(values, protocol=3).replace(b"numpy._core", b"numpy.core")
    data = values.tobytes()
    assert b"C\x10" + data in content  # Python 3 writes bytes, Python 2 wrote a string
    content = content.replace(b"C\x10" + data, b"U\x10" + data).replace(b"C\x01b", b"U\x01b")
    np.testing.assert_array_equal(read(content, tmp_path_factory), values)


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments, state=None):
        self.function, self.arguments, self.state = function, arguments, state

    def __reduce__(self):
        return (self.function, self.arguments, self.state)


def named(module, name, argument):
    """Return a pickle that calls what is named, without this process having to know it."""
    parts = [pickle.PROTO, b"\x04", *map(short, (module, name)), pickle.STACK_GLOBAL]
    return b"".join([*parts, short(argument), pickle.TUPLE1, pickle.REDUCE, pickle.STOP])


def short(text):
    return pickle.SHORT_BINUNICODE + struct.pack("<B", len(text)) + text.encode()


def objects(payload):
    array = np.empty(1, dtype=object)
    array[0] = payload
    return array


def dotted_chain(command):
    """Reach ``os.system`` from an admitted module, by names with dots in them."""
    return named("numpy", "dtype.__class__.__base__.__subclasses__", command)


def getattr_chain(command):
    """Reach ``os.system`` through ``getattr`` on a module."""
    name = [short("builtins"), short("getattr"), pickle.STACK_GLOBAL]
    owner = [short("shutil"), short("os"), pickle.STACK_GLOBAL, short("system"), pickle.TUPLE2]
    parts = [pickle.PROTO + b"\x04", *name, *owner, pickle.REDUCE]
    return b"".join([*parts, short(command), pickle.TUPLE1, pickle.REDUCE, pickle.STOP])


def old_instance(command):
    return b"(S'" + command.encode() + b"'\nios\nsystem\n."


def old_object(command):
    return b"(cos\nsystem\nS'" + command.encode() + b"'\no."


def build_trick(command):
    """Set an attribute of an admitted function through BUILD."""
    state = b"}" + short("__setstate__") + b"cos\nsystem\ns"
    return b"\x80\x04cnumpy\nndarray\n" + state + b"b" + short(command) + b"b."


def persistent(command):
    return b"\x80\x04" + short(command) + pickle.BINPERSID + pickle.STOP


MALICIOUS = {
    "os.system": lambda command: pickle.dumps(Calls(os.system, command)),
    "os.system in protocol 0": lambda command: pickle.dumps(Calls(os.system, command), 0),
    "posix": lambda command: named("posix", "system", command),
    "eval": lambda command: pickle.dumps(Calls(eval, f"__import__('os').system({command!r})")),
    "exec": lambda command: pickle.dumps(Calls(exec, f"import os; os.system({command!r})")),
    "subprocess": lambda command: pickle.dumps(Calls(subprocess.getoutput, command)),
    "array of objects": lambda command: pickle.dumps(objects(Calls(os.system, command))),
    "array of objects in protocol 2": lambda command: pickle.dumps(
        objects(Calls(os.system, command)), 2
    ),
    "list with a sound array": lambda command: pickle.dumps(
        [np.arange(3.0), Calls(os.system, command)]
    ),
    "shape that calls": lambda command: pickle.dumps(Calls(np.ndarray, Calls(os.system, command))),
    "numpy.testing": lambda command: named("numpy.testing._private.utils", "runstring", command),
    "numpy.f2py": lambda command: named("numpy.f2py.crackfortran", "myeval", command),
    "numpy.f2py exec": lambda command: named(
        "numpy.distutils.exec_command", "exec_command", command
    ),
    "numpy.load": lambda command: named("numpy", "load", command),
    "numpy.fromfile": lambda command: named("numpy", "fromfile", command),
    "numpy.memmap": lambda command: named("numpy", "memmap", command),
    "dotted names": dotted_chain,
    "getattr": getattr_chain,
    "INST": old_instance,
    "OBJ": old_object,
    "NEWOBJ": lambda command: b"\x80\x02cos\nsystem\n(" + short(command) + b"t\x81.",
    "BUILD": build_trick,
    "persistent id": persistent,
    "codecs with another codec": lambda command: (
        b"\x80\x02c_codecs\nencode\n" + short(command) + short("rot13") + b"\x86R."
    ),
    "codecs.decode": lambda command: named("_codecs", "decode", command),
    "bytes that sleeps": lambda command: pickle.dumps(Calls(bytes, 10**12)),
    "state of an array that calls": lambda command: pickle.dumps(
        Calls(np.ndarray, (2,), state=Calls(os.system, command))
    ),
}


#: Reads files one after the other, and tells what it came to and what Python's auditing heard.
READER = """
import json, sys
from pathlib import Path
from keras_qd.data.io.pickles import read_pickled_array
from keras_qd.errors import DataError

for sound in json.loads(sys.argv[2]):  # Python imports its own codecs at first use
    read_pickled_array(sound)
heard, found = [], {}
sys.addaudithook(lambda event, arguments: heard.append(event))
for path in sorted(Path(sys.argv[1]).iterdir()):
    modules = set(sys.modules)
    heard.clear()
    try:
        told = repr(read_pickled_array(path))
    except DataError as error:
        told = str(error)
    events = sorted(set(heard))
    found[path.name] = {"told": told, "heard": events, "new": sorted(set(sys.modules) - modules)}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What reading each malicious pickle came to, and what the payloads have left behind."""
    folder, proofs = tmp_path_factory.mktemp("malicious"), tmp_path_factory.mktemp("proofs")
    for kind, make in MALICIOUS.items():
        (folder / kind).write_bytes(make(f"touch {proofs}/x"))
    sound = [tmp_path_factory.mktemp("sound") / f"V{protocol}.db" for protocol in PROTOCOLS]
    for protocol, path in enumerate(sound):
        path.write_bytes(pickle.dumps(np.arange(3.0), protocol))
    arguments = [sys.executable, "-c", READER, str(folder), json.dumps(list(map(str, sound)))]
    process = subprocess.run(arguments, capture_output=True, check=True, text=True)
    return json.loads(process.stdout), list(proofs.iterdir())


@pytest.mark.parametrize("kind", MALICIOUS)
def test_a_malicious_pickle_does_nothing_but_be_refused(kind, outcome):
    found, proofs = outcome
    assert not proofs
    assert "is refused" in found[kind]["told"]
    # Opening the file is all that is heard: no import, exec, os.system, pickle.find_class.
    assert found[kind]["heard"] == ["open"]
    assert not found[kind]["new"]


@pytest.mark.parametrize("kind", ["os.system", "eval", "array of objects", "INST", "getattr"])
def test_the_payloads_do_work_where_pickles_are_unpickled(kind, tmp_path):
    proof = tmp_path / "proof"
    pickle.loads(MALICIOUS[kind](f"touch {proof}"))
    assert proof.exists()


def test_extension_codes_are_refused(tmp_path_factory):
    copyreg.add_extension("os", "system", 240)
    try:
        content = pickle.dumps(Calls(os.system, "true"), 2)
        content = content.replace(b"cposix\nsystem\n", b"\x82\xf0")
        assert b"\x82\xf0" in content
        with pytest.raises(DataError, match="instruction EXT1"):
            read(content, tmp_path_factory)
    finally:
        copyreg.remove_extension("os", "system", 240)


def buffers(array):
    """Return a pickle whose data is handed over outside of it."""
    return pickle.dumps(array, 5, buffer_callback=lambda buffer: None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({"a": np.arange(3.0)}), "instruction EMPTY_DICT"),
        (pickle.dumps({1.0, 2.0}), "instruction EMPTY_SET"),
        (pickle.dumps("text"), "a str where"),
        (pickle.dumps(b"bytes"), "a bytes where"),
        (pickle.dumps(1.5), "a single number"),
        (pickle.dumps(None), "a nonetype where"),
        (pickle.dumps(date(2020, 1, 1)), "asks for datetime.date"),
        (pickle.dumps(OrderedDict()), "asks for collections.OrderedDict"),
        (pickle.dumps(np.array(["a", "b"])), "type 'U1'"),
        (pickle.dumps(np.array([1j])), "type 'c16'"),
        (pickle.dumps(np.array(["2020-01-01"], "M8[D]")), "type 'M8'"),
        (pickle.dumps(np.zeros(2, [("a", "f8"), ("b", "f8")])), "EMPTY_DICT"),
        (pickle.dumps(np.longdouble([1.0])), "type 'f16'"),
        (pickle.dumps(np.ma.masked_array([1.0], [True])), "asks for numpy.ma"),
        (pickle.dumps(np.arange(3.0).view(np.recarray)), "special kind|asks for numpy"),
        (buffers(np.arange(3.0)), "instruction NEXT_BUFFER"),
        (pickle.dumps([np.zeros(2), np.zeros(3)]), "different shapes"),
        (pickle.dumps([1.0, [2.0]]), "different shapes"),
        (pickle.dumps([2**70]), "beyond 64 bits"),
        (pickle.dumps(np.arange(2)) + pickle.dumps(np.arange(2)), "more than one object"),
        (pickle.dumps(np.arange(9.0), 4)[:-40], "not a valid pickle"),
        (b"", "not a valid pickle"),
        (b"not a pickle", "is refused|not a valid pickle"),
        (b"(.", "not a valid pickle"),
        (b"N(.", "not a valid pickle|is refused"),
        (b"R.", "not a valid pickle"),
        (b"t.", "not a valid pickle"),
        (b"Na.", "not a valid pickle"),
        (b"NNa.", "not a valid pickle"),
        (b"\x80\x04h\x09.", "not a valid pickle"),
        (b"NNR.", "not a valid pickle"),
        (b"NNb.", "is refused|not a valid pickle"),
        (b"\x80\x04NN\x93.", "not a valid pickle"),
    ],
    # The bytes are left out: unused ones of a long double differ from run to run.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whatever_else_is_refused_with_its_reason(content, message, tmp_path_factory):
    with pytest.raises(DataError, match=message):
        read(content, tmp_path_factory)


def lists_that_share(depth, width):
    """Return a pickle of lists within lists, each the same one many times."""
    content = b"\x80\x04(G" + struct.pack(">d", 1.0)
    for level in range(depth):
        content += b"q" + bytes([level]) + b"](" + (b"h" + bytes([level])) * width + b"e"
    return content + b"t."


def claims(shape, code="f8", content=b""):
    """Return a pickle of an array that claims any shape."""
    state = (1, shape, np.dtype(code), False, content)
    return pickle.dumps(
        Calls(np._core.multiarray._reconstruct, np.ndarray, (0,), b"b", state=state)
    )


BOMBS = {
    "lists that share": lambda: lists_that_share(8, 60),
    "few lists that share": lambda: lists_that_share(3, 200),
    "more than the file": lambda: claims((10**6, 10**6)),
    "beyond any memory": lambda: claims((2**62, 2**62)),
    "no bytes, but axes": lambda: claims((0, 2**62, 2**62, 2**62)),
    "numbers of many digits": lambda: claims((10**5000,) * 30),
    "too many axes": lambda: claims((1,) * 70, content=bytes(8)),
    "negative": lambda: claims((-1,), content=bytes(8)),
    "bytes that are not there": lambda: b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"abc.",
    "text that is not there": lambda: b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"abc.",
    "frame that is not there": lambda: b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
    "deep": lambda: b"\x80\x04" + b"]" * 10**4 + b"a" * (10**4 - 1) + b".",
    "printing it would not end": lambda: lists_that_share(8, 60)[:-1] + b"N\x93.",
    "digits": lambda: b"L" + b"9" * 10**6 + b"L\n.",
}


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_are_refused_at_once_and_in_little_memory(kind, tmp_path):
    path = tmp_path / "bomb.db"
    path.write_bytes(BOMBS[kind]())
    tracemalloc.start()
    with pytest.raises(DataError):
        read_pickled_array(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6


@settings(deadline=None)
@given(content=st.binary(max_size=60))
def test_any_bytes_give_an_array_or_a_refusal(content, tmp_path_factory):
    with contextlib.suppress(DataError):
        assert isinstance(read(content, tmp_path_factory), np.ndarray)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_damaged_pickles_give_an_array_or_a_refusal(data, tmp_path_factory):
    protocol = data.draw(st.sampled_from(PROTOCOLS))
    content = bytearray(pickle.dumps([np.arange(4.0), np.ones(4)], protocol))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DataError):
        assert isinstance(read(bytes(content), tmp_path_factory), np.ndarray)
