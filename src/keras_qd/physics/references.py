"""Exact and published values of few electrons, for the validation of the solvers."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from scipy.special import ive

TAUT = "Taut 1994, doi:10.1088/0305-4470/27/3/040"
LOHNE = "Pedersen Lohne et al. 2011, doi:10.1103/PhysRevB.84.115302"
HOGBERGET = "Hogberget 2013, thesis, University of Oslo"
KVAAL = "Kvaal 2008, doi:10.48550/arXiv.0810.2644"

#: Slope dE/ds at s = 0 of the ground-state energy with the interaction's strength s, in units of
#: sqrt(pi omega / 2): N electrons in a round parabola, by first-order perturbation theory in the
#: lowest shells; N = 4 is Hund's triplet. Direct and exchange integrals in that unit: ss 1, sp 3/4
#: and 1/4, pp 11/16, p+p- 11/16 and 3/16.
WEAK_COUPLING_SLOPES = {2: 1.0, 3: 9 / 4, 4: 4.0, 5: 53 / 8, 6: 39 / 4}

#: Energies of N electrons without interaction in a round parabola, in units of omega.
SHELL_ENERGIES = {1: 1, 2: 2, 3: 4, 4: 6, 5: 8, 6: 10}

#: Two electrons at omega = 1 in all products of the orbitals of so many oscillator shells, where
#: coupled clusters with doubles are exact: all digits are significant.
SAME_BASIS_ENERGIES = {6: 3.013626, 8: 3.009236}

#: Energies in units of omega by full configuration interaction in the 21 orbitals of six oscillator
#: shells, for (n_electrons, 1 / sqrt omega, total spin): all digits are significant.
SIX_SHELL_ENERGIES = {
    (3, 2, 0.5): 8.175035,
    (3, 4, 0.5): 11.04480,
    (3, 4, 1.5): 11.05428,
    (4, 6, 0.0): 23.68944,
    (4, 6, 2.0): 23.86769,
    (5, 2, 2.5): 21.15093,
}

#: Six electrons in round parabolas by diffusion Monte Carlo, by omega; statistical errors are below
#: 1e-4.
SIX_ELECTRON_ENERGIES = {1.0: 20.15932, 0.5: 11.78484, 0.28: 7.60019}

#: Six electrons at omega = 1 by diffusion Monte Carlo, with a statistical error of 2e-4.
SIX_ELECTRONS_ENERGY = 20.1597

#: Distance, in oscillator lengths, beyond which the wave function of the distance is negligible.
_FAR = 14.0
_MOST_TERMS = 2000


def box_level(length: float, dimensions: int = 1) -> float:
    """Lowest level of one electron between hard walls, dimensions * pi^2 / (2 L^2), in Ha*."""
    return dimensions * math.pi**2 / (2.0 * length**2)


def two_electron_energy(omega: float, angular_momentum: int = 0) -> float:
    """Exact lowest energy of two electrons with 1/r repulsion in a round parabola in the plane.

    The power series of the relative motion [1]_ is summed numerically, for any frequency.

    Parameters
    ----------
    omega : float
        Frequency of the parabola in Ha*.
    angular_momentum : int, default 0
        Angular momentum m of the relative motion: even for singlets, odd for triplets.

    Returns
    -------
    float
        Energy in Ha*, to about 1e-11.

    References
    ----------
    .. [1] M. Taut, "Two electrons in a homogeneous magnetic field: particular analytical
       solutions", J. Phys. A 27, 1045 (1994), https://doi.org/10.1088/0305-4470/27/3/040

    Examples
    --------
    >>> [round(two_electron_energy(omega), 9) for omega in (1.0, 1 / 6)]
    [3.0, 0.666666667]
    >>> round(two_electron_energy(1 / 3, angular_momentum=1), 9)
    1.333333333
    """
    free = omega * (angular_momentum + 1)
    energies = (free + np.linspace(0.0, 4.0 * math.sqrt(omega), 200)).tolist()
    settings = (omega, angular_momentum)
    ends = ((energy, _far_series(energy, *settings)) for energy in energies)
    below, above = next(
        (left[0], right[0]) for left, right in pairwise(ends) if left[1] * right[1] < 0
    )
    relative: float = brentq(_far_series, below, above, args=settings, xtol=1e-13)
    return omega + relative


def separated_energy(omega: float, interaction: Callable[[float], float]) -> float:
    """Lowest singlet energy of two electrons with any isotropic repulsion in a round parabola."""
    # The equation of the distance is integrated outward: the value far out changes sign where the
    # energy passes a level. The error is about 1e-9; the repulsion is at most as singular as 1/r.
    start, far = 1e-6 / math.sqrt(omega), 10.0 / math.sqrt(omega)
    slope = start * interaction(start)

    def far_value(relative_energy: float) -> float:
        def derivatives(r: float, state: NDArray[np.float64]) -> tuple[float, float]:
            excess = 0.25 * omega**2 * r**2 + interaction(r) - relative_energy
            return state[1], excess * state[0] - state[1] / r

        ends = solve_ivp(
            derivatives,
            (start, far),
            (1.0 + slope * start, slope),
            "DOP853",
            rtol=1e-11,
            atol=1e-14,
        )
        return float(ends.y[0, -1])

    # Repulsion raises the level omega, and the next level is more than omega above: no step
    # passes two levels.
    below, step = 0.9 * omega, 0.5 * omega
    while far_value(below + step) > 0:
        below += step
    relative: float = brentq(far_value, below, below + step, xtol=1e-11)
    return omega + relative


def taut_density(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exact density of two electrons at omega = 1, whose wave function is (1 + r12) exp(-r^2/2).

    Parameters
    ----------
    distance : ndarray
        Distance from the centre in a0*.

    Returns
    -------
    ndarray
        Density in 1/a0*^2; its integral over the plane is 2.

    Examples
    --------
    >>> radius = (np.arange(4000) + 0.5) * 2e-3
    >>> round(float(np.sum(taut_density(radius) * 2 * np.pi * radius) * 2e-3), 6)
    2.0
    """
    square = distance**2
    # ive(n, x) is the Bessel function I_n(x) times exp(-x).
    mean_distance = (1.0 + square) * ive(0, 0.5 * square) + square * ive(1, 0.5 * square)
    weight = 2.0 + square + math.sqrt(math.pi) * mean_distance
    norm = math.pi * (3.0 + math.sqrt(2.0 * math.pi))
    density: NDArray[np.float64] = 2.0 * np.exp(-square) * weight / norm
    return density


def _far_series(relative_energy: float, omega: float, m: int) -> float:
    """Value of the power series far out, which changes sign at the levels of relative motion."""
    far = _FAR / math.sqrt(omega)
    before, term = 1.0, far / (1 + 2 * m)
    total = before + term
    for k in range(2, _MOST_TERMS):
        factor = omega * (m + k - 1) - relative_energy
        before, term = term, (far * term + factor * far**2 * before) / (k * (k + 2 * m))
        total += term
        if k > _FAR**2 and abs(term) < 1e-17 * abs(total):
            break
    return total
