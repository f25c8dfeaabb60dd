"""Double dots: tunnel coupling, and exchange beside the textbook's approximations to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline
from scipy.ndimage import label, minimum_filter
from scipy.optimize import minimize_scalar

from keras_qd.errors import PhysicsError, UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.integrals import pair_interaction
from keras_qd.physics.interactions import Interaction, as_interaction
from keras_qd.physics.quantities import (
    Estimate,
    exchange,
    matrix_elements,
    one_electron_levels,
)
from keras_qd.physics.sine_basis import Orbitals, SineBasis, sine_basis
from keras_qd.physics.solver import check_potential

Array = NDArray[np.float64]

#: Detuning in Ha* between the ends of the box within which an anticrossing is sought, and the
#: levels that the detuned ones are mixed from.
_MOST_DETUNING, _MIXED_LEVELS = 2.0, 16

#: Half waves a side that hold the ground states of parabolas.
_WELL_HALF_WAVES = 20

#: Steps of Newton's method from a pixel to the minimum next to it.
_NEWTON_STEPS = 8


@dataclass(frozen=True)
class Anticrossing:
    """Avoided crossing of the two lowest levels of one electron in a double dot.

    Parameters
    ----------
    coupling : Estimate
        Tunnel coupling t, half of the smallest distance of the two levels, in Ha*.
    detuning : float
        Difference of the added potential between the two ends of the box at that point, in Ha*.
    lever : float
        Slope d(E_left - E_right) / d(detuning) far from the crossing.

    Examples
    --------
    >>> Anticrossing(Estimate(0.01, 0.0001), 0.2, 0.4).gap(0.2)
    0.02
    """

    coupling: Estimate
    detuning: float
    lever: float

    def gap(self, detuning: float) -> float:
        """Gap ``sqrt((lever (detuning - detuning_0))^2 + 4 t^2)`` in Ha*; see `Anticrossing`."""
        return math.hypot(self.lever * (detuning - self.detuning), 2 * self.coupling.value)


def tunnel_coupling(
    potential: Array, box: Box, direction: tuple[float, float] = (1.0, 0.0)
) -> Anticrossing:
    """Tunnel coupling of a double dot, from the avoided crossing of one electron's two levels.

    A constant field along a direction detunes the wells; where the two lowest levels are nearest,
    half of their distance is t. In a symmetric double dot that is at no field, where they are the
    bonding and the antibonding state.

    Parameters
    ----------
    potential : ndarray, shape (n_pixels, n_pixels)
        Potential of two wells at the pixel centres in Ha*, y first.
    box : Box
        The box with hard walls.
    direction : tuple of float, default (1, 0)
        From one well to the other, x first.

    Returns
    -------
    Anticrossing
        Its `coupling` is t.

    Raises
    ------
    UsageError
        If the direction is zero.
    DataError
        If the potential is not square or not finite.
    PhysicsError
        If it has no avoided crossing within 1 Ha* of detuning either way, or is too sharp.

    Examples
    --------
    >>> box = Box(10.0)
    >>> x, y = box.mesh(48)
    >>> double_dot = np.minimum((x - 3.5) ** 2, (x - 6.5) ** 2) / 2 + (y - 5) ** 2 / 2
    >>> crossing = tunnel_coupling(double_dot, box)
    >>> round(crossing.coupling.value, 3), abs(crossing.detuning) < 1e-4
    (0.089, True)
    """
    length = math.hypot(*direction)
    if not (math.isfinite(length) and length > 0):
        raise UsageError(f"direction must be two numbers, not both zero, got {direction!r}")
    x, y = box.mesh(len(potential))
    along = ((x - x.mean()) * direction[0] + (y - y.mean()) * direction[1]) / length / box.length

    # The detuned levels, well enough to find the crossing, are mixtures of some levels of the dot.
    levels, _ = one_electron_levels(potential, box, _MIXED_LEVELS, tolerance=1e-3)
    between = matrix_elements(levels, along)

    def gap(detuning: float) -> float:
        matrix = np.diag(levels.energies) + detuning * between
        return float(np.diff(np.linalg.eigvalsh(matrix)[:2])[0])

    half = _MOST_DETUNING / 2
    trials = np.linspace(-half, half, 41)
    k = int(np.argmin([gap(trial) for trial in trials]))
    if k in (0, len(trials) - 1):
        raise PhysicsError(
            f"the two lowest levels have no avoided crossing within {half:g} Ha* of detuning along "
            f"{direction}: choose the direction from one well to the other"
        )
    bounds = (trials[k - 1], trials[k + 1])
    detuning = float(minimize_scalar(gap, bounds=bounds, options={"xatol": 1e-7}).x)
    crossing, errors = one_electron_levels(potential + detuning * along, box, 2)
    splitting, error = np.diff(crossing.energies), np.diff(errors)
    return Anticrossing(
        Estimate(float(splitting[0]) / 2, float(abs(error[0])) / 2),
        detuning,
        # The states in one well each are those in which the detuning is diagonal.
        float(np.ptp(np.linalg.eigvalsh(matrix_elements(crossing, along)))),
    )


@dataclass(frozen=True)
class ExchangeModels:
    """Exchange energy of a double dot, exactly and in the textbook's approximations.

    Parameters
    ----------
    exact : Estimate
        J in Ha*.
    hund_mulliken : float
        Of all states of two electrons in one orbital per well, double occupation included.
    heitler_london : float
        Of one electron in each of these orbitals, before they are made orthogonal.

    Examples
    --------
    >>> ExchangeModels(Estimate(0.1, 0.001), 0.12, 0.08).exact.value
    0.1
    """

    exact: Estimate
    hund_mulliken: float
    heitler_london: float


def exchange_models(
    potential: Array,
    box: Box,
    interaction: str | Interaction = "coulomb",
    strength: float = 1.0,
    **settings: Any,
) -> ExchangeModels:
    """Exchange energy beside its Heitler-London and Hund-Mulliken values [1]_.

    The orbitals are the ground states of the parabolas that touch the potential in its two lowest
    minima.

    Parameters
    ----------
    potential : ndarray, shape (n_pixels, n_pixels)
        Potential with two wells at the pixel centres in Ha*, y first.
    box : Box
        The box with hard walls.
    interaction, strength, **settings : optional
        See `Solver`.

    Returns
    -------
    ExchangeModels
        Energies in Ha*.

    Raises
    ------
    DataError, UsageError
        As `solve`.
    PhysicsError
        If the potential has not two minima inside the box, or is too sharp.

    References
    ----------
    .. [1] G. Burkard, D. Loss and D. P. DiVincenzo, "Coupled quantum dots as quantum gates", Phys.
       Rev. B 59, 2070 (1999), https://doi.org/10.1103/PhysRevB.59.2070

    Examples
    --------
    >>> box = Box(10.0)
    >>> x, y = box.mesh(48)
    >>> quartic = 0.5 * (((x - 5) ** 2 - 4) ** 2 / 16 + (y - 5) ** 2)
    >>> found = exchange_models(quartic, box)
    >>> 0 < found.exact.value < 0.3, found.hund_mulliken != found.heitler_london
    (True, True)
    """
    exact = exchange(potential, box, interaction, strength, **settings)
    potential = check_potential(potential)
    wells = _harmonic_orbitals(potential, box)
    flat = wells.reshape(2, -1)
    root = _root(flat @ flat.T * box.pixel_area(len(potential)))
    # Loewdin's orthogonal orbitals, and the one-electron Hamiltonian between them.
    basis = sine_basis(min(len(potential) - 1, _WELL_HALF_WAVES), len(potential))
    coefficients = _expand(np.tensordot(np.linalg.inv(root), wells, axes=1), basis, box)
    kinetic = basis.kinetic[:, None] * (np.pi / box.length) ** 2
    one_body = coefficients.T @ (
        basis.potential_matrix(potential) @ coefficients + kinetic * coefficients
    )
    orbitals = Orbitals(basis, box, one_body.diagonal(), coefficients)
    pairs = pair_interaction(orbitals, as_interaction(interaction), strength)
    singlets = _singlets(one_body) + pairs.singlet
    triplet = float(np.trace(one_body) + pairs.triplet[0, 0])
    covalent = _covalent(root)
    return ExchangeModels(
        exact,
        triplet - float(np.linalg.eigvalsh(singlets)[0]),
        triplet - float(covalent @ singlets @ covalent),
    )


def _singlets(one_body: Array) -> Array:
    """Hamiltonian without interaction of both electrons in one orbital, in each, in the other."""
    (a, t), (_, b) = one_body
    mixing = math.sqrt(2) * t
    return np.array([[2 * a, mixing, 0], [mixing, a + b, mixing], [0, mixing, 2 * b]])


def _covalent(root: Array) -> Array:
    """One electron in each of two orbitals that are not orthogonal, in the order of `_singlets`."""
    (p, s), (_, q) = root
    state = np.array([math.sqrt(2) * p * s, p * q + s * s, math.sqrt(2) * s * q])
    return np.asarray(state / np.linalg.norm(state))


def _root(matrix: Array) -> Array:
    """Symmetric square root of a positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors * np.sqrt(values) @ vectors.T)


def _expand(fields: Array, basis: SineBasis, box: Box) -> Array:
    """Sine coefficients of fields that vanish at the walls, shape (n_functions, m)."""
    b, a = basis.half_waves.T - 1
    squares = basis.sines.T @ fields @ basis.sines
    # A pixel's area, in units in which the box is pi long and functions are normalised there.
    return np.asarray(squares[:, b, a].T * (np.pi * box.length / basis.n_pixels**2))


def _harmonic_orbitals(potential: Array, box: Box) -> Array:
    """Ground states of the parabolas that touch the potential in its two lowest minima."""
    inner = potential[1:-1, 1:-1]
    # Neighbouring pixels of one value are one minimum.
    groups, n_minima = label(
        minimum_filter(potential, size=3)[1:-1, 1:-1] == inner, np.ones((3, 3))
    )
    positions = np.array([np.argwhere(groups == k)[0] for k in range(1, n_minima + 1)]).reshape(
        -1, 2
    )
    positions = positions[np.argsort(inner[tuple(positions.T)], kind="stable")[:2]] + 1
    if len(positions) < 2:
        raise PhysicsError(
            f"the potential has {len(positions)} minima inside the box, and the models of exchange "
            "have an orbital in each of two"
        )
    return np.array([_harmonic_orbital(potential, box, *each) for each in positions])


def _harmonic_orbital(potential: Array, box: Box, row: int, column: int) -> Array:
    """Gaussian of the parabola that touches the potential in its minimum near a pixel."""
    x, y = box.mesh(len(potential))
    spline = RectBivariateSpline(x[0], y[:, 0], potential.T, kx=5, ky=5)
    centre = np.array([x[row, column], y[row, column]])
    for _ in range(_NEWTON_STEPS):
        slope = np.array([spline.ev(*centre, dx=1), spline.ev(*centre, dy=1)])
        cross = spline.ev(*centre, dx=1, dy=1)
        curvature = np.array([[spline.ev(*centre, dx=2), cross], [cross, spline.ev(*centre, dy=2)]])
        if np.linalg.eigvalsh(curvature)[0] <= 0:
            raise PhysicsError("a minimum of the potential is flat: it has no harmonic orbital")
        centre = centre - np.linalg.solve(curvature, slope)
    distance = np.stack([x - centre[0], y - centre[1]])
    exponent = np.einsum("iyx,ij,jyx->yx", distance, _root(curvature), distance)
    orbital = np.exp(-0.5 * exponent)
    norm = math.sqrt(float((orbital**2).sum()) * box.pixel_area(len(potential)))
    return np.asarray(orbital / norm)
