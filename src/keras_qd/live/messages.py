"""Messages between page and server: a JSON header, then fields of 32-bit floats.

A message is the length of the header (unsigned, 32 bits, little-endian), the header as UTF-8,
padded with spaces to a multiple of four bytes, and square fields, y first, one after the other.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd._checks import MOST_SEED, shortened
from keras_qd.errors import DataError, UnknownNameError
from keras_qd.physics.box import FEWEST_PIXELS, Box
from keras_qd.physics.interactions import Interaction

Array = NDArray[np.float64]

#: Takes the messages that answer a request.
Send = Callable[[bytes], None]

#: Pixels along a side, electrons, the side of the box in a0*, the factor on the interaction, and
#: energies in Ha*: what a request may hold.
MOST_PIXELS = 128
MOST_ELECTRONS = 4
LENGTHS = (1.0, 100.0)
MOST_STRENGTH = 10.0
MOST_VALUE = 1e4

#: Bytes of a header, and of a whole message.
_MOST_HEADER = 4096
MOST_BYTES = 8 + _MOST_HEADER + 4 * MOST_PIXELS**2

_LENGTH = struct.Struct("<I")

#: Kind of request -> whether a field comes with it.
KINDS = {
    "draft": True,
    "solve": True,
    "predict": True,
    "invert": True,
    "sample": False,
    "stop": False,
}


@dataclass(frozen=True, eq=False)
class Request:
    """What the page asks for, checked."""

    kind: str
    id: int
    n_pixels: int
    box: Box
    n_electrons: int = 2
    interaction: Interaction = default(default_factory=Interaction)
    strength: float = 1.0
    #: Largest residual of an inversion.
    tolerance: float = 1e-3
    #: A family of potentials, and the seed of the sample.
    family: str = ""
    seed: int = 0
    field: Array | None = None


def unpack(message: bytes) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """Return header and body of a message, or raise `DataError`."""
    if not isinstance(message, bytes) or not _LENGTH.size <= len(message) <= MOST_BYTES:
        raise DataError(f"a message must be {_LENGTH.size} to {MOST_BYTES} bytes")
    (length,) = _LENGTH.unpack_from(message)
    body = message[_LENGTH.size + length :]
    if length > _MOST_HEADER or _LENGTH.size + length > len(message) or len(body) % 4:
        raise DataError("the header and the fields of a message do not fill it")
    try:
        header = json.loads(message[_LENGTH.size : _LENGTH.size + length].decode())
    except (ValueError, RecursionError) as error:
        raise DataError(f"the header of a message is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise DataError("the header of a message must be an object")
    return header, np.frombuffer(body, "<f4")


def pack(header: Mapping[str, Any], fields: Sequence[NDArray[Any]] = ()) -> bytes:
    """Return a message; numbers that are not finite become null."""
    text = json.dumps(_plain(header), allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    bodies = (np.ascontiguousarray(each, "<f4").tobytes() for each in fields)
    return b"".join((_LENGTH.pack(len(text)), text, *bodies))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_request(message: bytes) -> Request:
    """Return the request in a message, or raise `DataError` or `UsageError`."""
    header, body = unpack(message)
    kind = header.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise UnknownNameError("request", str(shortened(kind)), KINDS)
    n_pixels = _whole(header, "n_pixels", FEWEST_PIXELS, MOST_PIXELS, 64)
    return Request(
        kind=kind,
        id=_whole(header, "id", 0, 2**31, 0),
        n_pixels=n_pixels,
        box=Box(_real(header, "length", *LENGTHS, 10.0)),
        n_electrons=_whole(header, "n_electrons", 1, MOST_ELECTRONS, 2),
        interaction=_interaction(header.get("interaction", {})),
        strength=_real(header, "strength", 0.0, MOST_STRENGTH, 1.0),
        tolerance=_real(header, "tolerance", 1e-5, 0.5, 1e-3),
        family=_text(header, "family"),
        seed=_whole(header, "seed", 0, MOST_SEED, 0),
        field=_field(body, n_pixels, KINDS[kind]),
    )


def _field(body: NDArray[np.float32], n_pixels: int, expected: bool) -> Array | None:
    if body.size != (n_pixels**2 if expected else 0):
        raise DataError(f"a field must be {n_pixels} x {n_pixels} numbers, got {body.size}")
    if not expected:
        return None
    field = body.astype(np.float64).reshape(n_pixels, n_pixels)
    if not np.isfinite(field).all() or np.abs(field).max() > MOST_VALUE:
        raise DataError(f"a field must be finite and at most {MOST_VALUE:g} in magnitude")
    return field


def _interaction(settings: Any) -> Interaction:
    if not isinstance(settings, dict) or not isinstance(settings.get("interaction", ""), str):
        raise DataError(f"an interaction must be a table of settings, got {shortened(settings)}")
    return Interaction.from_settings({"interaction": "coulomb", **settings})


def _whole(header: Mapping[str, Any], name: str, low: int, high: int, default: int) -> int:
    value = header.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise DataError(
            f"{name} must be a whole number from {low} to {high}, got {shortened(value)}"
        )
    return value


def _real(header: Mapping[str, Any], name: str, low: float, high: float, default: float) -> float:
    value = header.get(name, default)
    # NaN compares false with everything.
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
        raise DataError(f"{name} must be a number from {low:g} to {high:g}, got {shortened(value)}")
    return float(value)


def _text(header: Mapping[str, Any], name: str) -> str:
    value = header.get(name, "")
    if not isinstance(value, str) or len(value) > 100:
        raise DataError(f"{name} must be a short text, got {shortened(value)}")
    return value
