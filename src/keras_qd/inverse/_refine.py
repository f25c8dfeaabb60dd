"""Many targets, shared out among processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from keras_qd._parallel import map_in_processes
from keras_qd.errors import DataError, UsageError
from keras_qd.inverse.outcome import Inversion, Limits, Reason, Trail, check_wanted
from keras_qd.inverse.response import Band, Response
from keras_qd.inverse.strategies import search
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.solver import Solver, check_potential

Array = NDArray[np.float64]

#: Where the constant of a potential can be put.
Gauge = Literal["zero-mean", "zero-at-lowest-density"]

#: Share of the largest density above which the density determines the potential.
DETERMINED = 1e-3

#: Tolerance of the basis for one electron, on grids that hold so large a basis.
_BASIS_TOLERANCE_OF_ONE_ELECTRON, _PIXELS_FOR_IT = 1e-8, 28

#: Most electrons whose densities are inverted.
MOST_ELECTRONS = 4


def refine_potential(
    density: Array,
    box: Box,
    n_electrons: int = 2,
    *,
    tolerance: float = 1e-4,
    interaction: str | Interaction = "coulomb",
    n_orbitals: int | None = None,
    strength: float = 1.0,
    spin: float | None = None,
    basis_tolerance: float | None = None,
    start: Array | None = None,
    half_waves: int = 20,
    gauge: Gauge = "zero-mean",
    max_iterations: int = 2000,
    max_seconds: float = 300.0,
) -> Inversion:
    """Find a potential whose exact ground state has a wanted density.

    Parameters
    ----------
    density : ndarray, shape (n_pixels, n_pixels)
        Target at the pixel centres in 1/a0*^2, y first. Up to 2 % more or fewer electrons are
        scaled away, negative values up to 5 % of the largest count as zero.
    box : Box
        The box with hard walls.
    n_electrons : int, default 2
        One to four.
    tolerance : float, default 1e-4
        ``integral |dn| / N`` that is good enough.
    interaction, n_orbitals, strength, spin : optional
        Of the exact solver; see `Solver`.
    basis_tolerance : float, optional
        Of the exact solver: by default 1e-4, as in `Solver`, and 1e-8 for one electron on 28
        pixels a side and more, whose density would otherwise be uncertain by more than the
        tolerance asked for.
    start : ndarray, shape (n_pixels, n_pixels), optional
        A potential to start from, in Ha*, such as a trained model's; its part in the band is
        taken. By default the closed form for one electron and an effective potential for more.
    half_waves : int, default 20
        Bound on roughness: the potential is a sum of products of cosines of p and q half waves
        along the sides with ``p^2 + q^2 <= half_waves^2``.
    gauge : str, default "zero-mean"
        Where the constant is put that no density depends on: ``"zero-mean"`` over the box, or
        ``"zero-at-lowest-density"`` of the target.
    max_iterations : int, default 2000
        Most exact solutions after that of the start.
    max_seconds : float, default 300
        Seconds after which no other exact solution is begun.

    Returns
    -------
    Inversion
        The nearest that was reached. Whether that is near enough is its `converged`, and if not,
        its `reason` and `explanation` say why.

    Raises
    ------
    DataError
        If the density or the start has a wrong shape or values that are not finite, or the density
        is negative or holds another number of electrons.
    UsageError
        If a setting makes no sense.
    UnknownNameError
        If there is no such interaction.
    PhysicsError
        If the solver refuses the potential to start from, as too sharp for the grid.

    Examples
    --------
    >>> from keras_qd import physics
    >>> box = physics.Box(10.0)
    >>> x, y = box.mesh(32)
    >>> wanted = physics.solve((x - 5) ** 2 / 2 + (y - 5) ** 2, box, 2).density
    >>> found = physics.invert(wanted, box, 2)
    >>> found.converged, found.residual < 1e-4
    (True, True)
    """
    limits = _check_limits(tolerance, max_iterations, max_seconds)
    if n_electrons not in range(1, MOST_ELECTRONS + 1):
        raise UsageError(
            f"densities of 1 to {MOST_ELECTRONS} electrons are inverted, got "
            f"n_electrons={n_electrons!r}"
        )
    if gauge not in get_args(Gauge):
        raise UsageError(f"gauge must be {' or '.join(get_args(Gauge))}, got {gauge!r}")
    if basis_tolerance is None:
        basis_tolerance = _basis_tolerance(n_electrons, np.shape(density))
    solver = Solver(
        box, n_electrons, interaction, n_orbitals, strength, spin, basis_tolerance=basis_tolerance
    )
    target = check_wanted(density, box, n_electrons)
    response = Response(target, solver, _band(half_waves, target.shape[0]))
    trail = Trail(response, limits)
    reason = search(trail, response.starts() if start is None else [_given(start, response)])
    return _inversion(trail, reason, gauge)


def _check_limits(tolerance: float, max_iterations: int, max_seconds: float) -> Limits:
    if not (math.isfinite(tolerance) and tolerance > 0):
        raise UsageError(f"tolerance must be positive and finite, got {tolerance!r}")
    if max_iterations < 0 or not max_seconds > 0:
        raise UsageError(
            f"max_iterations={max_iterations!r} must not be negative and "
            f"max_seconds={max_seconds!r} must be positive"
        )
    return Limits(tolerance, max_iterations, max_seconds)


def _basis_tolerance(n_electrons: int, shape: tuple[int, ...]) -> float:
    if n_electrons == 1 and min(shape, default=0) >= _PIXELS_FOR_IT:
        return _BASIS_TOLERANCE_OF_ONE_ELECTRON
    return Solver.basis_tolerance


def _band(half_waves: int, n_pixels: int) -> Band:
    if half_waves < 1:
        raise UsageError(f"half_waves must be at least 1, got {half_waves!r}")
    return Band(min(half_waves, n_pixels - 1), n_pixels)


def _given(start: Array, response: Response) -> Array:
    """Coefficients of a potential that somebody proposes."""
    potential = check_potential(start)
    if potential.shape != response.target.shape:
        raise DataError(
            f"the start has shape {potential.shape} and the density {response.target.shape}: both "
            "must be on one grid"
        )
    return response.band.coefficients(potential)


def _inversion(trail: Trail, reason: Reason, gauge: Gauge) -> Inversion:
    response, residuals, best = trail.response, trail.residuals, trail.best
    potential, target = response.band.field(best.place), response.target
    zero = potential.mean() if gauge == "zero-mean" else potential.flat[target.argmin()]
    return Inversion(
        potential=potential - zero,
        density=best.solution.density,
        energy=best.solution.energy - response.solver.n_electrons * float(zero),
        gap=best.solution.gap,
        residual=best.residual,
        start_residual=residuals[0],
        iterations=len(residuals) - 1,
        residuals=np.array(residuals),
        determined=target > DETERMINED * target.max(),
        reason=reason,
        target=target,
    )


def invert_many(
    densities: Sequence[Array] | Array,
    box: Box,
    n_electrons: int = 2,
    *,
    starts: Sequence[Array | None] | Array | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    **settings: Any,
) -> list[Inversion]:
    """Find potentials for many densities.

    Parameters
    ----------
    densities : sequence of ndarray, shape (n_targets, n_pixels, n_pixels)
        Targets, in 1/a0*^2.
    box : Box
        The box that all are in.
    n_electrons : int, default 2
        Number of electrons in each.
    starts : sequence of ndarray, optional
        A potential to start from for each, or None among them for the default.
    workers : int, default 1
        Processes, with one thread each. More than one are started afresh, so that a script that
        asks for them must guard its main part with ``if __name__ == "__main__"``.
    progress : callable, optional
        Called with the number of targets that are done and of all.
    **settings
        Others of `invert`, the same for all.

    Returns
    -------
    list of Inversion
        In the order of the densities, whatever the number of workers, and the same numbers unless
        time ran out.

    Raises
    ------
    UsageError
        If there are not as many starts as densities, or no workers.
    DataError, UnknownNameError, PhysicsError
        As of `invert`.

    Examples
    --------
    >>> from keras_qd import physics
    >>> box = physics.Box(10.0)
    >>> potentials = physics.sample_potentials(2, box, 32)
    >>> wanted = [physics.solve(potential, box, 1).density for potential in potentials]
    >>> [found.converged for found in invert_many(wanted, box, 1, workers=1)]
    [True, True]
    """
    if workers < 1:
        raise UsageError(f"workers must be at least 1, got {workers!r}")
    given = [None] * len(densities) if starts is None else list(starts)
    if len(given) != len(densities):
        raise UsageError(f"{len(densities)} densities need as many starts, got {len(given)}")
    one = partial(_invert_one, box, n_electrons, settings)
    return map_in_processes(one, densities, given, n_workers=workers, progress=progress)


def _invert_one(
    box: Box, n_electrons: int, settings: dict[str, Any], density: Array, start: Array | None
) -> Inversion:
    return refine_potential(density, box, n_electrons, start=start, **settings)
