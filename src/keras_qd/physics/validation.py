"""The whole validation table."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from scipy.special import ive

from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.line.solver import solve_1d, states_1d
from keras_qd.physics.solution import Solution
from keras_qd.physics.solver import Solver

TAUT = "Taut 1994, doi:10.1088/0305-4470/27/3/040"
LOHNE = "Pedersen Lohne et al. 2011, doi:10.1103/PhysRevB.84.115302"
KVAAL = "Kvaal 2008, doi:10.48550/arXiv.0810.2644"

#: Slope dE/ds at s = 0 of the ground-state energy with the interaction's strength s, in units of
#: sqrt(pi omega / 2): N electrons in a round parabola, by first-order perturbation theory in the
#: lowest shells. N = 4 is Hund's triplet. Direct and exchange integrals in that unit: ss 1, sp 3/4
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

#: Six electrons at omega = 1 by diffusion Monte Carlo, with a statistical error of 2e-4.
SIX_ELECTRONS_ENERGY = 20.1597

#: Distance, in oscillator lengths, beyond which the wave function of the distance is negligible.
_FAR = 14.0
_MOST_TERMS = 2000


def box_level(length: float, dimensions: int = 1) -> float:
    """Lowest level of one electron between hard walls, dimensions * pi^2 / (2 L^2), in Ha*."""
    return dimensions * math.pi**2 / (2.0 * length**2)


def two_electron_energy(omega: float, angular_momentum: int = 0) -> float:
    """Exact lowest energy of two electrons with bare 1/r in a round two-dimensional parabola.

    Parameters
    ----------
    omega : float
        Frequency of the parabola in Ha*.
    angular_momentum : int, default 0
        m of the distance: even for singlets, odd for triplets.

    Returns
    -------
    float
        Energy in Ha*, to about 1e-11.

    Examples
    --------
    >>> [round(two_electron_energy(omega), 9) for omega in (1.0, 1 / 6)]
    [3.0, 0.666666667]
    >>> round(two_electron_energy(1 / 3, angular_momentum=1), 9)
    1.333333333
    """
    free = omega * (angular_momentum + 1)
    trials = free + np.linspace(0.0, 4.0 * math.sqrt(omega), 200)
    ends = [_far_series(trial, omega, angular_momentum) for trial in trials]
    first = next(i for i in range(len(ends)) if ends[i] * ends[i + 1] < 0)
    relative: float = brentq(
        _far_series, trials[first], trials[first + 1], args=(omega, angular_momentum), xtol=1e-13
    )
    return omega + relative


def separated_energy(omega: float, interaction: Callable[[float], float]) -> float:
    """Lowest singlet energy of two electrons in a round parabola, for any isotropic interaction.

    The equation of the distance is integrated outward; its solution changes sign far out where
    the trial energy passes a level.

    Parameters
    ----------
    omega : float
        Frequency of the parabola in Ha*.
    interaction : callable
        Energy of the pair in Ha* at a distance in a0*; at most as singular as 1/r, not negative.

    Returns
    -------
    float
        Energy in Ha*, to about 1e-9.

    Examples
    --------
    >>> round(separated_energy(1.0, lambda distance: 1 / distance), 7)
    3.0
    """
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

    # Repulsion lifts the level omega; others lie more than omega above: no step passes two.
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
    # ive is the Bessel function I with the factor exp(-square / 2) that it comes with.
    mean_distance = (1.0 + square) * ive(0, 0.5 * square) + square * ive(1, 0.5 * square)
    weight = 2.0 + square + math.sqrt(math.pi) * mean_distance
    norm = math.pi * (3.0 + math.sqrt(2.0 * math.pi))
    density: NDArray[np.float64] = 2.0 * np.exp(-square) * weight / norm
    return density


def _far_series(relative_energy: float, omega: float, m: int) -> float:
    """Value of the series far out: it changes sign at the levels of the relative motion."""
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


@dataclass(frozen=True)
class Check:
    """One computed value beside its reference.

    Parameters
    ----------
    quantity : str
        What was computed.
    dimensions, n_electrons : int
        Of the system.
    strength : str
        Parabola, box or interaction.
    computed, reference : float
        In Ha*, or as `quantity` says.
    tolerance : float
        Largest absolute error that passes.
    reason : str
        Why the tolerance is what it is.
    source : str
        Where the reference comes from.

    Examples
    --------
    >>> check = Check("energy", 2, 2, "omega = 1", 3.0003, 3.0, 1e-3, "basis", "exact")
    >>> check.passed
    True
    """

    quantity: str
    dimensions: int
    n_electrons: int
    strength: str
    computed: float
    reference: float
    tolerance: float
    reason: str
    source: str

    @property
    def error(self) -> float:
        """Computed value less the reference."""
        return self.computed - self.reference

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance (a value that is not a number is not)."""
        return abs(self.error) <= self.tolerance


@dataclass(frozen=True, kw_only=True)
class Case:
    """A row that has not been computed yet; see `Check` for what it shares with that.

    Attributes
    ----------
    compute : callable
        Takes nothing and returns the value.
    is_quick : bool
        Whether it takes less than some seconds.
    """

    quantity: str
    dimensions: int
    n_electrons: int
    strength: str
    reference: float
    tolerance: float
    reason: str
    source: str
    compute: Callable[[], float]
    is_quick: bool = True

    def run(self) -> Check:
        """Compute the value."""
        return Check(
            self.quantity,
            self.dimensions,
            self.n_electrons,
            self.strength,
            float(self.compute()),
            self.reference,
            self.tolerance,
            self.reason,
            self.source,
        )


def box_cases() -> list[Case]:
    """Return the rows, not computed yet."""
    return [
        Case(
            quantity="ground-state energy",
            dimensions=2,
            n_electrons=1,
            strength="hard walls, L = 10",
            reference=box_level(10.0, 2),
            tolerance=1e-12,
            reason="the basis holds the state: rounding",
            source="exact",
            compute=lambda: _flat().energy,
        ),
        Case(
            quantity="gap",
            dimensions=2,
            n_electrons=1,
            strength="hard walls, L = 10",
            reference=1.5 * math.pi**2 / 100.0,
            tolerance=1e-12,
            reason="the basis holds the states: rounding",
            source="exact",
            compute=lambda: _flat().gap,
        ),
        Case(
            quantity="ground-state energy",
            dimensions=2,
            n_electrons=1,
            strength="omega = 0.8 and 1.2, turned by 0.5 rad",
            reference=1.0,
            tolerance=1e-6,
            reason="tolerance of the sine basis",
            source="exact",
            compute=lambda: _turned_parabola().energy,
        ),
    ]


def _flat() -> Solution:
    return Solver(Box(10.0), 1).solve(np.zeros((64, 64)))


def _turned_parabola() -> Solution:
    box = Box(12.0)
    x, y = box.mesh(64)
    u = (x - 6.0) * math.cos(0.5) + (y - 6.0) * math.sin(0.5)
    v = (y - 6.0) * math.cos(0.5) - (x - 6.0) * math.sin(0.5)
    potential = 0.5 * (0.8**2 * u**2 + 1.2**2 * v**2)
    return Solver(box, 1, n_orbitals=10, basis_tolerance=1e-6).solve(potential)


_EXACT = "exact"
_SEPARATION = "exact separation, solved apart on 399 nodes; Kohn 1961, doi:10.1103/PhysRev.123.1242"


def line_cases() -> list[Case]:
    """Return the rows on a line, not computed yet."""
    return [*_one_electron(), *_two_electrons()]


def _one_electron() -> list[Case]:
    box = Case(
        quantity="ground-state energy, Numerov",
        dimensions=1,
        n_electrons=1,
        strength="hard walls, L = 10",
        reference=box_level(10.0),
        tolerance=1e-8,
        reason="Numerov's error on 64 points, E (pi / 65)^4 / 240 = 1e-9, times 10",
        source=_EXACT,
        compute=lambda: float(solve_1d(np.zeros((1, 64)), 10.0).energies[0]),
    )
    oscillator = Case(
        quantity="ground-state energy, Numerov",
        dimensions=1,
        n_electrons=1,
        strength="omega = 1",
        reference=0.5,
        tolerance=2e-5,
        reason="Numerov's error at a spacing of 0.185, h^4 / 64",
        source=_EXACT,
        compute=partial(_ground_energy, 1.0, 12.0, 64),
    )
    levels = [
        Case(
            quantity=f"level {level}, sine DVR",
            dimensions=1,
            n_electrons=1,
            strength="omega = 1",
            reference=level + 0.5,
            tolerance=1e-9,
            reason="spectral accuracy; the walls lie 8 oscillator lengths off",
            source=_EXACT,
            compute=partial(_level, level),
        )
        for level in (0, 4)
    ]
    return [box, oscillator, *levels]


def _two_electrons() -> list[Case]:
    return [
        Case(
            quantity=f"{spin} energy, softened Coulomb",
            dimensions=1,
            n_electrons=2,
            strength=f"omega = {omega:g}",
            reference=_separated_energy(omega, state),
            tolerance=1e-8,
            reason="spectral accuracy on 99 nodes",
            source=_SEPARATION,
            compute=partial(_pair_energy, omega, spin),
        )
        for omega in (1.0, 0.25)
        for state, spin in enumerate(("singlet", "triplet"))
    ]


def _parabola(omega: float, length: float, n_points: int) -> NDArray[np.float64]:
    nodes = np.arange(1, n_points + 1) * (length / (n_points + 1))
    return np.asarray(0.5 * omega**2 * (nodes - 0.5 * length)[None] ** 2, dtype=np.float64)


def _ground_energy(omega: float, length: float, n_points: int) -> float:
    return float(solve_1d(_parabola(omega, length, n_points), length).energies[0])


def _level(level: int) -> float:
    energies, _ = states_1d(_parabola(1.0, 16.0, 64), 16.0, level + 1)
    return float(energies[0, level])


def _pair_energy(omega: float, spin: str) -> float:
    length = 14.0 / np.sqrt(omega)
    return float(solve_1d(_parabola(omega, length, 99), length, 2, spin=spin).energies[0])


def _separated_energy(omega: float, state: int) -> float:
    """Centre of mass plus distance d: half of -d''/2 + omega^2 d^2/8 + w(d)/2, twice."""
    length, n_points = 28.0 / np.sqrt(omega), 399
    distance = np.arange(1, n_points + 1) * (length / (n_points + 1)) - 0.5 * length
    half = 0.125 * omega**2 * distance**2 + 0.5 / np.sqrt(distance**2 + 1.0)
    energies, _ = states_1d(half[None], length, state + 1)
    return float(0.5 * omega + 2.0 * energies[0, state])


#: Strict, for it speaks of the lowest orbitals and the highest shell has to be good as well.
_BASIS_TOLERANCE = 1e-10
_WALLS = 5.5
_PIXELS = 64
_PERTURBATION = "exact first-order perturbation theory"


def round_dot_cases() -> list[Case]:
    """Return the rows, not computed yet."""
    return [
        *(_without_interaction(n) for n in SHELL_ENERGIES),
        *(_weak_coupling(n) for n in WEAK_COUPLING_SLOPES),
        *(_six_shells(*problem) for problem in SIX_SHELL_ENERGIES),
        *(_field_shift(n) for n in (2, 3, 4)),
        _six_electrons(),
    ]


def solve_round_dot(
    n_electrons: int,
    omega: float,
    n_shells: int,
    *,
    strength: float = 1.0,
    field: float = 0.0,
    spin: float | None = None,
    interaction: str | Interaction = "coulomb",
) -> Solution:
    """Solve a round dot, its determinants made of full shells, in a field along x."""
    box = Box(2.0 * _WALLS / math.sqrt(omega))
    x, y = box.mesh(_PIXELS)
    x, y = x - 0.5 * box.length, y - 0.5 * box.length
    potential = 0.5 * omega**2 * (x**2 + y**2) + field * x
    solver = Solver(
        box,
        n_electrons,
        interaction,
        n_orbitals=n_shells * (n_shells + 1) // 2,
        strength=strength,
        spin=spin,
        basis_tolerance=_BASIS_TOLERANCE,
    )
    return solver.solve(potential)


def _without_interaction(n_electrons: int) -> Case:
    return Case(
        quantity="energy without interaction",
        dimensions=2,
        n_electrons=n_electrons,
        strength="omega = 1",
        reference=float(SHELL_ENERGIES[n_electrons]),
        tolerance=1e-8,
        reason="1e-10 from the sine basis and the walls, times 100",
        source="exact: filled shells",
        compute=lambda: solve_round_dot(n_electrons, 1.0, 4, strength=0.0).energy,
    )


def _weak_coupling(n_electrons: int) -> Case:
    return Case(
        quantity="slope of the energy with the interaction",
        dimensions=2,
        n_electrons=n_electrons,
        strength="omega = 1, strength to 0",
        reference=WEAK_COUPLING_SLOPES[n_electrons] * math.sqrt(0.5 * math.pi),
        tolerance=1e-6,
        reason="third order in the strength 1e-3 of the finite difference, 1e-7, times 10",
        source=_PERTURBATION,
        compute=partial(_slope, n_electrons),
    )


def _slope(n_electrons: int, step: float = 1e-3) -> float:
    none, one, two = (
        solve_round_dot(n_electrons, 1.0, 4, strength=strength).energy
        for strength in (0.0, step, 2.0 * step)
    )
    return (4.0 * one - two - 3.0 * none) / (2.0 * step)


def _six_shells(n_electrons: int, length: int, spin: float) -> Case:
    """Return a published row: the oscillator is so many a0* long."""
    omega = 1 / length**2
    return Case(
        quantity=f"energy / omega in 6 shells, spin {spin:g}",
        dimensions=2,
        n_electrons=n_electrons,
        strength=f"omega = 1/{length**2}",
        reference=SIX_SHELL_ENERGIES[n_electrons, length, spin],
        tolerance=1e-5,
        reason="5e-6 from rounding in print, times 2",
        source=f"{KVAAL} (full configuration interaction in the same determinants)",
        compute=lambda: solve_round_dot(n_electrons, omega, 6, spin=spin).energy / omega,
    )


def _field_shift(n_electrons: int, field: float = 0.3) -> Case:
    """Return the row of Kohn's theorem: a field moves the dot as a whole, at any interaction."""
    return Case(
        quantity=f"shift of the energy in a field of {field:g}",
        dimensions=2,
        n_electrons=n_electrons,
        strength="omega = 1",
        reference=-0.5 * n_electrons * field**2,
        tolerance=1e-7,
        reason="5e-9 from the walls, 5.2 lengths from the displaced dot, times 20",
        source="Kohn's theorem; Dobson 1994, doi:10.1103/PhysRevLett.73.2244",
        compute=lambda: (
            solve_round_dot(n_electrons, 1.0, 4, field=field).energy
            - solve_round_dot(n_electrons, 1.0, 4).energy
        ),
    )


def _six_electrons() -> Case:
    return Case(
        quantity="energy, 4 and 5 shells extrapolated",
        dimensions=2,
        n_electrons=6,
        strength="omega = 1",
        reference=SIX_ELECTRONS_ENERGY,
        tolerance=0.06,
        reason="30 % of the basis error of 5 shells, as of every estimated label error",
        source=f"{LOHNE} (diffusion Monte Carlo, +-2e-4)",
        compute=_extrapolated_six,
        is_quick=False,
    )


def _extrapolated_six() -> float:
    """Energy at 1/M = 0 of a line in 1/M, M orbitals: the law that label errors go by."""
    four, five = (solve_round_dot(6, 1.0, shells).energy for shells in (4, 5))
    return 3.0 * five - 2.0 * four


_SHELLS = (5, 6, 7, 8)
_SEPARATION_TWO_ELECTRON_DOTS = (
    "exact separation, the distance integrated; Kohn 1961, doi:10.1103/PhysRev.123.1242"
)
#: Of the extrapolation of energies in 1/R, at omega = 1.
_EXTRAPOLATION = 1e-3


def two_electron_cases() -> list[Case]:
    """Return the rows, not computed yet."""
    return [
        *(_singlet(omega) for omega in (1.0, 0.5, 0.28, 1 / 6, 0.1)),
        _stronger(),
        _screened(),
        _finite_thickness(),
        *(_triplet(omega) for omega in (1.0, 1 / 3, 0.1)),
        *(_same_basis(n_shells) for n_shells in SAME_BASIS_ENERGIES),
        _density(),
    ]


def _singlet(omega: float) -> Case:
    return Case(
        quantity="singlet energy, shells extrapolated",
        dimensions=2,
        n_electrons=2,
        strength=f"omega = {omega:.4g}",
        reference=two_electron_energy(omega),
        tolerance=_EXTRAPOLATION * math.sqrt(omega),
        reason="fits through other shells differ by 5e-4 sqrt(omega), times 2",
        source=TAUT,
        compute=partial(_extrapolated_energy, omega),
    )


def _extrapolated_energy(omega: float, **options: Any) -> float:
    """Energy at 1/R = 0 of a parabola in 1/R through the last shells: the cusp gives 1/R."""
    energies = [solve_round_dot(2, omega, shells, **options).energy for shells in _SHELLS]
    return float(np.polyfit(1.0 / np.array(_SHELLS), energies, 2)[-1])


def _stronger() -> Case:
    """Return the row of strength 2, which is strength 1 at a quarter of the frequency, rescaled."""
    return Case(
        quantity="singlet energy, shells extrapolated",
        dimensions=2,
        n_electrons=2,
        strength="omega = 1, strength = 2",
        reference=4.0 * two_electron_energy(0.25),
        tolerance=4.0 * _EXTRAPOLATION * math.sqrt(0.25),
        reason="as at omega = 1/4, times 4",
        source=f"{TAUT}, by scaling",
        compute=partial(_extrapolated_energy, 1.0, strength=2.0),
    )


def _screened() -> Case:
    interaction = Interaction("screened", screening_length=1.0)
    return Case(
        quantity="singlet energy, screened, shells extrapolated",
        dimensions=2,
        n_electrons=2,
        strength="omega = 1, screening length 1",
        reference=_separated(interaction),
        tolerance=_EXTRAPOLATION,
        reason="the cusp is that of 1/r: tolerance as there",
        source=_SEPARATION_TWO_ELECTRON_DOTS,
        compute=partial(_extrapolated_energy, 1.0, interaction=interaction),
    )


def _finite_thickness() -> Case:
    interaction = Interaction("finite-thickness", thickness=1.0)
    return Case(
        quantity="singlet energy, finite thickness, 8 shells",
        dimensions=2,
        n_electrons=2,
        strength="omega = 1, thickness 1",
        reference=_separated(interaction),
        tolerance=2e-5,
        reason="no cusp: each shell halves the error, to 8e-6, times 2.5",
        source=_SEPARATION_TWO_ELECTRON_DOTS,
        compute=lambda: solve_round_dot(2, 1.0, 8, interaction=interaction).energy,
    )


def _separated(interaction: Interaction) -> float:
    return separated_energy(1.0, lambda distance: float(interaction(np.array(distance))))


def _triplet(omega: float) -> Case:
    return Case(
        quantity="triplet energy, 8 shells",
        dimensions=2,
        n_electrons=2,
        strength=f"omega = {omega:.4g}",
        reference=two_electron_energy(omega, angular_momentum=1),
        tolerance=1e-3 * math.sqrt(omega),
        reason="electrons of like spin meet without a cusp: 5e-4 sqrt(omega), times 2",
        source=TAUT,
        compute=lambda: _first_excited_energy(solve_round_dot(2, omega, 8)),
    )


def _first_excited_energy(solution: Solution) -> float:
    return solution.energy + solution.gap


def _same_basis(n_shells: int) -> Case:
    return Case(
        quantity=f"singlet energy in {n_shells} shells",
        dimensions=2,
        n_electrons=2,
        strength="omega = 1",
        reference=SAME_BASIS_ENERGIES[n_shells],
        tolerance=5e-6,
        reason="the walls' push on the highest shell, and the last digit of the reference",
        source=LOHNE,
        compute=lambda: solve_round_dot(2, 1.0, n_shells).energy,
    )


def _density() -> Case:
    return Case(
        quantity="distance of the density from the exact one, per electron",
        dimensions=2,
        n_electrons=2,
        strength="omega = 1",
        reference=0.0,
        tolerance=0.012,
        reason="7 shells: the error falls as 0.28 / orbitals",
        source=TAUT,
        compute=_density_error,
    )


def _density_error() -> float:
    solution = solve_round_dot(2, 1.0, 7)
    n_pixels, box = solution.density.shape[0], solution.box
    x, y = box.mesh(n_pixels)
    exact = taut_density(np.hypot(x - 0.5 * box.length, y - 0.5 * box.length))
    return float(np.abs(solution.density - exact).sum()) * box.pixel_area(n_pixels) / 2.0


def validation_cases(*, quick: bool = False) -> list[Case]:
    """Return the rows of the table, not computed yet.

    Parameters
    ----------
    quick : bool, default False
        Leave out those that take more than some seconds.
    """
    cases = [*line_cases(), *box_cases(), *two_electron_cases(), *round_dot_cases()]
    return [case for case in cases if case.is_quick or not quick]


def validate(
    *, quick: bool = False, progress: Callable[[int, int], None] | None = None
) -> list[Check]:
    """Compute every row of the table of exact and published values.

    Parameters
    ----------
    quick : bool, default False
        Leave out the rows that take more than some seconds.
    progress : callable, optional
        Called with the numbers of rows done and of all rows.

    Returns
    -------
    list of Check
        One a row; ``all(check.passed for check in checks)`` says whether the solvers are right.

    Examples
    --------
    >>> checks = validate(quick=True)  # doctest: +SKIP
    >>> all(check.passed for check in checks)  # doctest: +SKIP
    True
    """
    cases = validation_cases(quick=quick)
    checks: list[Check] = []
    for case in cases:
        checks.append(case.run())
        if progress is not None:
            progress(len(checks), len(cases))
    return checks
