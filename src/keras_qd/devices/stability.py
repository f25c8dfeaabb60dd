r"""Charge-stability diagrams by exact solutions where the number of electrons changes.

The ground-state energy of N electrons is concave in the voltages, since the Hamiltonian is linear
in them: tangents at solved points are upper bounds, chords lower ones. A square of the diagram is
divided until these bounds decide the number of electrons at every pixel, or pin the line on which
it changes to half a pixel. Chemical potentials are taken to rise with N.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd._checks import csv_cell, real, setting
from keras_qd._parallel import open_workers
from keras_qd.devices.device import Device, check_electrons
from keras_qd.devices.interdot import InterdotTransition, MergedDotsError, tunnel_coupling
from keras_qd.devices.search import ACCURACY, N_NUMBERS, Journal, Key, Points, Search
from keras_qd.errors import UsageError

if TYPE_CHECKING:
    from distributed import Client

Array = NDArray[np.float64]

#: Two configurations of electrons in the regions.
Configurations = tuple[tuple[int, ...], tuple[int, ...]]

#: Distance of the charges of the regions from whole electrons at the ends of a cut.
_WHOLE = 0.2

#: Elementary charge squared, in aF meV.
_CHARGE_SQUARED = 160.2176634


@dataclass(frozen=True, eq=False)
class StabilityDiagram:
    """Number of electrons of a device over the voltages of two gates; `stability_diagram` makes it.

    Parameters
    ----------
    gate_x, gate_y : str
        Names of the gates.
    x, y : ndarray, shape (n,)
        Their voltages in mV.
    regions : tuple of str
        Names of the regions.
    n_electrons : ndarray of int, shape (n, n)
        Electrons in the ground state, y first; -1 where the potential could not be solved.
    energies : ndarray, shape (max_electrons + 1, n, n)
        E_N in meV, the one of no electrons 0; nan where N is out of the question.
    charges : ndarray, shape (n_regions, n, n)
        Electrons in each region, together all electrons where the regions cover the box.
    solved : mapping
        What was found at each solved point (column, row) and number of electrons: energy in
        meV, slopes along x and y, gap, and charges of the regions.
    fixed : mapping of str to float
        Voltages of the other gates in mV.

    Examples
    --------
    >>> diagram = stability_diagram(device, "left", "right", ((0, 60), (0, 60)))  # doctest: +SKIP
    >>> diagram.n_electrons[0, 0]  # doctest: +SKIP
    np.int64(0)
    """

    gate_x: str
    gate_y: str
    x: Array
    y: Array
    regions: tuple[str, ...]
    n_electrons: NDArray[np.int64]
    energies: Array
    charges: Array
    solved: Mapping[Key, Array]
    fixed: Mapping[str, float] = field(default_factory=dict)

    @property
    def chemical_potentials(self) -> Array:
        """Chemical potentials mu_N in meV, shape (max_electrons, n, n)."""
        return np.diff(self.energies, axis=0)

    @cached_property
    def occupations(self) -> NDArray[np.int64]:
        """Whole electrons in each region that sum to `n_electrons`, shape (n_regions, n, n)."""
        # Where electrons are shared, the largest remainders are rounded up.
        charges = np.nan_to_num(self.charges)
        whole = np.floor(charges + 1e-9).astype(np.int64)
        missing = np.maximum(self.n_electrons, 0) - whole.sum(axis=0)
        rank = np.argsort(np.argsort(whole - charges, axis=0, kind="stable"), axis=0)
        return np.asarray(whole + (rank < missing))

    @property
    def transitions(self) -> NDArray[np.bool_]:
        """Pixels next to which the charges of the regions change, shape (n, n)."""
        edges = np.zeros(self.n_electrons.shape, dtype=bool)
        for numbers in (self.n_electrons, *self.occupations):
            edges[1:] |= numbers[1:] != numbers[:-1]
            edges[:, 1:] |= numbers[:, 1:] != numbers[:, :-1]
        return edges

    def lever_arms(self, row: int, column: int) -> dict[str, float]:
        """Lever arms of both gates on the next electron, at the solved point nearest to a pixel.

        Parameters
        ----------
        row, column : int
            The pixel.

        Returns
        -------
        dict of str to float
            ``-d mu_(N + 1) / dv`` in meV / mV, by Hellmann and Feynman.

        Raises
        ------
        UsageError
            If no solved point has another electron to add.
        """
        slopes = {
            key: row_[1:3] - (self.solved[*key[:2], key[2] - 1][1:3] if key[2] > 1 else 0.0)
            for key, row_ in self.solved.items()
            if key[2] == 1 or (*key[:2], key[2] - 1) in self.solved
        }
        wanted = int(self.n_electrons[row, column]) + 1
        near = [key for key in slopes if key[2] == wanted]
        if not near:
            raise UsageError(f"no solved point has {wanted} electrons: raise max_electrons")
        nearest = min(near, key=lambda key: np.hypot(key[0] - column, key[1] - row))
        return dict(zip((self.gate_x, self.gate_y), (-slopes[nearest]).tolist(), strict=True))

    def interdot_transitions(self, device: Device) -> list[InterdotTransition]:
        """Tunnel couplings at the lines on which one electron changes the region.

        Parameters
        ----------
        device : Device
            The device of the diagram.

        Returns
        -------
        list of InterdotTransition
            One for each pair of configurations, from exact energies on a cut through the middle of
            their line. Pairs whose charges are shared on both sides, or whose levels do not avoid
            each other, as in a single wide dot, are left out.

        Raises
        ------
        PhysicsError
            If a potential on a cut is too sharp.
        """
        found = []
        for pair, edges in sorted(self._interdot_edges().items()):
            middle = np.array(edges)[:, :2]
            nearest = int(np.argmin(np.linalg.norm(middle - np.median(middle, axis=0), axis=1)))
            ends = self._cut(device, pair, middle[nearest])
            if ends is not None:
                with suppress(MergedDotsError):
                    found.append(tunnel_coupling(device, *ends, sum(pair[0])))
        return found

    def _interdot_edges(self) -> dict[Configurations, list[tuple[float, float]]]:
        """Pairs of configurations -> points (x, y) in mV between pixels of either."""
        edges: dict[Configurations, list[tuple[float, float]]] = {}
        n_y, n_x = self.n_electrons.shape
        for row, column in np.ndindex(n_y, n_x):
            here = tuple(self.occupations[:, row, column].tolist())
            for i, j in ((row, column + 1), (row + 1, column)):
                if i == n_y or j == n_x or self.n_electrons[i, j] != self.n_electrons[row, column]:
                    continue
                there = tuple(self.occupations[:, i, j].tolist())
                change = np.subtract(there, here)
                if np.abs(change).sum() == 2 and np.abs(change).max() == 1:
                    first, last = sorted((here, there), reverse=True)
                    middle = (self.x[column] + self.x[j]) / 2, (self.y[row] + self.y[i]) / 2
                    edges.setdefault((first, last), []).append((float(middle[0]), float(middle[1])))
        return edges

    def _cut(
        self, device: Device, pair: Configurations, centre: Array
    ) -> tuple[dict[str, float], dict[str, float]] | None:
        """Voltages on both sides of a line where the charges are whole, or None."""
        n = sum(pair[0])
        slopes = [
            np.mean(rows, axis=0)
            for each in pair
            if (
                rows := [
                    row[1:3]
                    for key, row in self.solved.items()
                    if key[2] == n and np.abs(row[N_NUMBERS:] - each).max() < _WHOLE
                ]
            )
        ]
        if len(slopes) < 2:
            return None
        across = (slopes[0] - slopes[1]) / np.linalg.norm(slopes[0] - slopes[1])
        step = max(self.x[1] - self.x[0], self.y[1] - self.y[0])
        most = max(np.ptp(self.x), np.ptp(self.y))
        ends: list[dict[str, float]] = []
        for each, sign in zip(pair, (-1.0, 1.0), strict=True):
            for reach in np.arange(step, most, step):
                x, y = centre + sign * reach * across
                voltages = {**self.fixed, self.gate_x: float(x), self.gate_y: float(y)}
                charges = device.charge_state(voltages, n, accuracy=ACCURACY).charges
                if np.abs(charges - each).max() < _WHOLE:
                    ends.append(voltages)
                    break
        return (ends[0], ends[1]) if len(ends) == 2 else None

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write voltages, number of electrons, charges and energies, one line per pixel.

        Parameters
        ----------
        path : str or path
            The file.
        """
        names = [f"E_{n} (meV)" for n in range(1, len(self.energies))]
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            heads = [f"{self.gate_x} (mV)", f"{self.gate_y} (mV)", "electrons", *self.regions]
            writer.writerow(map(csv_cell, [*heads, *names]))
            for row, column in np.ndindex(self.n_electrons.shape):
                writer.writerow(
                    [
                        self.x[column],
                        self.y[row],
                        self.n_electrons[row, column],
                        *self.charges[:, row, column].round(4),
                        *self.energies[1:, row, column].round(6),
                    ]
                )

    def capacitance_model(self) -> CapacitanceModel:
        """Fit the constant-interaction model to the points with whole electrons in every region.

        Returns
        -------
        CapacitanceModel
            Capacitances in aF.

        Raises
        ------
        UsageError
            If the solved points do not determine it: two regions, each with up to two electrons.
        """
        rows = [
            ((self.x[key[0]], self.y[key[1]]), row[N_NUMBERS:], row[0])
            for key, row in self.solved.items()
            if np.isfinite(row[0]) and _distance_to_whole(row[N_NUMBERS:]) < 0.1
        ]
        if not rows or len(self.regions) != 2:
            raise UsageError("a capacitance model needs two regions with whole electrons in each")
        v = np.array([each[0] for each in rows])
        n = np.rint([each[1] for each in rows])
        first, second = n.T
        # The energy of a `CapacitanceModel`, linear in what is looked for.
        design = np.stack(
            [
                first * (first - 1) / 2,
                second * (second - 1) / 2,
                first * second,
                *(count for count in n.T),
                *(-count * voltage for count in n.T for voltage in v.T),
            ],
            axis=1,
        )
        energies = np.array([each[2] for each in rows])
        found, _, rank, _ = np.linalg.lstsq(design, energies, rcond=1e-9)
        if rank < design.shape[1]:
            raise UsageError(
                "the diagram does not determine a capacitance model: it needs points with two "
                "electrons in each region and one in both; widen the ranges or raise max_electrons"
            )
        residual = float(np.sqrt(np.mean((design @ found - energies) ** 2)))
        charging = np.array([[found[0], found[2]], [found[2], found[1]]])
        return CapacitanceModel(charging, found[5:].reshape(2, 2), found[3:5], residual)


@dataclass(frozen=True, eq=False)
class CapacitanceModel:
    r"""Constant-interaction model of a double dot, fitted to exact energies.

    .. math:: E = \sum_{i \le k} U_{ik} n_i (n_k - \delta_{ik}) / (1 + \delta_{ik})
              + \sum_i n_i (\epsilon_i - \sum_g \alpha_{ig} v_g)

    Parameters
    ----------
    charging : ndarray, shape (2, 2)
        U in meV.
    levers : ndarray, shape (2, 2)
        alpha, dots first, then gates.
    offsets : ndarray, shape (2,)
        epsilon in meV.
    residual : float
        Root mean square of what the model leaves, in meV.

    Examples
    --------
    >>> model = CapacitanceModel(np.array([[4.0, 1.0], [1.0, 4.0]]), np.eye(2), np.zeros(2), 0.0)
    >>> model.cdd.round(1)
    array([[ 42.7, -10.7],
           [-10.7,  42.7]])
    """

    charging: Array
    levers: Array
    offsets: Array
    residual: float

    @property
    def cdd(self) -> Array:
        """Capacitances between dots in aF, Maxwell's form (qarray's ``cdd``)."""
        return np.asarray(_CHARGE_SQUARED * np.linalg.inv(self.charging))

    @property
    def cgd(self) -> Array:
        """Capacitances between dots and gates in aF, Maxwell's form: negative (``cgd``)."""
        return np.asarray(-self.cdd @ self.levers)

    def to_csv(
        self, path: str | PathLike[str], dots: tuple[str, ...], gates: tuple[str, ...]
    ) -> None:
        """Write ``cdd`` and ``cgd`` in aF, a line for each dot.

        Parameters
        ----------
        path : str or path
            The file.
        dots, gates : tuple of str
            Their names.
        """
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["dot", *(csv_cell(f"{name} (aF)") for name in (*dots, *gates))])
            for name, between, to_gates in zip(dots, self.cdd, self.cgd, strict=True):
                writer.writerow([csv_cell(name), *between, *to_gates])


def stability_diagram(
    device: Device,
    gate_x: str,
    gate_y: str,
    ranges: tuple[tuple[float, float], tuple[float, float]],
    n: int = 100,
    *,
    voltages: Mapping[str, float] | None = None,
    max_electrons: int = 3,
    accuracy: float = ACCURACY,
    workers: int | None = 1,
    scheduler: str | Client | None = None,
    journal: str | PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> StabilityDiagram:
    """Compute the number of electrons over the voltages of two gates, by exact solutions.

    Parameters
    ----------
    device : Device
        The device.
    gate_x, gate_y : str
        Names of the gates that are swept.
    ranges : pair of pair of float
        Lowest and highest voltage of each in mV, x first.
    n : int, default 100
        Pixels along a side.
    voltages : mapping of str to float, optional
        Voltages of the other gates in mV.
    max_electrons : int, default 3
        Largest number of electrons.
    accuracy : float, default 3e-3
        Density error that two electrons may have, per electron. The default keeps every line to
        half a pixel of a diagram of some 100 x 100 pixels.
    workers : int, optional
        Processes that solve, default 1; None for one per usable core.
    scheduler : str or distributed.Client, optional
        A Dask cluster that solves instead.
    journal : str or path, optional
        File of solved points: stopped at any moment, the same call resumes from it.
    progress : callable, optional
        Called with the number of pixels decided and of all.

    Returns
    -------
    StabilityDiagram
        Energies in meV, voltages in mV.

    Raises
    ------
    UsageError, UnknownNameError
        If an argument makes no sense, or the journal is of another diagram.

    Examples
    --------
    >>> from keras_qd.devices import Device, GaussianGate, stability_diagram
    >>> gates = [GaussianGate(name, x, 60, 22) for name, x in (("left", 40), ("right", 80))]
    >>> device = Device(gates, side=120, n_pixels=32)
    >>> diagram = stability_diagram(
    ...     device, "left", "right", ((-10, 20), (-10, 20)), n=9, max_electrons=1
    ... )
    >>> int(diagram.n_electrons[0, 0]), int(diagram.n_electrons[-1, -1])
    (0, 1)
    """
    axes = _axes(ranges, n)
    fixed = dict(voltages or {})
    device.voltages({**fixed, gate_x: 0.0, gate_y: 0.0})
    if gate_x == gate_y or {gate_x, gate_y} & fixed.keys():
        raise UsageError(
            "the two swept gates must differ, and must not be among the other voltages"
        )
    check_electrons(max_electrons)
    setting("accuracy", accuracy, real(1e-6, 0.1))
    header = {
        "device": _digest(device),
        "gates": [gate_x, gate_y],
        "ranges": [list(map(float, pair)) for pair in ranges],
        "n": n,
        "voltages": fixed,
        "accuracy": accuracy,
    }
    kept = Journal(journal, header, N_NUMBERS + len(device.regions))
    points = Points(device, (gate_x, gate_y), axes, fixed, max_electrons, kept, accuracy)
    alone = scheduler is None and workers == 1
    with nullcontext() if alone else open_workers(workers, scheduler) as points.workers:
        number, energies, charges = Search(points, n, progress).run()
    names, solved = tuple(device.regions), dict(points.journal.items())
    return StabilityDiagram(gate_x, gate_y, *axes, names, number, energies, charges, solved, fixed)


def _distance_to_whole(charges: Array) -> float:
    return float(np.abs(charges - np.rint(charges)).max())


def _axes(ranges: Any, n: int) -> tuple[Array, Array]:
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not 2 <= n <= 2000:
        raise UsageError(f"n must be a whole number of 2 to 2,000 pixels, got {n!r}")
    try:
        (x0, x1), (y0, y1) = ((float(low), float(high)) for low, high in ranges)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"ranges must be ((x_low, x_high), (y_low, y_high)) in mV, got {ranges!r}"
        ) from error
    if not (np.isfinite([x0, x1, y0, y1]).all() and x0 < x1 and y0 < y1):
        raise UsageError(f"ranges must be finite and increasing, got {ranges!r}")
    return np.linspace(x0, x1, n), np.linspace(y0, y1, n)


def _digest(device: Device) -> str:
    """Digest of all that the energies of a device depend on."""
    numbers = hashlib.sha256(repr((device.side, device.material, device.interaction)).encode())
    for array in (device.shares, device.potential({}), *device.regions.values()):
        numbers.update(np.ascontiguousarray(array).tobytes())
    return numbers.hexdigest()
