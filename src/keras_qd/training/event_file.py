"""Event files as TensorBoard reads them, written without TensorFlow or TensorBoard.

A file is a sequence of records [1]_: length, checksum of the length, content, checksum of the
content. A content is an ``Event`` message [2]_, of which a scalar needs four fields.

References
----------
.. [1] https://www.tensorflow.org/tutorials/load_data/tfrecord
.. [2] https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

#: Castagnoli's polynomial, bits reversed.
_POLYNOMIAL = 0x82F63B78


def version_record(time: float) -> bytes:
    """Return the record that a file begins with.

    Parameters
    ----------
    time : float
        Seconds since 1970.
    """
    return _record(_double(1, time) + _text(3, b"brain.Event:2"))


def scalars_record(values: Mapping[str, float], step: int, time: float) -> bytes:
    """Return the record of some numbers.

    Parameters
    ----------
    values : mapping of str to float
        Tag -> number.
    step : int
        Where they stand on the axis.
    time : float
        Seconds since 1970.
    """
    summary = b"".join(
        _text(1, _text(1, tag.encode()) + b"\x15" + struct.pack("<f", value))
        for tag, value in values.items()
    )
    return _record(_double(1, time) + b"\x10" + _varint(step) + _text(5, summary))


def append(path: Path, records: Iterable[bytes]) -> None:
    """Add records to a file, which is made with its folder where it does not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(b"".join(records))


def crc32c(content: bytes) -> int:
    """Return the CRC-32C of some bytes.

    Examples
    --------
    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    value = 0xFFFFFFFF
    for byte in content:
        value = _TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def _table_entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = [_table_entry(byte) for byte in range(256)]


def _record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return length + _masked(length) + content + _masked(content)


def _masked(content: bytes) -> bytes:
    """Return the checksum as records have it: rotated, since a checksum of checksums is weak."""
    value = crc32c(content)
    return struct.pack("<I", (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def _varint(number: int) -> bytes:
    content = bytearray()
    while number > 127:
        content.append(number & 127 | 128)
        number >>= 7
    return bytes([*content, number])


def _text(field: int, content: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(content)) + content


def _double(field: int, value: float) -> bytes:
    return bytes([field << 3 | 1]) + struct.pack("<d", value)
