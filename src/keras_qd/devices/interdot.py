"""Tunnel couplings between dots, from a two-level model of exact energies along a detuning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, least_squares

from keras_qd.devices.device import ChargeState, Device
from keras_qd.errors import PhysicsError, UsageError
from keras_qd.physics.quantities import Estimate

Array = NDArray[np.float64]

#: Where errors of single points are not estimated.
_ACCURACY = 1e-3

#: Charge that must move along a cut.
_LEAST_MOVED = 0.5

#: Points that the model is fitted to, at first and at last, and how far the detuning energy reaches
#: to either side, in units of the coupling.
_N_FIRST, _N_POINTS, _REACH = 5, 9, 4.0


class MergedDotsError(PhysicsError):
    """The two lowest levels have no anticrossing on the way."""


@dataclass(frozen=True, eq=False)
class InterdotTransition:
    r"""Anticrossing of two charge configurations along a cut through voltages.

    .. math:: E_\pm(s) = e + b s + c (s - s_0)^2 / 2
              \pm \tfrac12 \sqrt{\lambda^2 (s - s_0)^2 + 4 t^2}

    Parameters
    ----------
    n_electrons : int
        Electrons of both configurations.
    occupations : tuple of tuple of int
        Electrons of the regions at either end of the cut.
    voltages : dict of str to float
        Voltages of all gates at the anticrossing, in mV.
    direction : dict of str to float
        Unit vector of the cut in voltages.
    coupling : Estimate
        Tunnel coupling t in meV, half of the splitting of the two lowest states of the lowest spin;
        its error covers what the model leaves. Between the singlets of (1, 1) and (0, 2) it is
        :math:`\sqrt 2` times that of a single electron in Hubbard's model.
    lever : float
        Slope lambda of the detuning energy along the cut, in meV / mV.
    residual : float
        Root mean square of what the model leaves of the energies, in meV.

    Examples
    --------
    >>> found = tunnel_coupling(
    ...     device, {"left": 6, "right": 10}, {"left": 10, "right": 6}
    ... )  # doctest: +SKIP
    >>> found.occupations, str(found.coupling)  # doctest: +SKIP
    (((0, 1), (1, 0)), '1.69(1)')
    """

    n_electrons: int
    occupations: tuple[tuple[int, ...], tuple[int, ...]]
    voltages: dict[str, float]
    direction: dict[str, float]
    coupling: Estimate
    lever: float
    residual: float

    @property
    def name(self) -> str:
        """Both configurations, such as ``(1, 0)-(0, 1)``."""
        return "-".join(f"({', '.join(map(str, each))})" for each in self.occupations)


def tunnel_coupling(
    device: Device,
    start: Mapping[str, float],
    stop: Mapping[str, float],
    n_electrons: int = 1,
) -> InterdotTransition:
    """Fit the two-level model to exact energies on the way from one voltage to another.

    Parameters
    ----------
    device : Device
        The device; its regions are the dots.
    start, stop : mapping of str to float
        Voltages in mV on either side of the line on which an electron changes the dot; gates left
        out are at 0.
    n_electrons : int, default 1
        Number of electrons, which stays.

    Returns
    -------
    InterdotTransition
        Coupling in meV and lever in meV / mV.

    Raises
    ------
    UsageError, UnknownNameError
        If an argument makes no sense, or less than half an electron changes the region.
    PhysicsError
        If a potential on the way is too sharp, or the splitting is not smallest between the ends,
        as in dots that have merged.

    Examples
    --------
    >>> from keras_qd.devices import Device, GaussianGate, tunnel_coupling
    >>> gates = [GaussianGate(name, x, 60, 18) for name, x in (("left", 35), ("right", 85))]
    >>> device = Device(gates, side=120, n_pixels=32)
    >>> found = tunnel_coupling(device, {"left": 27, "right": 33}, {"left": 33, "right": 27})
    >>> found.name, abs(found.voltages["left"] - 30) < 0.01
    ('(0, 1)-(1, 0)', True)
    """
    cut = _Cut(device, device.voltages(start), device.voltages(stop), n_electrons)
    moved = cut.charges(cut.length) - cut.charges(0.0)
    region = int(np.argmax(np.abs(moved)))
    if abs(moved[region]) < _LEAST_MOVED:
        raise UsageError(
            f"only {abs(moved[region]):.2g} electrons change the region between the two voltages: "
            "choose them on either side of the line between two charge configurations"
        )
    half = (cut.charges(cut.length) + cut.charges(0.0))[region] / 2
    centre = brentq(
        lambda s: cut.charges(s)[region] - half, 0.0, cut.length, xtol=1e-2 * cut.length
    )
    first, _, _ = _sample_and_fit(cut, cut.first_model(centre), _N_FIRST)
    model, error, residual = _sample_and_fit(cut, first, _N_POINTS)
    at = cut.voltages(float(model[4]))
    ends = tuple(tuple(np.rint(cut.charges(s)).astype(int).tolist()) for s in (0.0, cut.length))
    return InterdotTransition(
        n_electrons,
        (ends[0], ends[1]),
        at,
        dict(zip(device.gate_names, cut.direction.tolist(), strict=True)),
        Estimate(abs(float(model[5])), error),
        abs(float(model[3])),
        residual,
    )


class _Cut:
    """Ground states on a straight line through voltages; s in mV from its start."""

    def __init__(self, device: Device, start: Array, stop: Array, n_electrons: int) -> None:
        self.device, self.start, self.n_electrons = device, start, n_electrons
        self.length = float(np.linalg.norm(stop - start))
        if self.length == 0:
            raise UsageError("start and stop must be different voltages")
        self.direction = (stop - start) / self.length
        self._states: dict[float, ChargeState] = {}

    def voltages(self, s: float) -> dict[str, float]:
        values = self.start + s * self.direction
        return dict(zip(self.device.gate_names, values.tolist(), strict=True))

    def state(self, s: float) -> ChargeState:
        """Ground state, solved quickly: enough to find the anticrossing."""
        if s not in self._states:
            self._states[s] = self.device.charge_state(
                self.voltages(s), self.n_electrons, accuracy=_ACCURACY
            )
        return self._states[s]

    def level(self, s: float) -> ChargeState:
        """Lowest state of the lowest spin, with the gap to the next of this spin."""
        spin = None if self.n_electrons == 1 else self.n_electrons % 2 / 2
        return self.device.charge_state(
            self.voltages(s), self.n_electrons, accuracy=_ACCURACY, spin=spin
        )

    def charges(self, s: float) -> Array:
        return self.state(s).charges

    def slope(self, state: ChargeState) -> float:
        return float(state.slopes @ self.direction)

    def first_model(self, centre: float) -> Array:
        """Parameters of the model from the asymptotes at both ends and the energy between them."""
        ends = [self.state(s) for s in (0.0, self.length)]
        (e0, d0), (e1, d1) = ((each.energy.value, self.slope(each)) for each in ends)
        middle = self.state(centre).energy.value
        above = (e0 + d0 * centre + e1 + d1 * (centre - self.length)) / 2 - middle
        lever = abs(d0 - d1)
        coupling = np.clip(above, 1e-3 * lever * self.length, lever * self.length / _REACH)
        mean = (d0 + d1) / 2
        return np.array([middle + coupling - mean * centre, mean, 0.0, lever, centre, coupling])


def _sample_and_fit(cut: _Cut, model: Array, n_points: int) -> tuple[Array, float, float]:
    """Fit both levels around s_0; return the parameters, the error of t and the residual."""
    reach = _REACH * abs(model[5]) / abs(model[3])
    s = np.unique(np.clip(model[4] + reach * np.linspace(-1, 1, n_points), 0.0, cut.length))
    levels = [cut.level(float(each)) for each in s]
    energies = np.array([each.energy.value for each in levels])
    slopes, gaps = np.array([(cut.slope(each), each.gap) for each in levels]).T

    def deviations(p: Array) -> Array:
        e, b, c, lever, s0, t = p
        gap = np.sqrt((lever * (s - s0)) ** 2 + 4 * t**2)
        energy = e + b * s + c * (s - s0) ** 2 / 2 - gap / 2
        slope = b + c * (s - s0) - lever**2 * (s - s0) / (2 * gap)
        return np.concatenate([energy - energies, reach * (slope - slopes), gap - gaps])

    if int(np.argmin(gaps)) in (0, len(gaps) - 1):
        raise MergedDotsError(
            "the two lowest levels do not avoid each other between these voltages, since the dots "
            "have merged: raise the barrier, or choose voltages farther apart"
        )
    fit = least_squares(deviations, model, x_scale="jac", xtol=1e-12, ftol=1e-12)
    variance = 2 * fit.cost / (fit.fun.size - fit.x.size)
    scatter = np.sqrt(variance * np.linalg.pinv(fit.jac.T @ fit.jac)[5, 5])
    error = float(np.hypot(scatter, abs(fit.x[5]) - gaps.min() / 2))
    return fit.x, error, float(np.sqrt(np.mean(fit.fun**2)))
