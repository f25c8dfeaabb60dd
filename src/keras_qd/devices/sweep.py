"""Energies, exchange and lever arms of a device along the voltage of one gate."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from keras_qd._checks import csv_cell
from keras_qd._parallel import map_in_processes, usable_cores
from keras_qd.devices.device import ChargeState, Device, check_electrons
from keras_qd.errors import PhysicsError, UsageError

if TYPE_CHECKING:
    from distributed import Client

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Ground states along the voltage of a gate; `sweep_gate` makes it. Refused ones are nan.

    Parameters
    ----------
    gate : str
        Name of the gate.
    values : ndarray, shape (n,)
        Its voltages in mV.
    energies, errors : ndarray, shape (max_electrons + 1, n)
        E_N and their estimated errors in meV, those of no electrons 0.
    levers : ndarray, shape (max_electrons, n)
        Lever arm ``-d mu_N / dv`` of the gate, in meV / mV.
    exchange, exchange_error : ndarray, shape (n,)
        J of two electrons and its error in meV.

    Examples
    --------
    >>> sweep = sweep_gate(device, "barrier", [-20, -10, 0])  # doctest: +SKIP
    >>> sweep.exchange.round(3)  # doctest: +SKIP
    array([0.021, 0.173, 0.702])
    """

    gate: str
    values: Array
    energies: Array
    errors: Array
    levers: Array
    exchange: Array
    exchange_error: Array

    @property
    def chemical_potentials(self) -> Array:
        """Chemical potentials mu_N in meV, shape (max_electrons, n)."""
        return np.diff(self.energies, axis=0)

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write a line for each voltage.

        Parameters
        ----------
        path : str or path
            The file.
        """
        n = range(1, len(self.energies))
        header = [f"{self.gate} (mV)", "J (meV)", "error of J (meV)"]
        header += [f"{name}_{k} ({unit})" for k in n for name, unit in _COLUMNS]
        columns = [self.values, self.exchange, self.exchange_error]
        for k in n:
            columns += [self.energies[k], self.errors[k], self.levers[k - 1]]
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(map(csv_cell, header))
            writer.writerows(np.stack(columns, axis=1).tolist())


#: Columns of a table for each number of electrons.
_COLUMNS = (("E", "meV"), ("error of E", "meV"), ("lever arm", "meV / mV"))


def sweep_gate(
    device: Device,
    gate: str,
    values: Sequence[float] | Array,
    *,
    voltages: Mapping[str, float] | None = None,
    max_electrons: int = 2,
    workers: int | None = 1,
    scheduler: str | Client | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Sweep:
    """Solve a device along the voltage of one gate.

    Parameters
    ----------
    device : Device
        The device.
    gate : str
        Name of the gate.
    values : sequence of float
        Its voltages in mV.
    voltages : mapping of str to float, optional
        Voltages of the other gates in mV.
    max_electrons : int, default 2
        Largest number of electrons.
    workers : int, optional
        Processes that solve, default 1; None for one per usable core.
    scheduler : str or distributed.Client, optional
        Dask cluster that solves, instead of `workers`.
    progress : callable, optional
        Called with the number of voltages done and of all.

    Returns
    -------
    Sweep
        Energies in meV, voltages in mV.

    Raises
    ------
    UsageError, UnknownNameError
        If an argument makes no sense.

    Examples
    --------
    >>> from keras_qd.devices import Device, GaussianGate, sweep_gate
    >>> gates = [GaussianGate(name, x, 60, 22) for name, x in (("left", 40), ("right", 80))]
    >>> device = Device([*gates, GaussianGate("barrier", 60, 60, 10)], side=120, n_pixels=32)
    >>> sweep = sweep_gate(device, "barrier", [-40, 0], voltages={"left": 30, "right": 30})
    >>> bool(0 < sweep.exchange[0] < sweep.exchange[1])
    True
    """
    check_electrons(max_electrons)
    values, fixed = np.asarray(values, dtype=np.float64), dict(voltages or {})
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise UsageError("values must be one or more finite voltages in mV")
    if gate in fixed:
        raise UsageError(f"the swept gate {gate!r} must not be among the other voltages")
    device.voltages({**fixed, gate: 0.0})
    solve = partial(_states, device, gate, fixed, max_electrons)
    n_workers = usable_cores() if workers is None else workers
    found = map_in_processes(
        solve, values, n_workers=n_workers, scheduler=scheduler, progress=progress
    )
    index = device.gate_names.index(gate)
    rows = np.array([[_numbers(state, index) for state in states] for states in found])
    energies, errors, slopes = (np.pad(rows[:, :, k].T, ((1, 0), (0, 0))) for k in range(3))
    two = rows[:, 1, 3:].T if max_electrons > 1 else np.full((2, values.size), np.nan)
    return Sweep(gate, values, energies, errors, -np.diff(slopes, axis=0), *two)


def _states(
    device: Device, gate: str, fixed: dict[str, float], max_electrons: int, value: float
) -> list[ChargeState | None]:
    """Ground states at one voltage, None where the potential is refused."""
    voltages = {**fixed, gate: float(value)}
    states: list[ChargeState | None] = []
    for n in range(1, max_electrons + 1):
        try:
            states.append(device.charge_state(voltages, n))
        except PhysicsError:
            states.append(None)
    return states


def _numbers(state: ChargeState | None, gate: int) -> list[float]:
    """Energy, its error, slope, exchange and its error."""
    if state is None:
        return [np.nan] * 5
    energy, exchange = state.energy, state.exchange
    slope = float(state.slopes[gate])
    return [energy.value, energy.error, slope, exchange.value, exchange.error]
