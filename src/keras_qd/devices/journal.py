"""A journal of solved points, so that a diagram that was stopped resumes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError

Array = NDArray[np.float64]

#: A point of the lattice (column, row) and a number of electrons.
Key = tuple[int, int, int]


class Journal:
    """Solved points in a file of JSON lines; without a path they are kept in memory alone."""

    def __init__(self, path: str | PathLike[str] | None, header: Mapping[str, Any]) -> None:
        self._path = None if path is None else Path(path)
        self._known: dict[Key, Array] = {}
        if self._path is None:
            return
        lines = self._path.read_text("utf-8").splitlines() if self._path.exists() else []
        if lines:
            self._read(lines, dict(header))
        else:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(header) + "\n", encoding="utf-8")

    def __contains__(self, key: Key) -> bool:
        return key in self._known

    def __getitem__(self, key: Key) -> Array:
        return self._known[key]

    def __len__(self) -> int:
        return len(self._known)

    def items(self) -> list[tuple[Key, Array]]:
        """Return all points and what was found there."""
        return sorted(self._known.items())

    def add(self, key: Key, row: Array) -> None:
        """Remember what was found at a point."""
        self._known[key] = row
        if self._path is not None:
            values = [None if np.isnan(value) else float(value) for value in row]
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([*map(int, key), *values]) + "\n")

    def _read(self, lines: list[str], header: dict[str, Any]) -> None:
        """Read a journal; a last line that was cut off is solved again."""
        try:
            found = json.loads(lines[0])
        except ValueError:
            found = None
        if found != json.loads(json.dumps(header)):
            raise UsageError(
                f"{self._path} belongs to another diagram: choose another file, or remove it"
            )
        good = [lines[0]]
        for line in lines[1:]:
            try:
                i, j, n, *values = json.loads(line)
            except ValueError:
                break
            good.append(line)
            self._known[i, j, n] = np.array(
                [np.nan if value is None else value for value in values], dtype=np.float64
            )
        if self._path is not None and len(good) < len(lines):
            self._path.write_text("\n".join(good) + "\n", encoding="utf-8")
