"""Data of gated devices: the data set ``gate-dots``, and stability diagrams as stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from keras_qd.data.fields import Field
from keras_qd.data.quantum_dots import QuantumDots
from keras_qd.data.recipes import Recipe
from keras_qd.data.store.store import Store
from keras_qd.data.store.writer import write_store
from keras_qd.data.stored import GeneratedDataset
from keras_qd.devices.device import Device
from keras_qd.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from keras_qd.devices.stability import StabilityDiagram


#: Two plungers and a barrier over 120 nm of GaAs, as a file describes a device.
DOUBLE_DOT: dict[str, Any] = {
    "side": 120.0,
    "material": "GaAs",
    "n_pixels": 32,
    "gates": [
        {"name": "left", "shape": "gaussian", "x": 45.0, "y": 60.0, "width": 20.0},
        {"name": "right", "shape": "gaussian", "x": 75.0, "y": 60.0, "width": 20.0},
        {
            "name": "barrier",
            "shape": "gaussian",
            "x": 60.0,
            "y": 60.0,
            "width": 8.0,
            "height": 30.0,
        },
    ],
}

#: Voltages of its gates in mV.
_RANGES = {"left": (0.0, 30.0), "right": (0.0, 30.0), "barrier": (-20.0, 10.0)}


@dataclass(frozen=True, kw_only=True)
class GateDots(Recipe):
    """Chemical potentials of a gate-defined device at random voltages.

    Parameters
    ----------
    seed : int
        Root seed.
    max_electrons : int
        Chemical potentials mu_1 to mu_N of so many electrons, 1 to 4.
    device : mapping
        Device as in a file that :meth:`keras_qd.devices.Device.load` reads, without arrays of its
        own. A double dot of two plungers and a barrier in
        GaAs by default.
    ranges : mapping of str to pair of float
        Lowest and highest voltage of each gate in mV; those of the double dot by default.

    Raises
    ------
    UsageError, UnknownNameError
        If a setting is out of range, or the device cannot be made.

    Examples
    --------
    >>> sample = GateDots(max_electrons=1).make(range(1))
    >>> sample["voltages"].shape, sample["chemical_potentials"].shape
    ((1, 3), (1, 1))
    """

    kind: ClassVar[str] = "gate-dots"
    version: ClassVar[int] = 1
    identity: ClassVar[str] = "voltages"

    max_electrons: int = field(default=3, metadata={"range": (1, 4)})
    device: Mapping[str, Any] = field(default_factory=dict)
    ranges: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        # What is stored is resolved, in the types that JSON has.
        object.__setattr__(self, "ranges", dict(self.ranges or ({} if self.device else _RANGES)))
        object.__setattr__(self, "device", dict(self.device or DOUBLE_DOT))
        if any("file" in dict(gate) for gate in self.device.get("gates", ())):
            raise UsageError("device: a gate from a file is not part of the settings; use shapes")
        object.__setattr__(self, "ranges", _checked_ranges(self.ranges, self._device.gate_names))

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of a sample, by name."""
        gates, numbers = self._device.gate_names, range(1, self.max_electrons + 1)
        return {
            "voltages": Field((len(gates),), "mV", "voltage of each gate", "float64", labels=gates),
            "chemical_potentials": Field(
                (len(numbers),),
                "meV",
                "energy that each electron adds, mu_N = E_N - E_(N-1)",
                "float64",
                labels=tuple(f"mu_{n}" for n in numbers),
            ),
        }

    def sample(self, generator: np.random.Generator) -> dict[str, Any]:
        """Draw voltages and solve for every number of electrons."""
        low, high = np.array([self.ranges[name] for name in self._device.gate_names]).T
        voltages = generator.uniform(low, high)
        return {"voltages": voltages, "chemical_potentials": self._solved(voltages)}

    def solve_again(self, samples: Mapping[str, np.ndarray]) -> None:
        """Solve at stored voltages again, to measure the cost of the solver.

        Parameters
        ----------
        samples : mapping of str to ndarray
            The stored fields, with the voltages (m, n_gates) in mV.
        """
        for voltages in samples[self.identity]:
            self._solved(voltages)

    def solver_description(self) -> str:
        """Return what :meth:`solve_again` runs: method, electrons and grid."""
        return (
            f"exact diagonalisation, N = 1 to {self.max_electrons}, {self._device.n_pixels} x "
            f"{self._device.n_pixels} pixels, {self._device.side:g} nm"
        )

    @property
    def n_checked(self) -> int:
        """How many samples are solved again."""
        return 2

    def label_errors(self, samples: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Estimate errors by solving again: of each sample the largest of its numbers, in meV."""
        potentials = np.array([self._potential(each) for each in samples[self.identity]])
        energies = [
            np.abs(each.label_errors({"potential": potentials})["energy"]) for each in self._dots
        ]
        largest = np.max([a + b for a, b in zip(energies, [0.0, *energies[:-1]], strict=True)], 0)
        return {"chemical_potentials": self._device.material.to_millielectronvolts(largest)}

    def _potential(self, voltages: np.ndarray) -> np.ndarray:
        names = self._device.gate_names
        return self._device.potential(dict(zip(names, map(float, voltages), strict=True)))

    def _solved(self, voltages: np.ndarray) -> np.ndarray:
        """Return the chemical potentials in meV."""
        potential = self._potential(voltages)
        energies = [0.0, *(float(each.solve(potential)["energy"]) for each in self._dots)]
        return np.asarray(self._device.material.to_millielectronvolts(np.diff(energies)))

    @cached_property
    def _device(self) -> Device:
        return Device.from_settings(self.device)

    @cached_property
    def _dots(self) -> list[QuantumDots]:
        """What solves one potential, for each number of electrons."""
        device = self._device
        settings = device.interaction.settings()
        shared = {"n_pixels": device.n_pixels, "box_length": device.box.length, **settings}
        return [QuantumDots(n_electrons=n, **shared) for n in range(1, self.max_electrons + 1)]


def _checked_ranges(ranges: Mapping[str, Any], gates: tuple[str, ...]) -> dict[str, list[float]]:
    """Return a range for each gate in the order of the gates, or raise."""
    for name in ranges:
        if name not in gates:
            raise UnknownNameError("gate", name, gates)
    missing = [name for name in gates if name not in ranges]
    if missing:
        raise UsageError(f"ranges: give the lowest and highest voltage in mV of {missing}")
    found = {}
    for name in gates:
        pair = np.asarray(ranges[name], dtype=object).tolist()
        numbers = isinstance(pair, list) and len(pair) == 2
        if not numbers or not all(isinstance(v, (int, float)) and np.isfinite(v) for v in pair):
            raise UsageError(f"ranges: {name}={ranges[name]!r} must be two finite voltages in mV")
        if pair[0] > pair[1]:
            raise UsageError(f"ranges: {name}={ranges[name]!r} must be lowest first")
        found[name] = [float(v) for v in pair]
    return found


#: The registered data set.
gate_dots = GeneratedDataset(GateDots, samples=1000)


def write_diagram(diagram: StabilityDiagram, path: str | PathLike[str]) -> Store:
    """Write a stability diagram as a data set, one row of constant second voltage per sample."""
    n = diagram.x.size
    # Energies that are out of the question are stored as 0 and marked by the number of levels.
    known = np.isfinite(diagram.energies).sum(axis=0)
    fields: dict[str, tuple[Field, Any]] = {
        "voltage_y": (Field((), "mV", f"voltage of {diagram.gate_y}"), diagram.y),
        "voltage_x": (
            Field((n,), "mV", f"voltage of {diagram.gate_x}"),
            np.tile(diagram.x, (n, 1)),
        ),
        "n_electrons": (
            Field((n,), "1", "electrons in the ground state, -1 where refused", "int32"),
            diagram.n_electrons,
        ),
        "energies": (
            Field((n, len(diagram.energies)), "meV", "E_N from N = 0 to n_known - 1, then 0"),
            np.nan_to_num(np.moveaxis(diagram.energies, 0, -1)),
        ),
        "n_known": (Field((n,), "1", "numbers of electrons with a known energy", "int32"), known),
        "charges": (
            Field((n, len(diagram.regions)), "1", f"electrons in {', '.join(diagram.regions)}"),
            np.nan_to_num(np.moveaxis(diagram.charges, 0, -1)),
        ),
    }
    return write_store(
        path,
        {name: field for name, (field, _) in fields.items()},
        lambda rows: {name: values[rows.start : rows.stop] for name, (_, values) in fields.items()},
        {"kind": "stability-diagram", "gates": [diagram.gate_x, diagram.gate_y]},
        n_samples=n,
    )
