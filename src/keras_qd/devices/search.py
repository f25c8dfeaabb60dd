"""Search for the lines of a diagram: squares are divided until bounds decide every pixel.

Solved points go into a journal, so that an interrupted diagram resumes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd._files import parse_json, write_synced
from keras_qd._parallel import Workers
from keras_qd.devices.device import Device
from keras_qd.errors import PhysicsError, UsageError

Array = NDArray[np.float64]
Point = tuple[int, int]

#: Columns x0 to x1 and rows y0 to y1 of the lattice, both ends included.
Cell = tuple[int, int, int, int]

#: Default error of the density of two electrons, per electron: energies are then good to some
#: 0.01 meV, a fraction of what they change by from pixel to pixel.
ACCURACY = 3e-3

#: Numbers of a solved point before the charges: energy, two slopes, gap.
N_NUMBERS = 4

#: Pixels along a side of the squares that the search begins with.
_COARSE = 16

#: A square in which the charge of a region changes by more, at one number of electrons, holds a
#: transition between dots, and is divided.
_CHARGE_STEP = 0.35


class Points:
    """Solved points of a diagram; energies along the lattice, slopes per pixel."""

    def __init__(
        self,
        device: Device,
        gates: tuple[str, str],
        axes: tuple[Array, Array],
        fixed: dict[str, float],
        max_electrons: int,
        journal: Journal,
        accuracy: float = ACCURACY,
    ) -> None:
        self.device, self.gates, self.axes, self.fixed = device, gates, axes, fixed
        self.max_electrons, self.journal, self.accuracy = max_electrons, journal, accuracy
        self.workers: Workers | None = None

    def solve(self, points: Iterable[Point]) -> None:
        """Add electrons at points until none is bound any more."""
        points = set(points)
        while missing := {key for point in points if (key := self._next(point)) is not None}:
            for key, row in self.rows(sorted(missing)):
                self.journal.add(key, row)

    def energy(self, point: Point, n: int) -> float:
        """E_N in meV; nan where it is not known."""
        if n == 0:
            return 0.0
        return float(self.journal[*point, n][0]) if (*point, n) in self.journal else np.nan

    def ground(self, point: Point) -> int:
        """Electrons of the ground state at a solved point, -1 where one was refused."""
        energies = [self.energy(point, n) for n in range(self.max_electrons + 1)]
        known = [n for n, energy in enumerate(energies) if np.isfinite(energy)]
        if any((*point, n) in self.journal and n not in known for n in range(1, len(energies))):
            return -1
        return min(known, key=lambda n: energies[n])

    def row(self, point: Point, n: int) -> Array:
        """Energy, slopes along x and y, gap, charges; zeros without electrons."""
        if n == 0:
            return np.zeros(N_NUMBERS + len(self.device.regions))
        return self.journal[*point, n]

    def _next(self, point: Point) -> Key | None:
        """Return the next number of electrons to be solved for at a point."""
        for n in range(1, self.max_electrons + 1):
            if (*point, n) not in self.journal:
                return (*point, n)
            if not self.energy(point, n) < self.energy(point, n - 1):
                return None
        return None

    def rows(self, keys: list[Key]) -> Iterable[tuple[Key, Array]]:
        """Solve for points and numbers of electrons, in any order."""
        tasks = [(key, self._arguments(key)) for key in keys]
        if self.workers is None:
            return ((key, solve_point(*arguments)) for key, arguments in tasks)
        return self.workers.run(solve_point, tasks)

    def _arguments(self, key: Key) -> tuple[Any, ...]:
        i, j, n = key
        swept = dict(zip(self.gates, (float(self.axes[0][i]), float(self.axes[1][j])), strict=True))
        return self.device, self.gates, {**self.fixed, **swept}, n, self.accuracy


def solve_point(
    device: Device, gates: tuple[str, str], voltages: dict[str, float], n: int, accuracy: float
) -> Array:
    """Return energy, slopes along both gates, gap and charges; nan where refused."""
    try:
        state = device.charge_state(voltages, n, accuracy=accuracy)
    except PhysicsError:
        return np.full(N_NUMBERS + len(device.regions), np.nan)
    slopes = [state.slopes[device.gate_names.index(gate)] for gate in gates]
    return np.array([state.energy.value, *slopes, state.gap, *state.charges], dtype=np.float64)


class Search:
    """Division of the diagram into squares in which the bounds decide."""

    def __init__(self, points: Points, n: int, progress: Callable[[int, int], None] | None) -> None:
        self._points, self._n = points, n
        self._progress = progress or (lambda done, total: None)
        self._steps = [float(axis[1] - axis[0]) for axis in points.axes]
        n_regions = len(points.device.regions)
        self._n_electrons = np.full((n, n), -2, dtype=np.int64)
        self._energies = np.full((points.max_electrons + 1, n, n), np.nan)
        self._charges = np.full((n_regions, n, n), np.nan)

    def run(self) -> tuple[NDArray[np.int64], Array, Array]:
        """Return number of electrons, energies in meV and charges of all pixels."""
        n_coarse = max(2, -(-(self._n - 1) // _COARSE) + 1)
        edges = np.unique(np.rint(np.linspace(0, self._n - 1, n_coarse)).astype(int)).tolist()
        spans = list(pairwise(edges))
        cells = [(*x, *y) for y in spans for x in spans]
        while cells:
            self._points.solve(corner for cell in cells for corner in _corners(cell))
            cells = [part for cell in cells if not self._decide(cell) for part in _divide(cell)]
            self._progress(int((self._n_electrons > -2).sum()), self._n**2)
        return self._n_electrons, self._energies, self._charges

    def _decide(self, cell: Cell) -> bool:
        """Fill the pixels of a square, unless it has to be divided."""
        corners = _corners(cell)
        grounds = [self._points.ground(corner) for corner in corners]
        smallest = cell[1] - cell[0] <= 1 and cell[3] - cell[2] <= 1
        if -1 in grounds:
            if smallest or set(grounds) == {-1}:
                self._fill_refused(cell, corners, grounds)
                return True
            return False
        numbers = [
            n
            for n in range(self._points.max_electrons + 1)
            if all(np.isfinite(self._points.energy(corner, n)) for corner in corners)
        ]
        if not set(grounds) <= set(numbers):
            # A number of electrons that is bound at one corner was not asked for at another.
            self._complete(corners, range(max(grounds) + 1))
            return self._decide(cell)
        bounds = _Bounds(cell, numbers, self._points, self._steps)
        if not smallest and not bounds.decided():
            return False
        self._fill(bounds)
        return True

    def _complete(self, corners: list[Point], numbers: Iterable[int]) -> None:
        missing = [
            (*corner, n)
            for corner in corners
            for n in numbers
            if n and (*corner, n) not in self._points.journal
        ]
        for key, row in self._points.rows(missing):
            self._points.journal.add(key, row)

    def _fill(self, bounds: _Bounds) -> None:
        rows, columns = bounds.rows, bounds.columns
        ground = bounds.ground
        self._n_electrons[rows, columns] = np.array(bounds.numbers)[ground]
        self._energies[np.array(bounds.numbers)[:, None], rows, columns] = bounds.estimate
        weights = bounds.weights
        charges = np.einsum("kcr,cm->krm", bounds.charges, weights)
        self._charges[:, rows, columns] = charges[ground, :, np.arange(len(rows))].T

    def _fill_refused(self, cell: Cell, corners: list[Point], grounds: list[int]) -> None:
        if set(grounds) == {-1}:
            x0, x1, y0, y1 = cell
            inside = self._n_electrons[y0 : y1 + 1, x0 : x1 + 1]
            inside[inside == -2] = -1
            return
        for (i, j), n in zip(corners, grounds, strict=True):
            self._n_electrons[j, i] = n
            if n >= 0:
                self._charges[:, j, i] = self._points.row((i, j), n)[N_NUMBERS:]
                for k in range(n + 1):
                    self._energies[k, j, i] = self._points.energy((i, j), k)


def _corners(cell: Cell) -> list[Point]:
    x0, x1, y0, y1 = cell
    return [(x0, y0), (x1, y0), (x0, y1), (x1, y1)]


def _divide(cell: Cell) -> list[Cell]:
    """Divide the longer sides of a square in the middle."""
    x0, x1, y0, y1 = cell
    columns = [(x0, (x0 + x1) // 2), ((x0 + x1) // 2, x1)] if x1 - x0 > 1 else [(x0, x1)]
    rows = [(y0, (y0 + y1) // 2), ((y0 + y1) // 2, y1)] if y1 - y0 > 1 else [(y0, y1)]
    return [(*x, *y) for y in rows for x in columns]


class _Bounds:
    """Bounds of the energies of several numbers of electrons at all pixels of a square."""

    def __init__(self, cell: Cell, numbers: list[int], points: Points, steps: list[float]) -> None:
        self.numbers = numbers
        x0, x1, y0, y1 = cell
        rows, columns = np.mgrid[y0 : y1 + 1, x0 : x1 + 1]
        self.rows, self.columns = rows.ravel(), columns.ravel()
        found = np.array([[points.row(corner, n) for corner in _corners(cell)] for n in numbers])
        self._values, self._slopes = found[:, :, 0], found[:, :, 1:3] * steps
        self.charges = found[:, :, N_NUMBERS:]
        self._sides = np.array([x1 - x0, y1 - y0])
        self._u = np.stack([(self.columns - x0) / (x1 - x0), (self.rows - y0) / (y1 - y0)])
        self._places = np.array([(0, 0), (1, 0), (0, 1), (1, 1)])

    @cached_property
    def weights(self) -> Array:
        """Weights of the corners at the pixels, linear along both directions."""
        u, w = self._u
        return np.array([(1 - u) * (1 - w), u * (1 - w), (1 - u) * w, u * w])

    @cached_property
    def upper(self) -> Array:
        """Lowest tangent, shape (k, m)."""
        distance = (self._u[None] - self._places[:, :, None]) * self._sides[:, None]
        tangents = self._values[:, :, None] + np.einsum("kcd,cdm->kcm", self._slopes, distance)
        return np.asarray(tangents.min(axis=1))

    @cached_property
    def lower(self) -> Array:
        """Highest chord: the square cut into triangles along either diagonal, shape (k, m)."""
        u, w = self._u
        zero = np.zeros_like(u)
        below = np.where(u >= w, [1 - u, u - w, zero, w], [1 - w, zero, w - u, u])
        other = np.where(u + w <= 1, [1 - u - w, u, w, zero], [zero, 1 - w, 1 - u, u + w - 1])
        return np.asarray(np.maximum(self._values @ below, self._values @ other))

    @cached_property
    def estimate(self) -> Array:
        """Energies by cubic interpolation along both directions, within the bounds."""
        u, w = self._u
        value = [(1 + 2 * t) * (1 - t) ** 2 for t in (u, w)]
        slope = [t * (1 - t) ** 2 for t in (u, w)]
        cubic = np.zeros_like(self.upper)
        for corner, (a, b) in enumerate(self._places):
            h = [value[k] if end == 0 else 1 - value[k] for k, end in enumerate((a, b))]
            g = [
                slope[k] if end == 0 else -(t**2) * (1 - t)
                for k, (end, t) in enumerate(zip((a, b), (u, w), strict=True))
            ]
            dx, dy = (self._slopes[:, corner] * self._sides).T
            cubic += self._values[:, corner, None] * (h[0] * h[1])
            cubic += dx[:, None] * (g[0] * h[1]) + dy[:, None] * (h[0] * g[1])
        return np.minimum(np.maximum(cubic, self.lower), self.upper)

    @cached_property
    def ground(self) -> NDArray[np.intp]:
        """Index of the lowest energy at each pixel."""
        return np.asarray(np.argmin(self.estimate, axis=0), dtype=np.intp)

    def decided(self) -> bool:
        """Whether the number of electrons is certain everywhere, to half a pixel."""
        pixels = np.arange(len(self.rows))
        upper, width = self.upper[self.ground, pixels], self.upper - self.lower
        own = width[self.ground, pixels]
        mean = self._slopes.mean(axis=1)
        steepness = np.linalg.norm(mean[:, None] - mean[self.ground], axis=-1)
        open_ = (self.lower < upper) & (width + own > steepness)
        open_[self.ground, pixels] = False
        if open_.any():
            return False
        present = np.unique(self.ground)
        return not (np.ptp(self.charges[present], axis=1) > _CHARGE_STEP).any()


#: A point of the lattice (column, row) and a number of electrons.
Key = tuple[int, int, int]


class Journal:
    """Solved points in a file of JSON lines; without a path they are kept in memory alone."""

    def __init__(
        self, path: str | PathLike[str] | None, header: Mapping[str, Any], n_values: int
    ) -> None:
        self._path = None if path is None else Path(path)
        self._known: dict[Key, Array] = {}
        if self._path is None:
            return
        lines = self._path.read_bytes().splitlines() if self._path.exists() else []
        if lines:
            self._read(lines, dict(header), n_values)
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

    def _read(self, lines: list[bytes], header: dict[str, Any], n_values: int) -> None:
        """Read a journal up to the first damaged line: what follows is solved again."""
        try:
            found = parse_json(lines[0])
        except ValueError:
            found = None
        if found != json.loads(json.dumps(header)):
            raise UsageError(
                f"{self._path} belongs to another diagram: choose another file, or remove it"
            )
        good = [lines[0]]
        for line in lines[1:]:
            row = _row(line, header["n"], n_values)
            if row is None:
                break
            good.append(line)
            self._known[row[0]] = row[1]
        if self._path is not None and len(good) < len(lines):
            write_synced(self._path, b"\n".join(good) + b"\n")


def _row(line: bytes, n: int, n_values: int) -> tuple[Key, Array] | None:
    """Return the point of a line and its values, or None if the line is damaged."""
    try:
        i, j, n_electrons, *values = parse_json(line)
    except (ValueError, TypeError):
        return None
    whole = all(type(each) is int for each in (i, j, n_electrons))
    if not whole or not (0 <= i < n and 0 <= j < n and n_electrons > 0):
        return None
    if len(values) != n_values or not all(each is None or type(each) is float for each in values):
        return None
    return (i, j, n_electrons), np.array([np.nan if each is None else each for each in values])
