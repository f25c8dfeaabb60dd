r"""Devices with wanted numbers: exchange, gaps, chemical potentials, charges.

The parameters of a device are moved by least squares. Energies of states move with the density of
that state (Hellmann and Feynman), :math:`\delta E / \delta V(r) = n(r)`, so that the slopes of
energies, gaps and exchange come with the solution. A charge or a dipole is itself such a slope,
:math:`Q_w = dE / d\lambda` in a field :math:`\lambda w`, so that

.. math:: \frac{\delta Q_w}{\delta V(r)} = \frac{d n_\lambda(r)}{d\lambda} :

two more solutions, in weak fields of either sign, give its slopes with all parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from keras_qd.devices.device import Device
from keras_qd.errors import PhysicsError, UnknownNameError, UsageError
from keras_qd.inverse.design_space import DesignSpace, GateSpace, Space, at_bounds
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction, as_interaction
from keras_qd.physics.potentials.base import PotentialFamily
from keras_qd.physics.quantities import Estimate
from keras_qd.physics.solver import Solver

Array = NDArray[np.float64]

#: Step of coordinates between 0 and 1 in differences of potentials.
_STEP = 1e-4

#: Height in Ha* of the fields that respond for charges and dipoles.
_FIELD = 0.01

#: Energies in Ha* below which a deviation is not measured relative to what is wanted.
_LEAST_SCALE = 0.01

#: Names of what can be wanted; N is a number of electrons.
WANTS = {
    "exchange": "E(triplet) - E(singlet) of two electrons",
    "gap": "first excitation of the electrons",
    "energy_N": "ground-state energy of N electrons",
    "mu_N": "chemical potential E_N - E_(N-1)",
    "addition_N": "addition energy mu_(N+1) - mu_N",
    "charge_left": "electrons in the left half of the box; right, top, bottom, regions alike",
    "dipole_x": "mean x of the electrons from the centre, in a0*; y alike",
}


@dataclass(frozen=True, eq=False)
class Design:
    """Parameters of a device, and the numbers it was made for; `design` makes it.

    Parameters
    ----------
    parameters : dict of str to float
        By the names of the family (a0*, Ha*, radians), or voltages of gates in mV.
    potential : ndarray, shape (n_pixels, n_pixels)
        In Ha*, y first.
    wanted : dict of str to float
        What was wanted.
    reached : dict of str to Estimate
        What the exact solver finds, with its error; in the units of what was wanted.
    at_bounds : tuple of str
        Parameters at one of their bounds.
    converged : bool
        Whether all numbers are within the tolerance.
    n_solves : int
        Number of potentials that were solved.

    Examples
    --------
    >>> issubclass(Design, object)  # see `design`
    True
    """

    parameters: dict[str, float]
    potential: Array
    wanted: dict[str, float]
    reached: dict[str, Estimate]
    at_bounds: tuple[str, ...]
    converged: bool
    n_solves: int

    def __str__(self) -> str:
        numbers = ", ".join(
            f"{name} = {self.reached[name]} (wanted {value:g})"
            for name, value in self.wanted.items()
        )
        bounds = f"; at a bound: {', '.join(self.at_bounds)}" if self.at_bounds else ""
        return f"{'reached' if self.converged else 'not reached'}: {numbers}{bounds}"


def design(
    family: PotentialFamily,
    wants: Mapping[str, float],
    box: Box,
    *,
    n_electrons: int = 2,
    n_pixels: int = 48,
    interaction: str | Interaction = "coulomb",
    strength: float = 1.0,
    tolerance: float = 1e-2,
    n_starts: int = 4,
    seed: int = 0,
    regions: Mapping[str, ArrayLike] | None = None,
) -> Design:
    """Set the parameters of a family of potentials so that a dot has wanted numbers.

    Parameters
    ----------
    family : PotentialFamily
        The device: its settings (low, high) are the bounds of the parameters.
    wants : mapping of str to float
        Numbers in Ha* (charges and dipoles in electrons and a0*): ``exchange``, ``gap``,
        ``energy_N``, ``mu_N``, ``addition_N``, ``charge_left`` (right, top, bottom), ``dipole_x``
        (y).
    box : Box
        The box.
    n_electrons : int, default 2
        Number of electrons that ``gap``, charges and dipoles are of.
    n_pixels : int, default 48
        Pixels a side.
    interaction, strength : optional
        See `Solver`.
    tolerance : float, default 0.01
        Largest relative deviation of each number (of numbers below 0.01, in units of 0.01).
    n_starts : int, default 4
        Number of settings to start from, unless the wanted numbers are reached before.
    seed : int, default 0
        Seed of these settings.
    regions : mapping of str to array_like, optional
        Masks over the pixels; ``charge_NAME`` is the number of electrons in that region.

    Returns
    -------
    Design
        The nearest that was found; `converged` says whether it is near enough.

    Raises
    ------
    UnknownNameError
        If a quantity is unknown.
    UsageError
        If an argument makes no sense.
    PhysicsError
        If the solver refuses the potential of every start.

    Examples
    --------
    >>> from keras_qd.physics import Box, potential_family
    >>> dot = potential_family("parabolic", omega=(0.5, 2.0), ratio=1.0, angle=0.0, shift=0.0,
    ...                        disorder=0.0)
    >>> found = design(dot, {"mu_1": 1.3}, Box(10.0), n_pixels=32)
    >>> found.converged, round(found.parameters["omega"], 2)
    (True, 1.3)
    """
    space = DesignSpace(family, box, n_pixels, seed)
    numbers = _Numbers(
        space, box, wants, n_electrons, as_interaction(interaction), strength, regions
    )
    return _search(numbers, tolerance, n_starts, seed)


def design_device(
    device: Device,
    bounds: Mapping[str, tuple[float, float]],
    wants: Mapping[str, float],
    *,
    voltages: Mapping[str, float] | None = None,
    n_electrons: int = 2,
    tolerance: float = 1e-2,
    n_starts: int = 4,
    seed: int = 0,
) -> Design:
    """Set the voltages of gates so that a device has wanted numbers.

    Parameters
    ----------
    device : Device
        The device.
    bounds : mapping of str to pair of float
        Lowest and highest voltage in mV of each gate that is set.
    wants : mapping of str to float
        As for `design`, energies in meV and dipoles in nm; charges of the device's regions too.
    voltages : mapping of str to float, optional
        Voltages of the other gates in mV.
    n_electrons, tolerance, n_starts, seed : optional
        As for `design`.

    Returns
    -------
    Design
        Its parameters are the voltages of the gates that were set.

    Raises
    ------
    UnknownNameError, UsageError, PhysicsError
        As for `design`.

    Examples
    --------
    >>> from keras_qd.devices import Device, GaussianGate
    >>> device = Device([GaussianGate("plunger", 40, 40, 18)], side=80, n_pixels=32)
    >>> found = design_device(device, {"plunger": (0, 100)}, {"mu_1": -20.0})
    >>> found.converged, 0 < found.parameters["plunger"] < 100
    (True, True)
    """
    space = GateSpace(device, dict(bounds), dict(voltages or {}))
    units = {name: _unit_in_device(name, device) for name in wants}
    inside = {name: value / units[name] for name, value in wants.items()}
    numbers = _Numbers(
        space, device.box, inside, n_electrons, device.interaction, 1.0, device.regions
    )
    found = _search(numbers, tolerance, n_starts, seed)
    reached = {
        name: Estimate(each.value * units[name], each.error * units[name])
        for name, each in found.reached.items()
    }
    return Design(
        found.parameters,
        found.potential,
        dict(wants),
        reached,
        found.at_bounds,
        found.converged,
        found.n_solves,
    )


def _unit_in_device(name: str, device: Device) -> float:
    """Meaning of one Ha*, electron or a0* in the units of a device."""
    if name.startswith("charge"):
        return 1.0
    if name.startswith("dipole"):
        return device.material.bohr_radius
    return device.material.hartree


@dataclass(frozen=True)
class _Quantity:
    """A number of a dot, and how its slope with the potential at each pixel follows."""

    estimate: Estimate
    slope: Callable[[], Array]


class _Numbers:
    """Wanted numbers at coordinates of a space, with their slopes."""

    def __init__(
        self,
        space: Space,
        box: Box,
        wants: Mapping[str, float],
        n_electrons: int,
        interaction: Interaction,
        strength: float,
        regions: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        self._regions = {
            name: np.asarray(mask, dtype=np.float64) for name, mask in (regions or {}).items()
        }
        self.space, self.wants, self.n_solves = space, dict(wants), 0
        self._box, self._n_electrons = box, n_electrons
        self._solver = partial(Solver, box, interaction=interaction, strength=strength)
        if not wants:
            raise UsageError("nothing is wanted; give at least one number, such as exchange=0.05")
        self._quantities = {name: self._quantity(name) for name in wants}
        for name, value in wants.items():
            if not math.isfinite(value) or (name in ("exchange", "gap") and value <= 0):
                kind = "positive" if name in ("exchange", "gap") else "finite"
                raise UsageError(f"{name} must be {kind}, got {value!r}")

    def at(self, coordinates: Array) -> dict[str, _Quantity]:
        """Solve the potential at coordinates for all numbers."""
        self.n_solves += 1
        dot = _Dot(self.space.potential(coordinates), self._box, self._solver)
        return {name: quantity(dot) for name, quantity in self._quantities.items()}

    def deviations(self, found: Mapping[str, _Quantity]) -> Array:
        """Relative deviations of the numbers; of exchange and gap, which are positive, its log."""
        return np.array(
            [
                math.log(max(found[name].estimate.value, 1e-12) / value)
                if name in ("exchange", "gap")
                else (found[name].estimate.value - value) / max(abs(value), _LEAST_SCALE)
                for name, value in self.wants.items()
            ]
        )

    def slopes(self, coordinates: Array, found: Mapping[str, _Quantity]) -> Array:
        """Return the derivatives of the deviations with the coordinates."""
        fields = self._field_slopes(coordinates)
        rows = []
        for name, value in self.wants.items():
            scale = (
                max(found[name].estimate.value, 1e-12)
                if name in ("exchange", "gap")
                else max(abs(value), _LEAST_SCALE)
            )
            rows.append(np.tensordot(fields, found[name].slope(), axes=2) / scale)
        return np.array(rows)

    def _field_slopes(self, coordinates: Array) -> Array:
        """Return dV / dc of each coordinate, shape (n_coordinates, ny, nx)."""
        return np.array(
            [
                (self.space.potential(after) - self.space.potential(before)) / step
                for before, after, step in self._neighbours(coordinates, _STEP)
            ]
        )

    def _neighbours(self, coordinates: Array, step: float) -> list[tuple[Array, Array, float]]:
        """Coordinates before and after, within the bounds, and their distance."""
        pairs = []
        for k in range(coordinates.size):
            before, after = coordinates.copy(), coordinates.copy()
            before[k], after[k] = max(before[k] - step, 0.0), min(after[k] + step, 1.0)
            pairs.append((before, after, float(after[k] - before[k])))
        return pairs

    def _quantity(self, name: str) -> Callable[[_Dot], _Quantity]:
        """Return how a wanted number follows from a dot."""
        kind, _, detail = name.partition("_")
        if name == "exchange":
            return _Dot.exchange
        if name == "gap":
            if self._n_electrons > 2:
                raise UsageError("gap can be designed for one or two electrons")
            return partial(_Dot.gap, n=self._n_electrons)
        steps = {"energy": (1,), "mu": (1, -1), "addition": (1, -2, 1)}.get(kind)
        if steps is not None and detail.isdecimal() and int(detail) > 0:
            top = int(detail) + (kind == "addition")
            return partial(_Dot.energies, top=top, weights=steps)
        if kind == "charge" and detail in self._regions:
            return partial(_Dot.mean, n=self._n_electrons, weight=self._regions[detail])
        if kind == "charge" and detail in _HALVES:
            return partial(_Dot.charge, n=self._n_electrons, half=detail)
        if kind == "dipole" and detail in ("x", "y"):
            return partial(_Dot.dipole, n=self._n_electrons, axis="yx".index(detail))
        known = [*WANTS, *(f"charge_{region}" for region in self._regions)]
        raise UnknownNameError("quantity", name, known)


#: Halves of the box as conditions on the share of the way along (y, x).
_HALVES: dict[str, Callable[[Array, Array], NDArray[np.bool_]]] = {
    "left": lambda y, x: x < 0.5,
    "right": lambda y, x: x > 0.5,
    "bottom": lambda y, x: y < 0.5,
    "top": lambda y, x: y > 0.5,
}


class _Dot:
    """Solutions of one potential, each made once."""

    def __init__(self, potential: Array, box: Box, solver: Callable[..., Solver]) -> None:
        self._potential, self._box, self._solver = potential, box, solver
        self._area = box.pixel_area(len(potential))
        self._solutions: dict[int, tuple[Estimate, Array]] = {}

    def solution(self, n: int) -> tuple[Estimate, Array]:
        """Energy of n electrons, and electrons in each pixel; nothing of none."""
        if n == 0:
            return Estimate(0.0, 0.0), np.zeros_like(self._potential)
        if n not in self._solutions:
            dot = self._solver(n_electrons=n).solve(self._potential)
            error = dot.energy_error if n > 1 else 0.0
            self._solutions[n] = Estimate(dot.energy, error), dot.density * self._area
        return self._solutions[n]

    def energies(self, top: int, weights: tuple[int, ...]) -> _Quantity:
        """Weighted sum of the energies of top, top - 1, ... electrons."""
        found = [self.solution(top - k) for k in range(len(weights))]
        value = sum(w * each.value for w, (each, _) in zip(weights, found, strict=True))
        errors = [w * each.error for w, (each, _) in zip(weights, found, strict=True)]
        slope = sum(w * charge for w, (_, charge) in zip(weights, found, strict=True))
        return _Quantity(Estimate(value, math.hypot(*errors)), lambda: np.asarray(slope))

    def exchange(self) -> _Quantity:
        """Lowest triplet less lowest singlet."""
        solver = self._solver(n_electrons=2)
        problem = solver.pair_problem(self._potential)
        singlet, triplet, error = problem.lowest_of_each_spin(solver.density_tolerance)
        n_pixels = len(self._potential)
        slope = (triplet.density(n_pixels) - singlet.density(n_pixels)) * self._area
        estimate = Estimate(triplet.energy - singlet.energy, error)
        return _Quantity(estimate, lambda: slope)

    def gap(self, n: int) -> _Quantity:
        """First excitation of one or two electrons."""
        if n == 1:
            orbitals = self._solver(n_electrons=1).solve_orbitals(self._potential)
            charges = orbitals.values()[:2] ** 2 * self._area
            gap = float(orbitals.energies[1] - orbitals.energies[0])
            return _Quantity(Estimate(gap), lambda: np.asarray(charges[1] - charges[0]))
        solver = self._solver(n_electrons=2)
        problem = solver.pair_problem(self._potential)
        states, errors = problem.states_and_errors(2, solver.density_tolerance)
        densities = [state.density(len(self._potential)) * self._area for state in states]
        estimate = Estimate(states[1].energy - states[0].energy, math.hypot(*errors))
        return _Quantity(estimate, lambda: np.asarray(densities[1] - densities[0]))

    def charge(self, n: int, half: str) -> _Quantity:
        """Electrons in half of the box."""
        y, x = (np.indices(self._potential.shape) + 0.5) / len(self._potential)
        return self.mean(n, _HALVES[half](y, x).astype(np.float64))

    def dipole(self, n: int, axis: int) -> _Quantity:
        """Mean position of the electrons along an axis, from the centre of the box."""
        position = (np.indices(self._potential.shape)[axis] + 0.5) / len(self._potential) - 0.5
        return self.mean(n, position * self._box.length / n)

    def mean(self, n: int, weight: Array) -> _Quantity:
        """Sum of a weight over the electrons."""
        if weight.shape != self._potential.shape:
            raise UsageError(
                f"regions must be masks over the pixels, of shape {self._potential.shape}, got "
                f"one of shape {weight.shape}"
            )
        mean = float((self.solution(n)[1] * weight).sum())
        return _Quantity(Estimate(mean), lambda: self._response(n, weight))

    def _response(self, n: int, weight: Array) -> Array:
        """Change of the electrons in each pixel with a field of this shape."""
        field = _FIELD / float(np.abs(weight).max())
        above, below = (
            _Dot(self._potential + sign * field * weight, self._box, self._solver).solution(n)[1]
            for sign in (1, -1)
        )
        return np.asarray((above - below) / (2 * field))


class _Reached(Exception):  # noqa: N818  (not an error: it leaves SciPy's loop)
    """All numbers are within the tolerance."""


class _Search:
    """Least squares on the deviations; the best point is kept."""

    def __init__(self, numbers: _Numbers, tolerance: float) -> None:
        self._numbers, self._tolerance = numbers, tolerance
        self.best: tuple[float, Array, dict[str, _Quantity]] | None = None
        self._last: tuple[Array, dict[str, _Quantity]] | None = None

    def deviations(self, coordinates: Array) -> Array:
        """Solve, remember, and stop where everything is reached."""
        found = self._numbers.at(coordinates)
        deviations = self._numbers.deviations(found)
        self._last = coordinates.copy(), found
        largest = float(np.abs(deviations).max())
        if self.best is None or largest < self.best[0]:
            self.best = largest, coordinates.copy(), found
        if largest <= self._tolerance:
            raise _Reached
        return deviations

    def slopes(self, coordinates: Array) -> Array:
        """Return the derivatives at a point that was solved just before."""
        if self._last is None or not np.array_equal(self._last[0], coordinates):
            self._last = coordinates.copy(), self._numbers.at(coordinates)
        return self._numbers.slopes(coordinates, self._last[1])


def _search(numbers: _Numbers, tolerance: float, n_starts: int, seed: int) -> Design:
    """Search from the middle, then from random settings, until all numbers are reached."""
    if not (math.isfinite(tolerance) and tolerance > 0) or n_starts < 1:
        raise UsageError("tolerance must be positive and n_starts at least 1")
    search, generator = _Search(numbers, tolerance), np.random.default_rng(seed)
    size = len(numbers.space.names)
    starts = [np.full(size, 0.5), *generator.uniform(0.1, 0.9, (n_starts - 1, size))]
    refusal: PhysicsError | None = None
    for start in starts:
        try:
            least_squares(
                search.deviations, start, search.slopes, bounds=(0.0, 1.0), max_nfev=40, xtol=1e-6
            )
        except _Reached:
            break
        except PhysicsError as error:
            refusal = error
    if search.best is None:
        raise refusal or PhysicsError("no potential could be solved")
    largest, coordinates, found = search.best
    return Design(
        numbers.space.parameters(coordinates),
        numbers.space.potential(coordinates),
        dict(numbers.wants),
        {name: quantity.estimate for name, quantity in found.items()},
        at_bounds(numbers.space, coordinates),
        largest <= tolerance,
        numbers.n_solves,
    )
