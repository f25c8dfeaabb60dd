"""Two electrons in many potentials at once, with the array library of the caller."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from keras_qd.errors import DataError
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction, as_interaction
from keras_qd.physics.pair_grid import (
    density_of,
    error_by_finer,
    grid_orbitals,
    pair_grid,
    square_coefficients,
)
from keras_qd.physics.solution import LabelError
from keras_qd.physics.two_electrons import SINGLET, TRIPLET, lowest_pair_states
from keras_qd.physics.window import whole_box

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
    """Estimate the errors of a batch from the same one on a finer grid.

    Parameters
    ----------
    found : PairBatch
        On `n_grid` points along a side.
    finer : PairBatch
        The same potentials with `pair_grid.FINER` more points along a side.
    n_grid : int
        Points along a side.

    Returns
    -------
    list of LabelError
        One per potential.
    """
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
