"""How much the content of a foreign file may unfold to: bombs are refused before they go off."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from keras_qd.errors import DataError, UsageError

#: Bytes that the values of a file may take, where they are much more than the file has.
LIMIT = 4 * 2**30
#: Values that are read block by block may be more, in proportion to the bytes of their file.
_RATIO = 50
#: One image, or one compressed block, may take this part of the limit.
_PART = 16
#: Bytes that a decompressor returns at a time.
_STEP = 2**20

_limit: ContextVar[int] = ContextVar("limit", default=LIMIT)


@contextmanager
def unfolding_to(n_bytes: int) -> Iterator[None]:
    """Let files that are read in the block unfold to so many bytes."""
    if n_bytes < 1:
        raise UsageError(f"the limit must be a positive number of bytes, got {n_bytes}")
    token = _limit.set(n_bytes)
    try:
        yield
    finally:
        _limit.reset(token)


def check_memory(what: object, n_bytes: int, held: int) -> None:
    """Raise a DataError if values that are read as a whole take more memory than the limit."""
    if n_bytes > _limit.get():
        raise _refusal(what, n_bytes, held)


def check_size(what: object, n_bytes: int, held: int) -> None:
    """Raise a DataError if values are far more than the `held` bytes that a file has of them."""
    if n_bytes > max(_limit.get(), _RATIO * held):
        raise _refusal(what, n_bytes, held)
    if n_bytes and not held:
        raise DataError(f"{what} holds no values: none of its {n_bytes} bytes was ever written")


def check_block(what: object, n_bytes: int, held: int) -> None:
    """Raise a DataError if one image or block, which is read as a whole, is too large."""
    if n_bytes > max(_limit.get() // _PART, held):
        raise _refusal(what, n_bytes, held, _PART)


def _refusal(what: object, n_bytes: int, held: int, part: int = 1) -> DataError:
    if n_bytes > 10**15:
        return DataError(
            f"{what} claims {n_bytes:.1e} bytes of values, but the file has {held}: it is damaged, "
            "or made to exhaust the memory"
        )
    return DataError(
        f"{what} would take {n_bytes} bytes of memory, from {held} in the file; if that is right, "
        f"allow it with --max-gigabytes {part * n_bytes // 10**9 + 1}"
    )


def read_unfolded(path: Path) -> bytes:
    """Return the content of a file, unfolded if it ends in ``.gz``, within the limit of a block."""
    largest = _limit.get() // _PART
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        content: bytes = file.read(largest + 1)
    check_block(path, len(content), 0)
    return content


def check_packed(what: object, codec: str, packed: bytes, largest: int) -> None:
    """Raise a DataError if a compressed block unfolds to more than `largest` bytes."""
    size = _UNFOLDED.get(codec)
    if size is not None and size(packed, largest) > largest:
        raise DataError(
            f"{what} is damaged or made to exhaust the memory: a block of {len(packed)} bytes "
            f"unfolds to more than the {largest} that it may have"
        )


def _streamed(make: Callable[[], Any]) -> Callable[[bytes, int], int]:
    """Return a function that counts what a decompressor returns, and stops beyond a limit."""

    def count(packed: bytes, largest: int) -> int:
        total = 0
        while packed and total <= largest:
            stream, waiting = make(), packed
            try:
                while not stream.eof and total <= largest:
                    made = len(stream.decompress(waiting, _STEP))
                    total += made
                    waiting = getattr(stream, "unconsumed_tail", b"")
                    if not made and not waiting:
                        return total  # cut short
            except (zlib.error, lzma.LZMAError, OSError, EOFError):
                return total  # damaged, which the reader reports
            packed = stream.unused_data if stream.eof else b""
        return total

    return count


def _in_blosc(packed: bytes, largest: int) -> int:
    return int(struct.unpack("<I", packed[4:8])[0]) if len(packed) >= 16 else 0


def _in_lz4(packed: bytes, largest: int) -> int:
    return int(struct.unpack("<I", packed[:4])[0]) if len(packed) >= 4 else 0


def _in_zstd(packed: bytes, largest: int) -> int:
    """Return the size that the first frame declares; one that declares none is too large."""
    if len(packed) < 14 or packed[:4] != b"\x28\xb5\x2f\xfd":
        return 0
    flags = packed[4]
    code, single = flags >> 6, bool(flags & 0x20)
    start = 5 + (not single) + (0, 1, 2, 4)[flags & 3]
    if code == 0:
        return packed[start] if single else largest + 1
    width = 2**code
    size = int.from_bytes(packed[start : start + width], "little")
    return size + 256 if code == 1 else size


#: Codec -> bytes that a block unfolds to, counted to a limit.
_UNFOLDED: Mapping[str, Callable[[bytes, int], int]] = {
    "gzip": _streamed(lambda: zlib.decompressobj(31)),
    "zlib": _streamed(zlib.decompressobj),
    "bz2": _streamed(bz2.BZ2Decompressor),
    "lzma": _streamed(lambda: lzma.LZMADecompressor(memlimit=2**29)),
    "blosc": _in_blosc,
    "lz4": _in_lz4,
    "zstd": _in_zstd,
}
#: Codecs that compress: an array may have one of them.
COMPRESSORS = frozenset(_UNFOLDED)
