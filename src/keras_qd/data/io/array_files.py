"""Arrays written to ``.npy`` and ``.npz`` files block by block, whole or not at all."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd._files import replacing
from keras_qd.data.fields import Field

Part = Mapping[str, NDArray[Any]]


@contextmanager
def writing_arrays(
    path: Path, fields: Mapping[str, Field], n_samples: int
) -> Iterator[Callable[[Part], None]]:
    """Yield what takes the next samples of all fields; the file appears when the block ends well.

    Parameters
    ----------
    path : Path
        A ``.npy`` file for one field, or a ``.npz`` file.
    fields : mapping of str to Field
        Shape and type of one sample of each.
    n_samples : int
        How many will come.

    Yields
    ------
    callable
        ``write(part)``, with an array by field.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{path.stem}.", dir=path.parent) as folder:
        parts = {name: Path(folder) / f"{name}.npy" for name in fields}
        with ExitStack() as opened:
            files = {name: opened.enter_context(part.open("wb")) for name, part in parts.items()}
            for name, field in fields.items():
                _write_header(files[name], (n_samples, *field.shape), field.dtype)

            def write(part: Part) -> None:
                for name, field in fields.items():
                    files[name].write(np.ascontiguousarray(part[name], dtype=field.dtype).data)

            yield write
        with replacing(path) as temporary:
            _assemble(temporary, parts)


def _write_header(file: Any, shape: tuple[int, ...], dtype: str) -> None:
    description = np.lib.format.dtype_to_descr(np.dtype(dtype))
    np.lib.format.write_array_header_1_0(
        file, {"descr": description, "fortran_order": False, "shape": shape}
    )


def _assemble(path: Path, parts: Mapping[str, Path]) -> None:
    """Make the file of its parts: an archive, or the only one."""
    if path.suffix == ".npy":
        shutil.move(next(iter(parts.values())), path)
        return
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for part in parts.values():
            archive.write(part, part.name)
