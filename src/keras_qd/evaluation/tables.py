"""The table of the single systems: as CSV always, and as Parquet where pyarrow is installed."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.files import replacing

Array = NDArray[Any]

_SUFFIXES = (".csv", ".parquet")


def check_table_path(path: Path) -> None:
    """Raise unless a table can be written to `path`.

    Parameters
    ----------
    path : Path
        The file to be.

    Raises
    ------
    UsageError
        If its suffix is neither ``.csv`` nor ``.parquet``, or pyarrow is missing for the latter.
    """
    if path.suffix not in _SUFFIXES:
        raise UsageError(f"{path} must end in one of {', '.join(_SUFFIXES)}")
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise UsageError(
            f"{path} needs pyarrow: pip install 'keras-qd[parquet]', or choose a .csv file"
        )


def write_table(path: Path, columns: Mapping[str, Array]) -> None:
    """Write a table, whole or not at all.

    Parameters
    ----------
    path : Path
        A ``.csv`` or ``.parquet`` file.
    columns : mapping of str to ndarray, shape (n,)
        The columns, by name. CSV has as many digits as tell every number from its neighbours.

    Raises
    ------
    UsageError
        As :func:`check_table_path`.
    """
    check_table_path(path)
    with replacing(path) as temporary:
        if path.suffix == ".parquet":
            import pyarrow as pa
            from pyarrow import parquet

            parquet.write_table(pa.table(dict(columns)), temporary)
            return
        with temporary.open("w", encoding="utf-8", newline="") as file:
            print_csv(columns, file)


def print_csv(columns: Mapping[str, Array], file: TextIO) -> None:
    """Write a table as CSV to an open file."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


def read_table(path: Path) -> dict[str, Array]:
    """Read a table that :func:`write_table` wrote as CSV."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return {name: np.array(_column(rows, index)) for index, name in enumerate(header)}


def _column(rows: list[list[str]], index: int) -> list[Any]:
    """Return a column as numbers where all of it are numbers."""
    cells = [row[index] for row in rows]
    for kind in (int, float):
        try:
            return [kind(cell) for cell in cells]
        except ValueError:
            continue
    return cells
