r"""Two electrons in the full product space of a grid: lowest singlets and triplets together.

In the basis of products of the grid's orbitals a wave function is a G x G matrix x, symmetric for a
singlet and antisymmetric for a triplet, and

.. math:: H x = (e_i + e_k) \circ x + U^T [W \circ (U x U^T)] U

with the interaction W diagonal on the points and U the orbitals there. The product keeps the
symmetry, so that one product with the sum of a singlet and a triplet serves both. Davidson's method
[1]_ with the preconditioner e_i + e_k starts from a configuration interaction in few orbitals.

Vectors are packed: one number per pair i >= k and spin, with weights that keep norms. `solve_batch`
solves many potentials at once, with the array library of the caller.

References
----------
.. [1] E. R. Davidson, J. Comput. Phys. 17, 87 (1975), https://doi.org/10.1016/0021-9991(75)90065-0
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import DataError
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction, as_interaction
from keras_qd.physics.pair_grid import (
    GridOrbitals,
    density_of,
    error_by_finer,
    grid_orbitals,
    pair_grid,
    square_coefficients,
)
from keras_qd.physics.solution import LabelError
from keras_qd.physics.window import whole_box

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

#: Orbitals whose configurations the iteration starts from.
_START_ORBITALS = 10

#: Largest change of the contact's energy, in units of (pi / side)^2: beyond, it is not linear.
_MOST_FLOORS = 50.0

#: Singlets come first on the axis of the spin.
SINGLET, TRIPLET = 0, 1

#: Error of the density over the root of the share of the electrons in waves too short for the grid:
#: the median over six families at n = 10, 12 and 14.
_ERROR_OF_SHARE = 0.4


class PairBatch(NamedTuple):
    """What `solve_batch` returns: one row per potential.

    Parameters
    ----------
    energy : array, shape (b,)
        Energy of the ground state, the lowest singlet, in Ha*.
    exchange : array, shape (b,)
        Energy of the lowest triplet less that of the lowest singlet, in Ha*.
    gap : array, shape (b,)
        First excitation of any spin in Ha*: `exchange`, or the second singlet, of which the
        iteration has an upper bound.
    density : array, shape (b, n_pixels, n_pixels)
        Density of the ground state in 1/a0*^2.
    energy_noninteracting : array, shape (b,)
        Energy without interaction in Ha*.
    density_noninteracting : array, shape (b, n_pixels, n_pixels)
        Density without interaction in 1/a0*^2.
    density_error : array, shape (b,)
        Rough estimate of the integral of the absolute error of the density, per electron: within a
        factor of 2.5 for eight dots of ten.
    residual : array, shape (b,)
        Larger residual norm of singlet and triplet in Ha*: the energies err by about its square,
        the density by its ratio to the gap at most.

    Examples
    --------
    >>> import numpy as np
    >>> from keras_qd.physics import Box, solve_batch
    >>> found = solve_batch(np.zeros((2, 16, 16)), Box(4.0))
    >>> isinstance(found, PairBatch), found.density.shape
    (True, (2, 16, 16))
    """

    energy: Any
    exchange: Any
    gap: Any
    density: Any
    energy_noninteracting: Any
    density_noninteracting: Any
    density_error: Any
    residual: Any


def solve_batch(
    potentials: Any,
    box: Box,
    *,
    interaction: str | Interaction = "coulomb",
    strength: float = 1.0,
    n_grid: int = 12,
    steps: int = 7,
    xp: Any = np,
) -> PairBatch:
    """Ground states of two electrons in a batch of potentials, singlet and triplet.

    The grid covers the box, and the number of steps is fixed: nothing depends on the numbers, so
    that ``jax.jit`` compiles it, and nothing is checked, as `solve` does. At L = 10 and the
    defaults densities are good to 5e-4 in the median (integral of the absolute error per electron);
    larger boxes need a larger `n_grid`.

    Parameters
    ----------
    potentials : array, shape (b, n_pixels, n_pixels)
        Potentials at the pixel centres in Ha*; arrays of `xp`. One-electron problems are solved in
        their precision, pairs in single precision.
    box : Box
        The box with hard walls.
    interaction : str or Interaction, default "coulomb"
        Interaction of the electrons.
    strength : float, default 1
        Factor on it.
    n_grid : int, default 12
        Points along a side of the grid; time grows as their sixth power.
    steps : int, default 7
        Davidson steps.
    xp : module, default numpy
        Array namespace, such as ``jax.numpy``.

    Returns
    -------
    PairBatch
        Arrays of `xp`.

    Raises
    ------
    DataError
        If the potentials are not a batch of squares.

    Examples
    --------
    >>> box = Box(8.0)
    >>> x, y = box.mesh(32)
    >>> parabola = (x - 4) ** 2 / 2 + (y - 4) ** 2 / 2
    >>> dots = solve_batch(np.stack([parabola, 2 * parabola]), box)
    >>> np.round(dots.energy, 2), dots.density.shape  # exact: 3
    (array([3.  , 4.05]), (2, 32, 32))
    """
    if len(potentials.shape) != 3 or potentials.shape[1] != potentials.shape[2]:
        raise DataError(
            f"potentials must have shape (b, n_pixels, n_pixels), got {tuple(potentials.shape)}; "
            "a single one is potential[None]"
        )
    grid, window, n_pixels = pair_grid(n_grid), whole_box(box), potentials.shape[-1]
    projection = xp.asarray(
        window.projection(0.0, n_pixels, 2 * grid.n_fine + 1), dtype=potentials.dtype
    )
    orbitals = grid_orbitals(grid, projection @ potentials @ projection.T, box.length, xp)
    pair = (box.length, as_interaction(interaction), strength)
    states = lowest_pair_states(
        orbitals, grid.interaction(*pair), grid.contact(*pair), steps=steps, xp=xp
    )
    sines = window.sines(n_pixels, grid.n_fine)
    lowest = square_coefficients(orbitals, xp)[:, :, :1]
    singlet, triplet = states.energies[SINGLET], states.energies[TRIPLET]
    amplitudes = states.amplitudes(SINGLET, xp=xp)
    outside = 0.5 * (amplitudes[:, grid.outside] ** 2).sum(axis=(1, 2))
    return PairBatch(
        energy=singlet[:, 0],
        exchange=triplet[:, 0] - singlet[:, 0],
        gap=xp.minimum(triplet[:, 0], singlet[:, 1]) - singlet[:, 0],
        density=density_of(amplitudes, *sines, xp),
        energy_noninteracting=2.0 * orbitals.energies[:, 0],
        density_noninteracting=density_of(lowest * 2.0**0.5, *sines, xp),
        density_error=_ERROR_OF_SHARE * xp.sqrt(outside),
        residual=states.residuals[:, :, 0].max(axis=0),
    )


def batch_errors(found: PairBatch, finer: PairBatch, n_grid: int) -> list[LabelError]:
    """Estimate the errors of a batch from the same one on a finer grid."""
    differences = np.abs(found.density - finer.density).sum(axis=(1, 2))
    differences = differences / finer.density.sum(axis=(1, 2))
    rows = zip(
        found.energy - finer.energy,
        differences,
        found.gap - finer.gap,
        found.exchange - finer.exchange,
        strict=True,
    )
    return [error_by_finer(n_grid, *map(float, row)) for row in rows]


@dataclass(frozen=True)
class PairStates:
    """Lowest singlets and triplets of a batch of b systems."""

    orbitals: GridOrbitals
    #: Shape (2, b, n_roots + 1), in Ha*, singlets first, rising; the last is an upper bound.
    energies: Any
    #: Shape (2, b, n_roots + 1, g (g + 1) / 2): wave functions, packed, normalised.
    vectors: Any
    #: Norms ``|H x - E x|`` in Ha*, like `energies`: there is a level within that distance of E.
    residuals: Any
    #: Interaction in Ha* between pairs of points, with the contact of each system: (b, g, g).
    interaction: Any

    def matrices(self, spin: int, root: int = 0, xp: Any = np) -> Any:
        """Wave functions x as matrices over pairs of orbitals, shape (b, g, g), norm 1."""
        packed = self.vectors[spin][:, root]
        other = xp.zeros_like(packed)
        both = (packed, other) if spin == SINGLET else (other, packed)
        return _unpack(*both, self.orbitals.grid.size, xp)

    def amplitudes(self, spin: int, root: int = 0, xp: Any = np) -> Any:
        """Sine coefficients ``C x sqrt 2`` of functions whose squares sum to the density."""
        x = self.matrices(spin, root, xp)
        return square_coefficients(self.orbitals, xp).astype(x.dtype) @ (x * 2.0**0.5)


def lowest_pair_states(
    orbitals: GridOrbitals,
    interaction: Any,
    contact: tuple[float, Any] | None = None,
    *,
    n_roots: int = 1,
    steps: int = 12,
    guess: Any = None,
    tolerance: Sequence[float] | None = None,
    dtype: Any = np.float32,
    xp: Any = np,
) -> PairStates:
    """Find the lowest states of both spins; without `tolerance` the steps are fixed, for jit."""
    # `guess` (b, g, g), the sum of a singlet and a triplet, joins the start.
    problem = _Problem(orbitals, interaction, dtype, xp)
    space = _Subspace(problem, n_roots + 2, steps * n_roots)
    starts, energy = problem.start(n_roots + 1)
    if contact is not None:
        problem.adapt(energy, *contact)
    if guess is not None:
        space.extend([_pack(xp.asarray(guess, dtype=dtype), xp)])
    space.extend(starts[:, :, k] for k in range(n_roots + 1))
    for step in range(steps + 1):
        energies, vectors, images = space.ritz(n_roots + 1)
        remainders = images - energies[..., None].astype(dtype) * vectors
        residuals = xp.sqrt((remainders**2).sum(axis=-1))
        wanted = list(range(n_roots))
        if tolerance is not None:
            wanted = [root for root in wanted if residuals[:, :, root].max() > tolerance[root]]
        if step == steps or not wanted:
            break
        corrections = problem.precondition(remainders, vectors, energies)
        space.extend(corrections[:, :, root] for root in wanted)
    origin = 2.0 * orbitals.energies[:, :1]
    return PairStates(orbitals, energies + origin, vectors, residuals, problem.interaction)


class _Problem:
    """The two-electron Hamiltonian of a batch, energies counted from 2 e0."""

    def __init__(self, orbitals: GridOrbitals, interaction: Any, dtype: Any, xp: Any) -> None:
        self.xp, self.dtype, self.grid = xp, dtype, orbitals.grid
        self.size = orbitals.grid.size
        self.levels = orbitals.energies - orbitals.energies[:, :1]
        self.points = xp.asarray(orbitals.points, dtype=dtype)
        self.interaction = xp.asarray(interaction, dtype=dtype)[None]
        i, k = _pairs(self.size)
        diagonal = self.levels[:, i] + self.levels[:, k]
        self.diagonal = diagonal.astype(dtype)[None, :, :]
        # Preconditioner: no denominator below the spacing of the lowest levels of the empty box.
        self.floor = (np.pi / orbitals.side) ** 2
        self.kinetic = orbitals.grid.kinetic[: self.size] * self.floor

    def apply(self, vectors: Any) -> Any:
        """H on one packed singlet and one packed triplet per system, shape (2, b, pairs)."""
        xp, points = self.xp, self.points
        transposed = xp.swapaxes(points, 1, 2)
        x = _unpack(vectors[0], vectors[1], self.size, xp)
        x = (points @ x @ transposed) * self.interaction
        return self.diagonal * vectors + _pack(transposed @ x @ points, xp)

    def start(self, n_starts: int) -> tuple[Any, Any]:
        """Lowest states of a configuration interaction in few orbitals, and `_contact_energy`."""
        xp, dtype = self.xp, self.dtype
        i, k, direct, exchange, norms = _start_tables(min(_START_ORBITALS, self.size))
        products = self.points[:, :, i] * self.points[:, :, k]
        integrals = xp.swapaxes(products, 1, 2) @ (self.interaction @ products)
        integrals = integrals.reshape(integrals.shape[0], -1)
        direct, exchange = xp.take(integrals, direct, axis=1), xp.take(integrals, exchange, axis=1)
        levels = self.diagonal[0, :, : len(i), None] * xp.eye(len(i), dtype=dtype)
        norms = xp.asarray(norms, dtype=dtype)
        # A pair i = i has no triplet: it is moved out of the way, and what rounding leaves of it
        # removed, or the iteration finds it as a level without interaction.
        absent = xp.asarray(np.diag(np.where(i == k, 1e6, 0.0)), dtype=dtype)
        exists = xp.asarray(np.stack([i >= k, i > k])[:, None, None], dtype=dtype)
        matrices = xp.stack(
            [(direct + exchange) * norms + levels, direct - exchange + levels + absent]
        )
        energies, mixing = xp.linalg.eigh(matrices)
        weights = xp.asarray(np.where(i == k, 1.0, np.sqrt(2.0)), dtype=dtype)
        together = (products @ (weights[:, None] * mixing[0, :, :, :1]))[..., 0]
        lowest = xp.swapaxes(mixing[..., :n_starts], 2, 3) * exists
        rest = xp.zeros((*lowest.shape[:3], self.diagonal.shape[-1] - len(i)), dtype=dtype)
        energy = self._contact_energy(energies[0, :, 0], together)
        return xp.concatenate([lowest, rest], axis=-1), energy

    def _contact_energy(self, energy: Any, together: Any) -> Any:
        """Energy of the relative motion where both electrons meet: all but the centre of mass's."""
        # `together` (b, g) is the wave function of both electrons on each point: that of the centre
        # of mass, of mass 2 in the potential 2 V.
        xp, dtype = self.xp, self.dtype
        waves = together @ xp.asarray(self.grid.to_points, dtype=dtype)
        states = (together[:, None] @ self.points)[:, 0]
        # -1/4 laplacian + 2 V is twice the Hamiltonian of one electron less 3/4 of -laplacian.
        kinetic = xp.asarray(self.kinetic, dtype=dtype)
        centre = 2.0 * (self.levels * states**2).sum(axis=-1) - 1.5 * (waves**2 @ kinetic)
        return energy - centre / xp.maximum((together**2).sum(axis=-1), 1e-30)

    def adapt(self, energy: Any, reference: float, slope: Any) -> None:
        """Make the contact exact for these energies (b,) of the relative motion."""
        xp, bound = self.xp, _MOST_FLOORS * self.floor
        difference = xp.clip(energy - reference, -bound, bound).astype(self.dtype)
        slope = xp.asarray(slope, dtype=self.dtype)
        self.interaction = self.interaction + difference[:, None, None] * slope

    def precondition(self, remainders: Any, vectors: Any, energies: Any) -> Any:
        """Correction ``(E - <W> - e_i - e_k)^-1 (H - E) x`` to each vector."""
        xp, diagonal = self.xp, self.diagonal[:, :, None, :]
        free = (diagonal * vectors**2).sum(axis=-1)[..., None]
        distance = xp.minimum(free - diagonal, -self.floor)
        return remainders / distance


class _Subspace:
    """Orthonormal packed vectors of both spins, their images under H, and H between them."""

    def __init__(self, problem: _Problem, n_starts: int, n_more: int) -> None:
        self._problem, self._size, xp = problem, 0, problem.xp
        _, n_systems, n_pairs = problem.diagonal.shape
        shape = (2, n_systems, n_starts + n_more, n_pairs)
        self._vectors = xp.zeros(shape, dtype=problem.dtype)
        self._images = xp.zeros(shape, dtype=problem.dtype)
        self._projection = xp.zeros((*shape[:3], shape[2]), dtype=problem.levels.dtype)

    def extend(self, vectors: Iterable[Any]) -> None:
        """Add vectors, each of shape (2, b, pairs), one after the other."""
        for vector in vectors:
            self._add(vector)

    def ritz(self, n_lowest: int) -> tuple[Any, Any, Any]:
        """Lowest eigenvalues of H within, eigenvectors and their images."""
        xp, size = self._problem.xp, self._size
        energies, mixing = xp.linalg.eigh(self._projection[:, :, :size, :size])
        mixing = xp.swapaxes(mixing[..., :n_lowest], 2, 3).astype(self._problem.dtype)
        vectors = mixing @ self._vectors[:, :, :size]
        return energies[..., :n_lowest], vectors, mixing @ self._images[:, :, :size]

    def _add(self, vector: Any) -> None:
        size, xp = self._size, self._problem.xp
        known = self._vectors[:, :, :size]
        vector = _normalised(vector, xp)
        # Twice is enough: W. Kahan, in B. N. Parlett, The Symmetric Eigenvalue Problem (1980).
        for _ in range(2 if size else 0):
            overlaps = known @ vector[..., None]
            vector = _normalised(vector - (xp.swapaxes(overlaps, 2, 3) @ known)[:, :, 0], xp)
        image = self._problem.apply(vector)
        self._vectors = _put(self._vectors, (slice(None), slice(None), size), vector)
        self._images = _put(self._images, (slice(None), slice(None), size), image)
        self._size = size + 1
        row = (self._vectors[:, :, : size + 1] @ image[..., None])[..., 0]
        row = row.astype(self._projection.dtype)
        for entry in ((size, slice(size + 1)), (slice(size + 1), size)):
            self._projection = _put(self._projection, (slice(None), slice(None), *entry), row)


def _put(array: Any, index: tuple[Any, ...], values: Any) -> Any:
    """Set array[index], in place where arrays can be written to."""
    if hasattr(array, "at"):
        return array.at[index].set(values)
    array[index] = values
    return array


def _normalised(vector: Any, xp: Any) -> Any:
    # A vector that vanishes (a converged residual) stays zero.
    norm = xp.sqrt((vector**2).sum(axis=-1, keepdims=True))
    return vector / xp.maximum(norm, 1e-30)


@lru_cache(maxsize=16)
def _pairs(size: int) -> tuple[Indices, Indices]:
    """Orbitals i >= k of each packed pair; the first pairs are those of the lowest orbitals."""
    return np.tril_indices(size)


@lru_cache(maxsize=16)
def _packing(size: int) -> tuple[Indices, Indices, Indices, Array]:
    """Flat indices (i, k) and (k, i) of each pair; from there back; weight of a packed number."""
    i, k = _pairs(size)
    lower, upper = i * size + k, k * size + i
    back = np.empty(size * size, dtype=np.intp)
    # On the diagonal the sum of singlet and triplet is taken, the triplet being zero.
    back[upper] = len(i) + np.arange(len(i))
    back[lower] = np.arange(len(i))
    return lower, upper, back, np.where(i == k, 1.0, np.sqrt(0.5))


def _pack(x: Any, xp: Any) -> Any:
    """Symmetric and antisymmetric part of x, shape (b, g, g), as shape (2, b, pairs)."""
    lower, upper, _, weights = _packing(x.shape[-1])
    flat = x.reshape(x.shape[0], -1)
    first, second = xp.take(flat, lower, axis=1), xp.take(flat, upper, axis=1)
    # sqrt(1/2) off the diagonal, 1/2 on it, where both halves are the same number.
    weights = xp.asarray(weights * np.where(weights == 1, 0.5, 1.0), dtype=x.dtype)
    return xp.stack([(first + second) * weights, (first - second) * weights])


def _unpack(singlet: Any, triplet: Any, size: int, xp: Any) -> Any:
    """Sum of a singlet and a triplet as matrices, shape (b, g, g)."""
    _, _, back, weights = _packing(size)
    weights = xp.asarray(weights, dtype=singlet.dtype)
    singlet, triplet = singlet * weights, triplet * weights
    halves = xp.concatenate([singlet + triplet, singlet - triplet], axis=1)
    return xp.take(halves, back, axis=1).reshape(-1, size, size)


@lru_cache(maxsize=4)
def _start_tables(
    n_orbitals: int,
) -> tuple[Indices, Indices, Indices, Indices, Array]:
    """Pairs i >= k of the lowest orbitals, indices of (ij|kl) and (il|kj), norms of pairs."""
    i, k = np.tril_indices(n_orbitals)
    number = np.zeros((n_orbitals, n_orbitals), dtype=np.intp)
    number[i, k] = number[k, i] = np.arange(len(i))
    direct = number[i[:, None], i] * len(i) + number[k[:, None], k]
    exchange = number[i[:, None], k] * len(i) + number[k[:, None], i]
    norms = np.where(i == k, np.sqrt(0.5), 1.0)
    return i, k, direct, exchange, np.outer(norms, norms)
