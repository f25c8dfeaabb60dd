"""One state of two electrons, and the expectation values of its wave function."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.physics.pair_grid import GridOrbitals, density_of, square_coefficients
from keras_qd.physics.two_electrons import PairStates
from keras_qd.physics.window import Window

Array = NDArray[np.float64]

#: Natural orbitals that hold fewer electrons than this are left out.
_LEAST_OCCUPATION = 1e-7

#: Digits of energies in Ha* that are not rounding.
_DIGITS = 7


@dataclass(frozen=True, eq=False)
class PairState:
    """State of two electrons on a product grid; `physics.pair_states` returns them.

    Parameters
    ----------
    window : Window
        Part of the box that the grid covers.
    orbitals : GridOrbitals
        Orbitals of one electron there (a batch of one).
    energy : float
        Energy in Ha*.
    spin : int
        Total spin: 0 for a singlet, 1 for a triplet.
    wave_function : ndarray, shape (g, g)
        Amplitudes of products of orbitals, symmetric for a singlet, antisymmetric for a triplet;
        squares sum to 1.
    residual : float
        Norm ``|H psi - E psi|`` in Ha*.

    Examples
    --------
    >>> from keras_qd.physics import Box, pair_states
    >>> (ground,) = pair_states(np.zeros((16, 16)), Box(4.0), 1)
    >>> isinstance(ground, PairState), ground.spin, round(float(ground.occupations.sum()), 6)
    (True, 0, 2.0)
    """

    window: Window
    orbitals: GridOrbitals
    energy: float
    spin: int
    wave_function: Array
    residual: float

    @property
    def spin_squared(self) -> float:
        """Expectation of S^2: exact, as the spatial wave function has one symmetry."""
        return float(self.spin * (self.spin + 1))

    @property
    def one_body_density_matrix(self) -> Array:
        """``<a+_i a_k>`` of both spins between the orbitals of the grid, shape (g, g)."""
        return np.asarray(2.0 * self.wave_function @ self.wave_function.T)

    @cached_property
    def occupations(self) -> Array:
        """Natural occupations, falling; they sum to 2, pairs of them equal for a triplet."""
        return np.asarray(np.linalg.eigvalsh(self.one_body_density_matrix)[::-1])

    def density(self, n_pixels: int) -> Array:
        """Electron density at the pixel centres of the box, y first, in 1/a0*^2.

        Parameters
        ----------
        n_pixels : int
            Pixels along the side of the box.

        Returns
        -------
        ndarray, shape (n_pixels, n_pixels)
            ``sum(density) * box.pixel_area(n_pixels)`` is 2.
        """
        return density_at_pixels(self.orbitals, self.window, self.wave_function, 2, n_pixels)

    @cached_property
    def mean_distance(self) -> float:
        """Expectation of the distance between the electrons, in a0*."""
        steps, _ = self.orbitals.grid.steps
        return float((self.on_points**2 * steps).sum() * self.spacing)

    @property
    def contact_density(self) -> float:
        """Probability density in 1/a0*^2 that both electrons are at one point; 0 for triplets."""
        return float((self.on_points.diagonal() ** 2).sum() / self.spacing**2)

    @property
    def spacing(self) -> float:
        """Spacing of the grid in a0*."""
        return self.window.side / (self.orbitals.grid.n + 1)

    def pair_density(self, x: float, y: float, n_pixels: int) -> Array:
        """Density of one electron at the pixel centres while another one is at (x, y).

        Parameters
        ----------
        x, y : float
            Position of an electron in a0*, inside the window.
        n_pixels : int
            Pixels along the side of the box.

        Returns
        -------
        ndarray, shape (n_pixels, n_pixels)
            ``2 |psi(r, r')|^2`` in 1/a0*^4; its integral is the density at (x, y).

        Raises
        ------
        UsageError
            If the point is outside of the window.
        """
        window, n = self.window, self.orbitals.grid.n_fine
        position = np.array([y - window.y, x - window.x]) / window.side
        if not ((position > 0) & (position < 1)).all():
            raise UsageError(
                f"there are no electrons at x={x}, y={y}: the grid covers {window.side:.3g} a0* "
                f"from x={window.x:.3g}, y={window.y:.3g} on"
            )
        waves = np.sin(np.pi * np.outer(position, np.arange(1, n + 1))) * np.sqrt(2 / window.side)
        there = np.outer(*waves).ravel() @ self._coefficients
        other = (self._coefficients @ (self.wave_function @ there)).reshape(n, n)
        along_y, along_x = window.sines(n_pixels, n)
        return np.asarray(2.0 * (along_y @ other @ along_x.T) ** 2)

    @cached_property
    def positions(self) -> tuple[Array, Array]:
        """Matrices of x and of y between the orbitals, in a0* from the corner of the box."""
        return positions_between(self.orbitals, self.window)

    @cached_property
    def _coefficients(self) -> Array:
        return np.asarray(square_coefficients(self.orbitals)[0])

    @cached_property
    def on_points(self) -> Array:
        """Wave function between points times h^2, shape (g, g)."""
        points = self.orbitals.points[0]
        return np.asarray(points @ self.wave_function @ points.T)


def states_of(states: PairStates, window: Window, n_lowest: int) -> list[PairState]:
    """Lowest states of a batch of one, rising in energy; singlets first where rounding decides."""
    found = []
    for spin, root in product((0, 1), range(n_lowest)):
        matrix = states.matrices(spin, root)[0].astype(np.float64)
        found.append(
            PairState(
                window,
                states.orbitals,
                float(states.energies[spin, 0, root]),
                spin,
                matrix / np.linalg.norm(matrix),
                float(states.residuals[spin, 0, root]),
            )
        )
    return sorted(found, key=lambda state: (round(state.energy, _DIGITS), state.spin))


def positions_between(orbitals: GridOrbitals, window: Window) -> tuple[Array, Array]:
    """Matrices of x and of y between all orbitals, in a0* from the corner of the box."""
    n, side = orbitals.grid.n_fine, window.side
    k = np.arange(1, n + 1)
    difference = k[:, None] ** 2 - k**2
    odd = difference % 2 == 1
    along = np.where(odd, -8 * np.outer(k, k) / np.where(odd, np.pi * difference, 1) ** 2, 0.0)
    squares = square_coefficients(orbitals)[0].reshape(n, n, -1)
    moved = (np.einsum("ak,bkm->bam", along, squares), np.einsum("bk,kam->bam", along, squares))
    unit = np.eye(squares.shape[-1])
    x, y = (
        side * np.tensordot(squares, part, axes=((0, 1), (0, 1))) + (corner + side / 2) * unit
        for part, corner in zip(moved, (window.x, window.y), strict=True)
    )
    return x, y


def density_at_pixels(
    orbitals: GridOrbitals, window: Window, root: Array, n_electrons: int, n_pixels: int
) -> Array:
    """Density of the density matrix ``root @ root.T`` at the pixel centres, in 1/a0*^2."""
    amplitudes = square_coefficients(orbitals)[0] @ root
    sines = window.sines(n_pixels, orbitals.grid.n_fine)
    density = density_of(amplitudes[None], *sines)[0]
    # A window's edge does not fall on the edge of a pixel: sums over pixels are not exact.
    return np.asarray(density * (n_electrons / (density.sum() * window.box.pixel_area(n_pixels))))


def natural_orbitals(
    orbitals: GridOrbitals, window: Window, up: Array, down: Array, n_pixels: int
) -> tuple[Array, Array, Array, Array]:
    """Energies, pixel values and density matrices of the natural orbitals of `up` + `down`."""
    n_electrons = float(np.round(np.trace(up + down)))
    filled = np.flatnonzero((up + down).any(axis=0))
    filled_up, filled_down = up[np.ix_(filled, filled)], down[np.ix_(filled, filled)]
    occupations, mixing = np.linalg.eigh(filled_up + filled_down)
    mixing = mixing[:, ::-1][:, occupations[::-1] > _LEAST_OCCUPATION]
    n = orbitals.grid.n_fine
    along_y, along_x = window.sines(n_pixels, n)
    coefficients = (square_coefficients(orbitals)[0][:, filled] @ mixing).T.reshape(-1, n, n)
    values = along_y @ coefficients @ along_x.T
    up, down = mixing.T @ filled_up @ mixing, mixing.T @ filled_down @ mixing
    factor = n_electrons / np.trace(up + down)
    up, down = factor * up, factor * down
    density = np.einsum("ij,iyx,jyx->yx", up + down, values, values, optimize=True)
    values *= np.sqrt(n_electrons / (density.sum() * window.box.pixel_area(n_pixels)))
    energies = (mixing**2).T @ orbitals.energies[0, filled]
    return energies, values, up, down
