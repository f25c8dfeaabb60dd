"""The inversion of one density: its models, the search, and what is reported of its end."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from keras_qd._checks import real, setting, whole
from keras_qd.errors import DataError, PhysicsError, UsageError
from keras_qd.inverse.dual import Search
from keras_qd.inverse.forward import Point, models
from keras_qd.inverse.outcome import Callback, Inversion, Limits, Reason, check_wanted
from keras_qd.inverse.response import Band, Response
from keras_qd.inverse.uncertainty import error_bars, noise_of, residual_of_noise, without_noise
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.solution import NEAR_DEGENERACY
from keras_qd.physics.solver import Solver, check_potential

Array = NDArray[np.float64]

#: What fixes the constant of a potential.
Gauge = Literal["zero-mean", "zero-at-lowest-density"]

#: Largest number of electrons whose densities can be inverted.
MOST_ELECTRONS = 4

#: Tolerances of the basis of one electron, tried in turn: the coarsest alone leaves the density
#: uncertain by more than the tolerance of the inversion.
_BASIS_TOLERANCES = (1e-8, 1e-6, 1e-4)

#: Half waves of potentials where nothing else is asked for.
HALF_WAVES = 20


def refine(
    density: Array,
    box: Box,
    n_electrons: int = 2,
    *,
    tolerance: float = 1e-4,
    interaction: str | Interaction = "coulomb",
    strength: float = 1.0,
    spin: float | None = None,
    start: Array | None = None,
    noise: float | Array | None = None,
    half_waves: int = HALF_WAVES,
    gauge: Gauge = "zero-mean",
    max_iterations: int = 200,
    max_seconds: float = 60.0,
    callback: Callback | None = None,
) -> Inversion:
    """Find a potential whose exact ground state has a density; see `keras_qd.inverse.invert`."""
    limits = check_limits(tolerance, max_iterations, max_seconds)
    check_electrons(n_electrons)
    if gauge not in get_args(Gauge):
        raise UsageError(f"gauge must be {' or '.join(get_args(Gauge))}, got {gauge!r}")
    target = check_wanted(density, box, n_electrons)
    deviations = noise_of(noise, target)
    expected = residual_of_noise(deviations, box.pixel_area(len(target)), n_electrons)
    smooth, band = without_noise(target, deviations), _band(half_waves, len(target))

    def search(basis_tolerance: float) -> Inversion:
        solver = Solver(
            box, n_electrons, interaction, None, strength, spin, basis_tolerance=basis_tolerance
        )
        response = Response(smooth, solver, band)
        begin = None if start is None else _given(start, response)
        found = Search(
            response, models(response, deviations is not None), limits, target, expected, callback
        )
        return _inversion(found, *found.run(begin), deviations, gauge)

    for basis_tolerance in _BASIS_TOLERANCES[:-1] if n_electrons == 1 else ():
        with suppress(PhysicsError):
            return search(basis_tolerance)
    return search(_BASIS_TOLERANCES[-1])


def check_electrons(n_electrons: int) -> None:
    """Raise `UsageError` for a number of electrons whose densities cannot be inverted."""
    if n_electrons not in range(1, MOST_ELECTRONS + 1):
        raise UsageError(
            f"n_electrons must be from 1 to {MOST_ELECTRONS} for an inversion, got {n_electrons!r}"
        )


def check_limits(tolerance: float, max_iterations: int, max_seconds: float) -> Limits:
    """Return the limits of a search, or raise `UsageError`."""
    setting("tolerance", tolerance, real(0.0))
    setting("max_iterations", max_iterations, whole(0))
    setting("max_seconds", max_seconds, real(0.0))
    if not (tolerance and max_seconds):
        raise UsageError(
            f"tolerance={tolerance!r} and max_seconds={max_seconds!r} must be positive"
        )
    return Limits(tolerance, max_iterations, max_seconds)


def _band(half_waves: int, n_pixels: int) -> Band:
    if half_waves < 1:
        raise UsageError(f"half_waves must be at least 1, got {half_waves!r}")
    return Band(min(half_waves, n_pixels - 1), n_pixels)


def _given(start: Array, response: Response) -> Array:
    """Coefficients of a given start."""
    potential = check_potential(start)
    if potential.shape != response.target.shape:
        raise DataError(
            f"the start has shape {potential.shape} and the density {response.target.shape}; give "
            "both on the same grid"
        )
    return response.band.coefficients(potential)


def _inversion(
    search: Search, point: Point, reason: Reason, noise: Array | None, gauge: Gauge
) -> Inversion:
    response, target, residuals = search.response, search.target, search.residuals
    n_electrons = response.solver.n_electrons
    potential = response.band.field(point.coefficients)
    zero = float(potential.mean() if gauge == "zero-mean" else potential.flat[target.argmin()])
    residual = search.distance(point)
    own = 0.0 if point.error is None else point.error()
    density_error = float(np.nanmax([search.grid_error, own, 0.0]))
    if reason == "stagnated" and point.gap < NEAR_DEGENERACY:
        reason = "level-crossing"
    error = density_error + (residual if noise is None else 0.0)
    bars, determined = error_bars(response, potential, error, point.gap, noise)
    return Inversion(
        potential=potential - zero,
        density=point.density,
        energy=point.energy - n_electrons * zero,
        gap=point.gap,
        residual=residual,
        start_residual=residuals[0],
        iterations=len(residuals) - 1,
        residuals=np.array(residuals),
        potential_error=bars,
        determined=determined,
        density_error=density_error,
        duality_gap=search.duality_gap,
        reason=reason,
        target=target,
        box=response.solver.box,
        tolerance=search.tolerance,
    )
