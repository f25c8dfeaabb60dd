r"""Kohn-Sham potentials and energies of one electron, or of two in a singlet, by their density.

All N = 1 or 2 electrons share one orbital, ``phi = sqrt(n / N)``, whose Schroedinger equation gives
the potential [1]_ without iteration:

.. math:: v_s = \epsilon + \frac{\nabla^2 \sqrt n}{2 \sqrt n}, \qquad
   T_s = \tfrac12 \int |\nabla \sqrt n|^2, \qquad v_{xc} = v_s - V - v_H .

Derivatives are those of the sine series of ``sqrt n`` on the pixel centres.
Exchange is known too, ``v_x = -v_H / N`` and ``E_x = -E_H / N``.

References
----------
.. [1] C.-O. Almbladh and A. C. Pedroza, "Density-functional exchange-correlation potentials and
   orbital eigenvalues for light atoms", Phys. Rev. A 29, 2322 (1984),
   https://doi.org/10.1103/PhysRevA.29.2322
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dstn, idstn, irfft2, next_fast_len, rfft2

from keras_qd.errors import DataError, PhysicsError, UsageError
from keras_qd.physics.box import Box, check_field
from keras_qd.physics.interactions import Interaction, as_interaction
from keras_qd.physics.solution import Solution
from keras_qd.physics.solver import check_potential, solve

Array = NDArray[np.float64]

#: Least density, as a share of its maximum, where v_xc is taken from it; it is faded out over a
#: further factor.
FLOOR = 1e-2
_FADE = 0.1

#: Negative values that are rounding, as a share of the largest density, and what roots of densities
#: below are not divided by, as a share of the largest root.
_ROUNDING, _NOISE = 1e-5, 1e-4

#: Largest deviation of the integral of a density from a whole number.
_CHARGE_TOLERANCE = 1e-2

#: Width in pixels of the Gaussian that the sum over a lattice is made exact for.
_WIDTH = 32


@dataclass(frozen=True, eq=False)
class KohnSham:
    """Exact Kohn-Sham system of a dot with one electron, or with two in a singlet.

    Where the density is below the floor it does not determine a potential to any useful accuracy
    (`determined` is False): the correlation potential is faded out there, and `xc_potential` is the
    exchange potential, which it tends to far from the electrons.

    Parameters
    ----------
    box : Box
        The box.
    n_electrons : int
        One or two.
    level : float
        Energy of the occupied Kohn-Sham orbital in Ha*, which fixes the constant of `xc_potential`.
    external_potential, hartree_potential, xc_potential : ndarray, shape (n_pixels, n_pixels)
        At the pixel centres in Ha*, y first; their sum is the Kohn-Sham potential.
    determined : ndarray of bool, shape (n_pixels, n_pixels)
        Where the density is above the floor.
    energy : float
        Ground-state energy of the interacting electrons in Ha*.
    kinetic_energy : float
        Kinetic energy T_s of the Kohn-Sham orbital in Ha*.
    external_energy : float
        Integral of density times external potential, in Ha*.
    hartree_energy : float
        Half the integral of density times Hartree potential, in Ha*.

    Examples
    --------
    >>> from keras_qd.physics import Box, kohn_sham, solve
    >>> box = Box(10.0)
    >>> x, y = box.mesh(48)
    >>> parabola = (x - 5) ** 2 / 2 + (y - 5) ** 2 / 2
    >>> found = kohn_sham(parabola, solve(parabola, box, n_electrons=2))
    >>> isinstance(found, KohnSham), round(found.level, 2), round(found.xc_energy, 2)
    (True, 2.0, -1.25)
    """

    box: Box
    n_electrons: int
    level: float
    external_potential: Array
    hartree_potential: Array
    xc_potential: Array
    determined: NDArray[np.bool_]
    energy: float
    kinetic_energy: float
    external_energy: float
    hartree_energy: float

    @property
    def potential(self) -> Array:
        """Kohn-Sham potential in Ha*, shape (n_pixels, n_pixels)."""
        return self.external_potential + self.hartree_potential + self.xc_potential

    @property
    def exchange_potential(self) -> Array:
        """Exchange potential in Ha*, shape (n_pixels, n_pixels): ``-v_H / N``."""
        return -self.hartree_potential / self.n_electrons

    @property
    def correlation_potential(self) -> Array:
        """What `xc_potential` has beyond exchange, in Ha*, shape (n_pixels, n_pixels)."""
        return self.xc_potential - self.exchange_potential

    @property
    def xc_energy(self) -> float:
        """Exchange-correlation energy in Ha*: ``E - T_s - E_ext - E_H``."""
        return self.energy - self.kinetic_energy - self.external_energy - self.hartree_energy

    @property
    def exchange_energy(self) -> float:
        """Exchange energy in Ha*: ``-E_H / N``."""
        return -self.hartree_energy / self.n_electrons

    @property
    def correlation_energy(self) -> float:
        """Correlation energy in Ha*, never positive but for errors; 0 for one electron."""
        return self.xc_energy - self.exchange_energy


def kohn_sham(
    potential: Array,
    solution: Solution,
    interaction: str | Interaction = "coulomb",
    strength: float = 1.0,
    *,
    floor: float = FLOOR,
) -> KohnSham:
    """Exact Kohn-Sham system of a solved dot with one electron, or with two in a singlet.

    The constant is fixed by the ionisation energy: the occupied level is ``E_N - E_(N - 1)``, with
    ``E_0 = 0``.

    Parameters
    ----------
    potential : ndarray, shape (n_pixels, n_pixels)
        Potential at the pixel centres in Ha*, y first, that was solved.
    solution : Solution
        Its ground state.
    interaction, strength : optional
        The interaction that it was solved with; see `Solver`.
    floor : float, default 1e-2
        Least density, as a share of its maximum, where the exchange-correlation potential is taken
        from it.

    Returns
    -------
    KohnSham
        Potentials and energies.

    Raises
    ------
    PhysicsError
        If the electrons do not share one orbital: three or more, or two that are not in a singlet.
    DataError, UsageError
        As `kohn_sham_of_density`.

    Examples
    --------
    For one electron exchange removes what the Hartree potential adds:

    >>> from keras_qd.physics import solve
    >>> box = Box(10.0)
    >>> x, y = box.mesh(48)
    >>> parabola = (x - 5) ** 2 / 2 + (y - 5) ** 2 / 2
    >>> found = kohn_sham(parabola, solve(parabola, box, n_electrons=1))
    >>> there = found.determined
    >>> bool(np.abs(found.xc_potential + found.hartree_potential)[there].max() < 1e-3)
    True
    """
    if solution.n_electrons > 2:
        raise PhysicsError(
            "the Kohn-Sham potential has a closed form for one electron or two, and the solution "
            f"has {solution.n_electrons}; solve with n_electrons=2"
        )
    if solution.n_electrons == 2 and solution.spin_squared > 1e-6:
        raise PhysicsError(
            "two electrons share one Kohn-Sham orbital in a singlet only, and the solution has "
            f"S^2 = {solution.spin_squared:.3g}; solve with spin=0"
        )
    level = solution.energy
    if solution.n_electrons == 2:
        level -= solve(potential, solution.box, 1).energy
    return kohn_sham_of_density(
        potential,
        solution.density,
        solution.box,
        interaction,
        strength,
        energy=solution.energy,
        level=level,
        floor=floor,
    )


def kohn_sham_of_density(
    potential: Array,
    density: Array,
    box: Box,
    interaction: str | Interaction = "coulomb",
    strength: float = 1.0,
    *,
    energy: float = math.nan,
    level: float | None = None,
    floor: float = FLOOR,
) -> KohnSham:
    """Exact Kohn-Sham system of a density of one electron, or of two in a singlet.

    Parameters
    ----------
    potential, density : ndarray, shape (n_pixels, n_pixels)
        At the pixel centres, y first, in Ha* and 1/a0*^2. The density integrates to 1 or 2.
    box : Box
        The box with hard walls.
    interaction, strength : optional
        The interaction of the electrons; see `Solver`.
    energy : float, optional
        Energy of the ground state in Ha*; without it `KohnSham.xc_energy` is nan.
    level : float, optional
        Energy of the occupied orbital in Ha*, such as ``E_2 - E_1``. By default the
        density-weighted mean of the correlation potential is zero.
    floor : float, default 1e-2
        As in `kohn_sham`.

    Returns
    -------
    KohnSham
        Potentials and energies.

    Raises
    ------
    DataError
        If potential or density is not a square of finite numbers, they differ in shape, or the
        density is negative or integrates to neither 1 nor 2.
    UsageError
        If the floor is not between 0 and 1.

    Examples
    --------
    >>> from keras_qd.physics import taut_density
    >>> box = Box(12.0)
    >>> x, y = box.mesh(64)
    >>> r = np.hypot(x - 6, y - 6)
    >>> found = kohn_sham_of_density(r**2 / 2, taut_density(r), box, energy=3.0, level=2.0)
    >>> round(found.kinetic_energy, 3), round(found.correlation_energy, 3)
    (0.781, -0.163)
    """
    if not 0.0 < floor < 1.0:
        raise UsageError(f"floor is a share of the largest density, between 0 and 1, got {floor!r}")
    potential = check_potential(potential)
    density = _checked_density(density, potential, box)
    area = box.pixel_area(len(density))
    n_electrons = round(float(density.sum() * area))
    hartree = hartree_potential(density, box, interaction, strength)
    kinetic, kinetic_energy = _kinetic(density, box)
    high = density.max()
    determined = density >= floor * high
    # With the level still to be added.
    correlation = kinetic - potential - (1.0 - 1.0 / n_electrons) * hartree
    if level is None:
        level = -float((correlation * density)[determined].sum() / density[determined].sum())
    share = np.log(np.maximum(density, 1e-300) / (_FADE * floor * high)) / -math.log(_FADE)
    faded = np.clip(share, 0.0, 1.0) * (correlation + level)
    return KohnSham(
        box,
        n_electrons,
        level,
        potential,
        hartree,
        faded - hartree / n_electrons,
        determined,
        energy,
        kinetic_energy,
        float((density * potential).sum() * area),
        0.5 * float((density * hartree).sum() * area),
    )


def hartree_potential(
    density: Array, box: Box, interaction: str | Interaction = "coulomb", strength: float = 1.0
) -> Array:
    """Electrostatic potential of a density, or that of another interaction.

    The sum over pixels is a convolution. What it misses of the singularity is made up on one pixel
    and its neighbours, so that it converges as the fifth power of the size of the pixels.

    Parameters
    ----------
    density : ndarray, shape (n_pixels, n_pixels)
        At the pixel centres in 1/a0*^2, y first.
    box : Box
        The box.
    interaction, strength : optional
        See `Solver`.

    Returns
    -------
    ndarray, shape (n_pixels, n_pixels)
        In Ha*.

    Examples
    --------
    In the middle of a Gaussian it is ``sqrt(pi)``:

    >>> box = Box(12.0)
    >>> x, y = box.mesh(65)
    >>> gaussian = np.exp(-((x - 6) ** 2) - (y - 6) ** 2) / np.pi
    >>> bool(abs(hartree_potential(gaussian, box)[32, 32] - np.pi**0.5) < 1e-5)
    True
    """
    n = len(density)
    size = next_fast_len(2 * n - 1, real=True)
    kernel = _lattice_kernel(as_interaction(interaction), box.length / n, n)
    offsets = np.minimum(np.arange(size), size - np.arange(size)).clip(max=n - 1)
    spread = rfft2(kernel[np.ix_(offsets, offsets)]) * rfft2(density, (size, size))
    found = irfft2(spread, (size, size))[:n, :n]
    return np.asarray(strength * box.pixel_area(n) * found)


def _checked_density(density: Array, potential: Array, box: Box) -> Array:
    """Return a density as float64, or raise `DataError` unless it has one electron or two."""
    density = check_field(
        density,
        "density",
        several="take several densities one by one",
        not_finite="a density is finite everywhere",
    )
    if density.shape != potential.shape:
        raise DataError(
            f"potential and density must have one shape, got {potential.shape} and {density.shape}"
        )
    if density.min() < -_ROUNDING * density.max():
        raise DataError(f"a density is not negative, this one falls to {density.min():.3g} 1/a0*^2")
    charge = float(density.sum() * box.pixel_area(len(density)))
    if min(abs(charge - 1.0), abs(charge - 2.0)) > _CHARGE_TOLERANCE:
        raise DataError(
            "the Kohn-Sham potential has a closed form for a density of one electron or of two, "
            f"this density integrates to {charge:.5g}; multiply it by the right factor, or check "
            "the length of the box"
        )
    return density


def _kinetic(density: Array, box: Box) -> tuple[Array, float]:
    """Return ``laplacian(sqrt n) / (2 sqrt n)`` and the kinetic energy."""
    root = np.sqrt(np.maximum(density, 0.0))
    waves = np.arange(1, len(root) + 1) * (np.pi / box.length)
    kinetic = 0.5 * (waves[:, None] ** 2 + waves**2)
    sines = dstn(root, type=2, norm="ortho")
    curvature = idstn(-kinetic * sines, type=2, norm="ortho")
    energy = float((kinetic * sines**2).sum() * box.pixel_area(len(root)))
    return curvature / np.maximum(root, _NOISE * root.max()), energy


@lru_cache(maxsize=8)
def _lattice_kernel(interaction: Interaction, spacing: float, n: int) -> Array:
    """Interaction between points of a lattice by their offsets, corrected close by: (n, n)."""
    offsets = np.arange(n)
    distances = np.hypot(offsets[:, None], offsets) * spacing
    distances[0, 0] = spacing  # any value: it is replaced
    kernel = np.array(interaction(distances))
    on_site, neighbour = _corrections(interaction, spacing)
    kernel[0, 0] = on_site
    kernel[0, 1] += neighbour
    kernel[1, 0] += neighbour
    return kernel


@lru_cache(maxsize=64)
def _corrections(interaction: Interaction, spacing: float) -> tuple[float, float]:
    """Interaction on one point, and what is added on neighbours, for exact sums of f and r^2 f."""
    # f is a Gaussian of many pixels' width. Lengths are in pixels.
    unit = interaction.scaled(1.0 / spacing)
    offsets = np.arange(-6 * _WIDTH, 6 * _WIDTH + 1)
    r = np.hypot(offsets[:, None], offsets)
    r = r[r > 0]
    edges = np.concatenate([[0.0], 6.0 * _WIDTH * 2.0 ** np.arange(-30, 1)])
    nodes, weights = np.polynomial.legendre.leggauss(24)
    half = 0.5 * np.diff(edges)[:, None]
    s = (edges[:-1, None] + half * (nodes + 1)).ravel()
    weights = (half * weights).ravel() * 2 * np.pi * s
    missing = [
        float((weights * unit(s) * s**p * np.exp(-((s / _WIDTH) ** 2))).sum())
        - float((unit(r) * r**p * np.exp(-((r / _WIDTH) ** 2))).sum())
        for p in (0, 2)
    ]
    near = math.exp(-1.0 / _WIDTH**2)
    neighbour = missing[1] / (4 * near)
    on_site = missing[0] - 4 * near * neighbour
    # w(r) = unit(r / spacing) / spacing
    return on_site / spacing, neighbour / spacing
