"""A device of gates: voltages in mV, lengths in nm and energies in meV, in and out."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd._checks import open_npy
from keras_qd.devices.gates import Gate, gate_from
from keras_qd.errors import DataError, UnknownNameError, UsageError
from keras_qd.physics.box import FEWEST_PIXELS, Box
from keras_qd.physics.interactions import Interaction, as_interaction
from keras_qd.physics.quantities import Estimate
from keras_qd.physics.solution import Solution
from keras_qd.physics.solver import Solver
from keras_qd.physics.two_electrons import PairBatch, solve_batch
from keras_qd.physics.units import Material
from keras_qd.physics.units import material as named_material

#: Pixels along a side.
MOST_PIXELS = 512

Array = NDArray[np.float64]

#: Largest number of electrons that a device is solved for.
MOST_ELECTRONS = 6

#: Points along a side of the grids that two electrons are tried on where errors are not asked for.
_PAIR_GRIDS = (10, 14)

#: Side of the box in nm.
_SIDES = (1.0, 1e4)

#: Largest share of a gate's voltage below which it acts nowhere in the box.
_LEAST_SHARE = 1e-6

#: What one electron has for an exchange energy.
_NO_EXCHANGE = Estimate(math.nan)


@dataclass(frozen=True)
class ChargeState:
    """Ground state of a fixed number of electrons at given voltages.

    Parameters
    ----------
    energy : Estimate
        In meV.
    slopes : ndarray, shape (n_gates,)
        dE/dv for each gate, in meV / mV: minus the lever arms (Hellmann and Feynman).
    charges : ndarray, shape (n_regions,)
        Electrons in each region of the device.
    gap : float
        Distance to the next level in meV.
    exchange : Estimate, optional
        Of two electrons and more, in meV: see :class:`keras_qd.physics.Solution`.

    Examples
    --------
    >>> ChargeState(Estimate(-3.2, 0.01), np.array([-0.2]), np.array([1.0]), 2.0).energy.value
    -3.2
    """

    energy: Estimate
    slopes: Array
    charges: Array
    gap: float
    exchange: Estimate = _NO_EXCHANGE


class Device:
    """Gates above a plane of electrons in a square box.

    A positive voltage on a gate attracts electrons: ``V = background - sum_g v_g share_g``.

    Parameters
    ----------
    gates : sequence of Gate
        `RectangularGate`, `GaussianGate`, `ArrayGate`, or anything with a name and a `share`.
    side : float
        Side of the box in nm.
    material : str or Material, default "GaAs"
        Semiconductor, by name (`physics.material_names`) or with constants of your own.
    n_pixels : int, default 48
        Pixels along the side.
    background : float or ndarray, default 0
        Energy of an electron without voltages in meV, at the pixel centres.
    interaction : str or Interaction, default "coulomb"
        Lengths in a0* of the material.
    regions : mapping of str to ndarray, optional
        Masks over the pixels whose electrons are counted; the left and the right half by default.

    Raises
    ------
    UsageError, UnknownNameError
        If an argument makes no sense, two gates share a name, or the material is unknown.

    Examples
    --------
    >>> from keras_qd.devices import Device, GaussianGate
    >>> gates = [GaussianGate(name, x, 60, 22) for name, x in (("left", 40), ("right", 80))]
    >>> device = Device(gates, side=120, material="GaAs")
    >>> device.gate_names, device.potential({"left": 30, "right": 30}).shape
    (('left', 'right'), (48, 48))
    """

    def __init__(
        self,
        gates: Sequence[Gate],
        side: float,
        material: str | Material = "GaAs",
        *,
        n_pixels: int = 48,
        background: float | ArrayLike = 0.0,
        interaction: str | Interaction = "coulomb",
        regions: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        if not (_is_number(side) and _SIDES[0] <= side <= _SIDES[1]):
            raise UsageError(f"side must be 1 to 10,000 nm, got {side!r}")
        if isinstance(n_pixels, bool) or not isinstance(n_pixels, (int, np.integer)):
            raise UsageError(f"n_pixels must be a whole number, got {n_pixels!r}")
        if not FEWEST_PIXELS <= n_pixels <= MOST_PIXELS:
            raise UsageError(f"n_pixels must be {FEWEST_PIXELS} to {MOST_PIXELS}, got {n_pixels}")
        self.gates = tuple(gates)
        self.material = named_material(material) if isinstance(material, str) else material
        self.side, self.n_pixels = float(side), int(n_pixels)
        self.box = Box(float(self.material.from_nanometres(self.side)))
        self.interaction = as_interaction(interaction)
        _check_names(self.gate_names)
        self._background = self._field(background, "background")
        self.regions = self._masks(regions)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Device:
        """Read a device from a TOML file.

        Parameters
        ----------
        path : str or path
            The file: ``side``, ``material``, ``n_pixels``, ``background`` and ``interaction`` as
            above, and a table ``[[gates]]`` for each gate with its ``shape`` (``rectangle``,
            ``gaussian``, or ``array`` with ``file``, a .npy beside it) and settings.

        Returns
        -------
        Device

        Raises
        ------
        DataError
            If the file cannot be read.
        UsageError, UnknownNameError
            If a setting is unknown or makes no sense.
        """
        path = Path(path)
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"{path}: not a readable TOML file: {error}") from error
        return cls.from_settings(settings, folder=path.parent)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], folder: Path | None = None) -> Device:
        """Return the device that a mapping describes, as `load` reads it.

        Parameters
        ----------
        settings : mapping
            As in a file.
        folder : path, optional
            Where the files of array gates lie.

        Returns
        -------
        Device
        """
        known = ("gates", "side", "material", "n_pixels", "background", "interaction")
        for name in settings:
            if name not in known:
                raise UnknownNameError("setting of a device", name, known)
        tables = settings.get("gates")
        if not isinstance(tables, Sequence) or not all(isinstance(row, Mapping) for row in tables):
            raise UsageError("a device needs a table [[gates]] for each of its gates")
        if "side" not in settings:
            raise UsageError("a device needs its side in nm: side = 120")
        gates = [gate_from(_with_array(dict(table), folder)) for table in tables]
        interaction = settings.get("interaction", "coulomb")
        if isinstance(interaction, Mapping):
            try:
                interaction = Interaction(**interaction)
            except TypeError as error:
                raise UsageError(f"interaction: {error}") from error
        rest = {k: v for k, v in settings.items() if k not in ("gates", "interaction")}
        return cls(gates, interaction=interaction, **rest)

    @property
    def gate_names(self) -> tuple[str, ...]:
        """Names of the gates, in their order."""
        return tuple(gate.name for gate in self.gates)

    @cached_property
    def shares(self) -> Array:
        """Share of each gate's voltage at the pixel centres, shape (n_gates, ny, nx)."""
        x, y = (self.side / self.box.length * axis for axis in self.box.mesh(self.n_pixels))
        fields = [np.asarray(gate.share(x, y), dtype=np.float64) for gate in self.gates]
        for gate, field in zip(self.gates, fields, strict=True):
            if field.shape != x.shape or not np.isfinite(field).all():
                raise UsageError(
                    f"gate {gate.name!r}: its potential must be finite and of shape {x.shape}, got "
                    f"{field.shape}"
                )
            if np.abs(field).max() < _LEAST_SHARE:
                raise UsageError(
                    f"gate {gate.name!r} does not reach the box: its location and its size must be "
                    f"in nm, those of the box being {self.side:g} nm"
                )
        return np.array(fields)

    def voltages(self, voltages: Mapping[str, float]) -> Array:
        """Return the voltages of all gates in mV, in their order; gates left out are at 0.

        Parameters
        ----------
        voltages : mapping of str to float
            Voltage in mV of each gate by its name.

        Returns
        -------
        ndarray, shape (n_gates,)
            Voltages in mV.

        Raises
        ------
        UnknownNameError
            If a gate is unknown.
        UsageError
            If a voltage is not a finite number.
        """
        for name, value in voltages.items():
            if name not in self.gate_names:
                raise UnknownNameError("gate", name, self.gate_names)
            if not _is_number(value):
                raise UsageError(f"the voltage of gate {name!r} must be finite, got {value!r}")
        return np.array([float(voltages.get(name, 0.0)) for name in self.gate_names])

    def potential(self, voltages: Mapping[str, float]) -> Array:
        """Energy of an electron at the pixel centres.

        Parameters
        ----------
        voltages : mapping of str to float
            Voltage in mV of each gate; gates left out are at 0.

        Returns
        -------
        ndarray, shape (n_pixels, n_pixels)
            In Ha*, y first: what `physics.solve` takes, with the box of the device.

        Raises
        ------
        UnknownNameError, UsageError
            As for `voltages`.
        """
        values = np.tensordot(self.voltages(voltages), self.shares, axes=1)
        return np.asarray(self.material.from_millielectronvolts(self._background - values))

    def charge_state(
        self,
        voltages: Mapping[str, float],
        n_electrons: int,
        *,
        accuracy: float | None = None,
        spin: float | None = None,
    ) -> ChargeState:
        """Solve for the ground state of a number of electrons.

        Parameters
        ----------
        voltages : mapping of str to float
            Voltage in mV of each gate; gates left out are at 0.
        n_electrons : int
            One to six.
        accuracy : float, optional
            Solve two and more electrons faster, without estimates of the errors (nan): density
            error that two may have, per electron. By default errors are estimated.
        spin : float, optional
            Total spin of the state, the gap being to the next of the same spin. By default the
            ground state is sought among all spins.

        Returns
        -------
        ChargeState
            Energies in meV.

        Raises
        ------
        PhysicsError
            If the potential is too sharp.
        UsageError, UnknownNameError
            If an argument makes no sense.
        """
        potential, to_mev = self.potential(voltages), self.material.to_millielectronvolts
        dot = self._solve(potential, n_electrons, accuracy, spin)
        charge = dot.density * self.box.pixel_area(self.n_pixels)
        errors = (math.nan, math.nan)
        if isinstance(dot, Solution):
            errors = (to_mev(dot.energy_error), to_mev(dot.exchange_error))
        return ChargeState(
            Estimate(to_mev(dot.energy), errors[0]),
            -np.tensordot(self.shares, charge, axes=((1, 2), (0, 1))),
            np.array([charge[mask].sum() for mask in self.regions.values()]),
            to_mev(dot.gap),
            Estimate(to_mev(dot.exchange), errors[1]),
        )

    def _solve(
        self, potential: Array, n_electrons: int, accuracy: float | None, spin: float | None
    ) -> Solution | PairBatch:
        """Solve with errors, or to an accuracy without them."""
        if accuracy is not None and n_electrons == 2 and spin is None:
            return self._solve_pair(potential, accuracy)
        solver = Solver(self.box, n_electrons, self.interaction, spin=spin)
        if accuracy is not None and n_electrons > 2:
            return solver.many_electron_problem(potential).solve(with_errors=False)[0]
        return solver.solve(potential)

    def _solve_pair(self, potential: Array, accuracy: float) -> Solution | PairBatch:
        """Solve two electrons on the first grid that is good enough by its rough estimate."""
        for n_grid in _PAIR_GRIDS:
            found = solve_batch(
                potential[None], self.box, interaction=self.interaction, n_grid=n_grid
            )
            if found.density_error[0] <= accuracy:
                return PairBatch(*(values[0] for values in found))
        solved = Solver(self.box, 2, self.interaction, accuracy=accuracy).solve(potential)
        return replace(solved, energy_error=math.nan, exchange_error=math.nan)

    def ground_states(
        self, voltages: Mapping[str, float], max_electrons: int = 3
    ) -> list[ChargeState]:
        """Ground states of 1, 2, ... electrons at given voltages.

        Parameters
        ----------
        voltages : mapping of str to float
            Voltage in mV of each gate; gates left out are at 0.
        max_electrons : int, default 3
            Largest number of electrons, at most six.

        Returns
        -------
        list of ChargeState
            Chemical potentials are the differences of their energies.

        Raises
        ------
        PhysicsError, UsageError, UnknownNameError
            As for `charge_state`.

        Examples
        --------
        >>> from keras_qd.devices import Device, GaussianGate
        >>> device = Device([GaussianGate("plunger", 40, 40, 18)], side=80, n_pixels=32)
        >>> one, two = device.ground_states({"plunger": 60}, max_electrons=2)
        >>> one.energy.value < 0, two.charges.round(2)
        (True, array([1., 1.]))
        """
        check_electrons(max_electrons)
        return [self.charge_state(voltages, n) for n in range(1, max_electrons + 1)]

    def _field(self, values: float | ArrayLike, what: str) -> Array:
        """Return numbers at the pixel centres from one number or an array."""
        try:
            field = np.broadcast_to(np.asarray(values, dtype=np.float64), (self.n_pixels,) * 2)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"{what} must be a number or an array of {self.n_pixels} x {self.n_pixels}: {error}"
            ) from error
        if not np.isfinite(field).all():
            raise UsageError(f"{what} must be finite")
        return field

    def _masks(self, regions: Mapping[str, ArrayLike] | None) -> dict[str, NDArray[np.bool_]]:
        if regions is None:
            left = np.indices((self.n_pixels,) * 2)[1] < self.n_pixels / 2
            return {"left": left, "right": ~left}
        masks = {name: np.asarray(mask, dtype=bool) for name, mask in regions.items()}
        for name, mask in masks.items():
            if mask.shape != (self.n_pixels,) * 2:
                raise UsageError(
                    f"region {name!r} must be a mask of {self.n_pixels} x {self.n_pixels} pixels, "
                    f"got shape {mask.shape}"
                )
        return masks


def check_electrons(number: int) -> None:
    """Raise `UsageError` unless a device can hold so many electrons."""
    if number not in range(1, MOST_ELECTRONS + 1):
        raise UsageError(f"max_electrons must be 1 to {MOST_ELECTRONS}, got {number!r}")


def _is_number(value: object) -> bool:
    return (
        isinstance(value, (int, float, np.number))
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def _check_names(names: tuple[str, ...]) -> None:
    if not names:
        raise UsageError("a device needs at least one gate")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"several gates are called {', '.join(twice)}: names must differ")


def _with_array(table: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    """Replace the name of a .npy file by its values."""
    if "file" in table:
        path = (folder or Path()) / str(table.pop("file"))
        try:
            values = open_npy(path)
            if values.ndim != 2 or max(values.shape) > MOST_PIXELS:
                raise ValueError(
                    f"it has the shape {values.shape}; expected a square of at most "
                    f"{MOST_PIXELS} pixels"
                )
            table["values"] = values
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: not a readable .npy file: {error}") from error
    return table
