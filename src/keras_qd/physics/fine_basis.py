r"""One electron in many half waves of a window, by matrix-vector products alone.

What is drawn has edges: the sine coefficients of its orbitals fall as a power of the number of half
waves until the pixels end, and matrices over so many functions are too large. The product of the
Hamiltonian with a few vectors is cheap: sines to points, times V there, and back. On ``n + K / 2``
points along a side it is exact for a cosine series of K terms.

With it a small grid is given the orbitals of a large basis: functions Q beyond those of the grid
are folded down as in `pair_grid`, by conjugate gradients [1]_ for ``(H_QQ - e0) X = -H_QP``, which
is positive definite where e0 is the lowest level.

References
----------
.. [1] M. R. Hestenes and E. Stiefel, J. Res. Natl. Bur. Stand. 49, 409 (1952),
   https://doi.org/10.6028/jres.049.044
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PhysicsError
from keras_qd.physics.box import refuse_ringing
from keras_qd.physics.davidson import davidson
from keras_qd.physics.pair_grid import GridOrbitals, PairGrid, grid_orbitals, pair_grid
from keras_qd.physics.sine_basis import Orbitals, cosine_matrix, sine_basis, sine_matrix
from keras_qd.physics.window import Window, whole_box

Array = NDArray[np.float64]

#: Half waves in the window for each one that the pixels hold: beyond, coefficients fall faster than
#: any power.
_BEYOND_PIXELS = 1.25

#: Most half waves along a side, for the sake of memory and time.
MOST_HALF_WAVES = 160

#: Half waves along a side that the ladder of grids reaches by itself in reasonable time.
_ENOUGH = 26

#: Points along a side of the grid whose orbitals say whether a potential is sharp.
_FIRST_GRID = 10

#: Error of a density over the norm of what the basis leaves out of its orbitals.
ERROR_OF_NORM = 1.0

#: Share of the tolerance of a density that truncation may take.
_SHARE = 0.3

#: Residual norm of conjugate gradients, as a share of the right-hand side; most iterations.
_FOLD_TOLERANCE, _MOST_ITERATIONS = 1e-6, 300

#: Functions of the grid that are folded at a time, to bound memory.
_BLOCK = 256


@dataclass(frozen=True)
class FineHamiltonian:
    """Hamiltonian of one electron in the n x n sines of a window; vectors are rows (k, n^2)."""

    window: Window
    potential: Array
    n: int

    @cached_property
    def kinetic(self) -> Array:
        """Kinetic energies of the functions in Ha*, shape (n^2,), x fastest."""
        squares = np.arange(1, self.n + 1) ** 2
        unit = (np.pi / self.window.side) ** 2
        return np.asarray(0.5 * unit * (squares[:, None] + squares).ravel())

    @cached_property
    def half_waves(self) -> Array:
        """Root of a^2 + b^2 for each function, shape (n^2,)."""
        squares = np.arange(1, self.n + 1) ** 2
        return np.asarray(np.sqrt((squares[:, None] + squares).ravel()))

    @cached_property
    def _points(self) -> Array:
        """V at the midpoints of the cells of the window that products are formed on."""
        n_cosines = len(self.potential) * self.window.side / self.window.box.length
        m = self.n + int(np.ceil(0.5 * n_cosines)) + 1
        n_pixels = len(self.potential)
        series = cosine_matrix(n_pixels - 1, n_pixels) * (2 / n_pixels)
        series[:, 0] /= 2
        nodes = (np.arange(m) + 0.5) * (self.window.side / m)
        along = [
            np.cos(np.outer((corner + nodes) * (np.pi / self.window.box.length), range(n_pixels)))
            @ series.T
            for corner in (self.window.y, self.window.x)
        ]
        return np.asarray(along[0] @ self.potential @ along[1].T)

    @cached_property
    def mean(self) -> float:
        """Mean potential in Ha*."""
        return float(self._points.mean())

    def apply(self, vectors: Array) -> Array:
        """H times each row."""
        m = len(self._points)
        sines = sine_matrix(self.n, m)
        fields = sines @ vectors.reshape(-1, self.n, self.n) @ sines.T
        images = sines.T @ (fields * (self._points * (np.pi / m) ** 2)) @ sines
        return np.asarray(images.reshape(len(vectors), -1) + self.kinetic * vectors)

    def distance(self, energies: Array) -> Array:
        """Energies of all functions above given ones, shape (k, n^2), safely positive."""
        return np.maximum(self.kinetic + self.mean - energies[:, None], 0.25 * self.kinetic)

    def left_out(self, vectors: Array, energies: Array, inside: NDArray[np.bool_]) -> Array:
        """Components (k, n^2) outside a part of the basis, by first-order perturbation theory."""
        return np.where(inside, 0.0, -self.apply(vectors) / self.distance(energies))

    def density(self, vector: Array, n_pixels: int) -> Array:
        """Square of one function at the pixel centres of the box."""
        along_y, along_x = self.window.sines(n_pixels, self.n)
        return np.asarray((along_y @ vector.reshape(self.n, self.n) @ along_x.T) ** 2)

    def lowest(self, starts: Array, n_roots: int, inside: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Lowest energies and states among the functions `inside`, from more starts than roots."""
        return davidson(
            lambda vectors: np.where(inside, self.apply(vectors), 0.0),
            lambda residuals, values: np.where(inside, -residuals / self.distance(values), 0.0),
            starts,
            n_roots,
            tolerance=1e-5,
        )


@dataclass(frozen=True)
class WindowOrbitals:
    """Orbitals of one electron on grids of a window, sharp potentials included."""

    potential: Array
    window: Window
    n_filled: int = 1
    tolerance: float = 1e-3

    def on_grid(self, n: int) -> GridOrbitals:
        """Orbitals of n x n points."""
        plain = pair_grid(n)
        if max(self.n_fine, plain.n_fine) == plain.n_fine:
            cosines = self.window.cosines(self.potential[None], 2 * plain.n_fine + 1)
            return grid_orbitals(plain, cosines, self.window.side)
        return fold(pair_grid(n, self.n_fine), self._fine, self._lowest[0][0])

    @cached_property
    def n_fine(self) -> int:
        """Half waves along a side of the functions that are folded; 0 for what the grid has."""
        rough = self._tail(*self._first)
        if self._reached(rough) <= _ENOUGH:
            return 0
        energies, vectors = self._lowest
        density = self._fine.density(vectors[0], len(self.potential))
        refuse_ringing(self.potential, density, energies[0], self.window.box)
        return min(self._reached(self._tail(energies, vectors)), self._fine.n)

    @cached_property
    def errors(self) -> tuple[float, float]:
        """Errors of an orbital energy in Ha* and of a density that functions left out cause."""
        if not self.n_fine:
            return 0.0, 0.0
        tail = self._tail(*self._lowest)
        # Where the basis ends before the pixels do, its last third stands for what is beyond.
        end = self.n_fine if self.n_fine < self._fine.n else 2 * self.n_fine // 3
        beyond = tail * (self._fine.half_waves > end)
        energy = (beyond**2 * self._fine.kinetic).sum(axis=1).max()
        return float(energy), float(ERROR_OF_NORM * np.sqrt((beyond**2).sum(axis=1).max()))

    @cached_property
    def _fine(self) -> FineHamiltonian:
        n_pixels = len(self.potential)
        in_window = _BEYOND_PIXELS * n_pixels * self.window.side / self.window.box.length
        n = min(max(int(np.ceil(in_window)), _ENOUGH + 6), MOST_HALF_WAVES)
        return FineHamiltonian(self.window, self.potential, n)

    @cached_property
    def _first(self) -> tuple[Array, Array]:
        """Energies and coefficients (k, n^2) of orbitals on the smallest grid, two to spare."""
        grid, n = pair_grid(_FIRST_GRID), self._fine.n
        cosines = self.window.cosines(self.potential[None], 2 * grid.n_fine + 1)
        orbitals = grid_orbitals(grid, cosines, self.window.side)
        k = self.n_filled + 2
        vectors = np.zeros((k, n * n))
        vectors[:, _indices_in(grid, n)] = orbitals.coefficients[0, :, :k].T
        return orbitals.energies[0, :k], vectors

    @cached_property
    def _lowest(self) -> tuple[Array, Array]:
        """Energies and coefficients of the filled orbitals in all sines up to a circle."""
        inside = self._fine.half_waves <= self._fine.n
        return self._fine.lowest(self._first[1] * inside, self.n_filled, inside)

    def _tail(self, energies: Array, vectors: Array) -> Array:
        """Coefficients of the filled orbitals, those not yet in a basis by perturbation theory."""
        inside = (vectors != 0.0).any(axis=0)
        k = self.n_filled
        return vectors[:k] + self._fine.left_out(vectors[:k], energies[:k], inside)

    def _reached(self, tail: Array) -> int:
        """Half waves that are enough for orbitals with these coefficients."""
        order = np.argsort(-self._fine.half_waves)
        beyond = np.sqrt(np.cumsum((tail**2).max(axis=0)[order]))
        allowed = _SHARE * self.tolerance / ERROR_OF_NORM
        first = int(np.searchsorted(beyond, allowed))
        return int(np.ceil(self._fine.half_waves[order[min(first, len(order) - 1)]]))


#: Functions left out, as a share of those that orbitals on the whole box are expanded in.
_MORE = 1.5

#: Half waves along a side that are tried in turn for the orbitals of one electron.
_SIZES = (48, 64, 96, 128)


def fine_orbitals(
    potential: Array, start: Orbitals, n_checked: int, tolerance: float
) -> tuple[Orbitals, Array, Array]:
    """Orbitals of a sharp potential in the whole box, from those in a smaller basis."""
    # The other values: errors in Ha* of the `n_checked` lowest energies, and norms left out.
    most = min(2 * len(potential), MOST_HALF_WAVES)
    energies, vectors = start.energies, start.basis.as_grids(start.coefficients)
    for n in [*(n for n in _SIZES if n < most), most]:
        larger = FineHamiltonian(whole_box(start.box), potential, int(_MORE * n))
        fine = replace(larger, n=n)
        inside = fine.half_waves**2 <= n**2 + 1
        starts = _padded(vectors, n).reshape(-1, n * n)
        more = fine.left_out(starts[:2], energies[:2], (starts != 0).any(axis=0)) * inside
        starts = np.concatenate([starts, more])
        energies, found = fine.lowest(starts, len(vectors), inside)
        density = fine.density(found[0], len(potential))
        refuse_ringing(potential, density, energies[0], start.box)
        vectors = found.reshape(-1, n, n)
        checked, lowest = vectors[:n_checked], energies[:n_checked]
        inside = larger.half_waves**2 <= n**2 + 1
        tail = larger.left_out(_padded(checked, larger.n).reshape(n_checked, -1), lowest, inside)
        errors = (tail**2 * larger.distance(lowest)).sum(axis=1)
        if errors.max() <= tolerance:
            break
    else:
        raise PhysicsError(
            f"the potential is too sharp: {n} half waves a side leave an error of about "
            f"{errors.max():.1g} Ha* in the energy of an electron, and {tolerance:.1g} is allowed; "
            f"allow it with basis_tolerance={2 * errors.max():.1g}, or blur the potential with "
            f"smooth={start.box.length / n:.1g} (in a0*)"
        )
    basis = sine_basis(n, len(potential))
    b, a = basis.half_waves.T - 1
    orbitals = Orbitals(basis, start.box, energies, vectors[:, b, a].T)
    return orbitals, errors, np.sqrt((tail**2).sum(axis=1))


def _padded(vectors: Array, n: int) -> Array:
    """Put squares (k, m, m) of coefficients into larger ones (k, n, n)."""
    more = n - vectors.shape[-1]
    return np.pad(vectors, ((0, 0), (0, more), (0, more)))


def fold(grid: PairGrid, fine: FineHamiltonian, reference: float) -> GridOrbitals:
    """Orbitals on a grid with the functions up to `grid.n_fine` folded at the lowest level."""
    if grid.n_fine < fine.n:
        fine = replace(fine, n=grid.n_fine)
    indices, size = _indices_in(grid, fine.n), grid.size
    inner, mixed = np.empty((size, size)), np.empty((len(indices) - size, size))
    amplitudes = np.empty_like(mixed)
    for start in range(0, size, _BLOCK):
        columns = np.arange(start, min(start + _BLOCK, size))
        units = np.zeros((len(columns), fine.n**2))
        units[np.arange(len(columns)), indices[columns]] = 1.0
        images = fine.apply(units)[:, indices]
        inner[columns], mixed[:, columns] = images[:, :size], images[:, size:].T
        amplitudes[:, columns] = _solve(fine, indices[size:], images[:, size:], reference).T
    metric, rotation = np.linalg.eigh(np.eye(size) + amplitudes.T @ amplitudes)
    root = (rotation / np.sqrt(metric)) @ rotation.T
    folded = root @ (inner - reference * np.eye(size) + mixed.T @ amplitudes) @ root
    energies, vectors = np.linalg.eigh(0.5 * (folded + folded.T))
    inside = root @ vectors
    return GridOrbitals(
        grid,
        fine.window.side,
        (energies + reference)[None],
        (grid.to_points @ vectors)[None],
        np.concatenate([inside, amplitudes @ inside])[None],
    )


def _solve(
    fine: FineHamiltonian, outer: NDArray[np.intp], coupling: Array, reference: float
) -> Array:
    """Rows X of ``(H_QQ - e0) X = -H_QP``, by preconditioned conjugate gradients."""
    distance = fine.distance(np.array([reference]))[:, outer]
    padded = np.zeros((len(coupling), fine.n**2))

    def product(vectors: Array) -> Array:
        padded[:, outer] = vectors
        return fine.apply(padded)[:, outer] - reference * vectors

    found, residual = np.zeros_like(coupling), -coupling
    step = correction = residual / distance
    weight = _dots(residual, correction)
    allowed = _FOLD_TOLERANCE * np.linalg.norm(coupling, axis=1).max()
    for _ in range(_MOST_ITERATIONS):
        if np.linalg.norm(residual, axis=1).max() <= allowed:
            return found
        image = product(step)
        length = weight / np.maximum(_dots(step, image), 1e-300)
        found = found + length * step
        residual = residual - length * image
        correction = residual / distance
        before, weight = weight, _dots(residual, correction)
        step = correction + weight / np.maximum(before, 1e-300) * step
    raise PhysicsError(
        f"the potential is too rough: {_MOST_ITERATIONS} steps of conjugate gradients leave "
        f"{np.linalg.norm(residual, axis=1).max():.1g} Ha*; use a lower barrier, or set smooth to "
        "the width in a0* over which edges may be blurred"
    )


def _dots(first: Array, second: Array) -> Array:
    """Scalar products of rows, shape (k, 1)."""
    return np.asarray((first * second).sum(axis=1, keepdims=True))


def _indices_in(grid: PairGrid, n: int) -> NDArray[np.intp]:
    """Return the indices of the functions of a grid in the square of n x n sines."""
    b, a = grid.half_waves.T - 1
    return np.asarray(b * n + a)
