"""The file of compressed images.

Eight bytes ``keras-qd``, four bytes with the length of the header (little endian), the header as
JSON, and the latent numbers, deflated. The header says how many images there are, of which field,
in which precision, and which model alone can read them, by its digest. Nothing in it is code.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from keras_qd._files import replacing
from keras_qd.errors import DataError

MAGIC = b"keras-qd"
#: Version of the format; raised when an older reader would misread it.
VERSION = 1
#: No file of ours has a longer header.
_LONGEST_HEADER = 65536


@dataclass(frozen=True)
class Header:
    """What a file of compressed images says of itself.

    Parameters
    ----------
    run : str
        Where the run was whose model compressed, as it was named then.
    model : str
        SHA-256 of that model's file.
    field : str
        Name of the field.
    n_images : int
        How many images.
    latent_shape : tuple of int
        Shape of the latent numbers of one image.
    precision : str
        One of :data:`keras_qd.compression.quantise.PRECISIONS`.
    dtype : str
        NumPy type of the images that were given.
    """

    run: str
    model: str
    field: str
    n_images: int
    latent_shape: tuple[int, ...]
    precision: str
    dtype: str


def write_container(path: Path, header: Header, content: bytes) -> int:
    """Write a file, whole or not at all, and return its number of bytes."""
    described = json.dumps({"version": VERSION, **asdict(header)}).encode()
    whole = MAGIC + len(described).to_bytes(4, "little") + described + zlib.compress(content, 9)
    with replacing(path) as temporary:
        temporary.write_bytes(whole)
    return len(whole)


def read_container(path: Path) -> tuple[Header, bytes]:
    """Read what :func:`write_container` wrote.

    Raises
    ------
    DataError
        If there is no such file, it is something else, of a newer version, or damaged.
    """
    try:
        whole = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    length = int.from_bytes(whole[8:12], "little")
    if whole[:8] != MAGIC or length > _LONGEST_HEADER:
        raise DataError(f"{path} is no file of compressed images; keras-qd compress makes them")
    try:
        described = json.loads(whole[12 : 12 + length])
        version = described.pop("version")
        if version > VERSION:
            raise DataError(f"{path} was written by a newer keras-qd; upgrade it to read this")
        header = Header(**described)
        content = zlib.decompress(whole[12 + length :])
        return _checked(header), content
    except (ValueError, TypeError, KeyError, AttributeError, zlib.error) as cause:
        if isinstance(cause, DataError):
            raise
        raise DataError(f"{path} is damaged: {cause}") from cause


def _checked(header: Header) -> Header:
    """Return the header with its shape as a tuple, or raise a ValueError or TypeError."""
    words = (header.run, header.model, header.field, header.precision, header.dtype)
    counts = (header.n_images, *header.latent_shape)
    if not all(isinstance(word, str) for word in words) or np.dtype(header.dtype).kind not in "fiu":
        raise ValueError("its header makes no sense")
    if not all(isinstance(count, int) and count > 0 for count in counts):
        raise ValueError(f"no images of {header.latent_shape!r} latent numbers")
    return replace(header, latent_shape=tuple(header.latent_shape))
