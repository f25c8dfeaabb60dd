r"""How far a density determines its potential: error bars from the linear response, and noise.

An error :math:`\delta n` of covariance :math:`\Sigma` in the density, and potentials that are
smooth a priori, of covariance S, leave the potential with the covariance

.. math:: C = (\chi\, \Sigma^{-1} \chi + S^{-1})^{-1}

around the best one [1]_. The response :math:`\chi` is that of `response`, S falls
with the number of half waves, and its scale is that of the potential that was found. The
constant is left out: errors are those of the potential less its mean weighted with the density.

That response is of one orbital. Two electrons in two wells repel each other out of one: when one
well is deeper by :math:`\epsilon`, only

.. math:: 4 J \epsilon / U^2

of an electron moves, J being the distance from the singlet to the triplet and U the repulsion in a
well (second order in the tunnelling [2]_). So the step :math:`\epsilon` between the wells is
uncertain by the error of the charge times :math:`U^2 / 4 J`, and by U at most.

References
----------
.. [1] A. Tarantola, "Inverse Problem Theory" (SIAM, 2005), section 3.2, ISBN 978-0-89871-572-9
.. [2] G. Burkard, D. Loss and D. P. DiVincenzo, "Coupled quantum dots as quantum gates", Phys. Rev.
   B 59, 2070 (1999), https://doi.org/10.1103/PhysRevB.59.2070
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular

from keras_qd.errors import DataError, UsageError
from keras_qd.inverse.response import Response

Array = NDArray[np.float64]

#: Half width of an interval that holds 90 % of a normal distribution, in standard deviations.
_NINETY = 1.645

#: Half waves along a side over which errors of solvers, and remaining distances, are correlated.
_CORRELATED = 12

#: Factor on errors that are not noise, and on the scale of potentials: calibrated on potentials
#: that are known (benchmarks/inverse.py, part ``errors``).
_SYSTEMATIC, _PRIOR = 0.2, 0.4

#: Waves below which potentials are not expected to be smooth, and the power of their decay.
_LONG, _DECAY = 6, 3

#: A potential is determined where its error bar is below this share of its own standard deviation,
#: weighted with the density.
_DETERMINED = 0.25

#: Noise below this share of the largest density is raised to it, to keep the covariance regular.
_LEAST_NOISE = 1e-5

#: Cosines of a noisy target below so many standard deviations of their noise count as noise.
_CLEAR = 3.0


def noise_of(noise: float | Array | None, target: Array) -> Array | None:
    """Return the noise at each pixel, as a share of the density or as given for each pixel."""
    if noise is None:
        return None
    noise = np.asarray(noise, dtype=np.float64)
    if not np.isfinite(noise).all() or (noise < 0).any():
        raise UsageError("noise must be finite and not negative")
    if noise.ndim == 0:
        return np.asarray(noise * target) if noise else None
    if noise.shape != target.shape:
        raise DataError(
            f"the noise has shape {noise.shape} and the density {target.shape}; give one standard "
            "deviation a pixel, or one number relative to the density"
        )
    return noise if noise.any() else None


def residual_of_noise(noise: Array | None, area: float, n_electrons: int) -> float:
    """``integral |dn| / N`` that normal noise causes on average."""
    if noise is None:
        return 0.0
    return math.sqrt(2.0 / math.pi) * float(noise.sum()) * area / n_electrons


def without_noise(target: Array, noise: Array | None) -> Array:
    """Drop the cosines of a target that noise may account for; keep its integral."""
    if noise is None:
        return target
    waves = dctn(target, norm="ortho")
    kept = np.abs(waves) > _CLEAR * math.sqrt(float((noise**2).mean()))
    kept[0, 0] = True
    smooth = np.maximum(idctn(waves * kept, norm="ortho"), 0.0)
    return np.asarray(smooth * (target.sum() / smooth.sum()))


def error_bars(
    response: Response, potential: Array, error: float, gap: float, noise: Array | None = None
) -> tuple[Array, NDArray[np.bool_]]:
    """Half widths of 90 % intervals in Ha*, and where the density determines the potential.

    `error` is ``integral |dn| / N`` of what is not noise.
    """
    target = response.target
    prior = _prior_precision(response, potential)
    covariance = _covariance(response, error, noise)
    slopes = response.density_response[1:, 1:]
    scaled = solve_triangular(cholesky(covariance[1:, 1:], lower=True), slopes, lower=True)
    precision = scaled.T @ scaled + np.diag(prior)
    fields = _fields(response)
    remaining = cho_solve(cho_factor(precision), np.eye(len(prior)))
    variance = ((fields @ remaining) * fields).sum(axis=1).reshape(target.shape)
    variance += _uncertain_step(response, error, gap, noise) ** 2
    bars = np.asarray(_NINETY * np.sqrt(variance))
    return bars, bars <= _DETERMINED * _spread(potential, target)


def _uncertain_step(response: Response, error: float, gap: float, noise: Array | None) -> Array:
    """Return the standard deviation that the step between two wells leaves at each pixel."""
    target, n_electrons = response.target, response.solver.n_electrons
    if n_electrons != 2:
        return np.zeros_like(target)
    moved = n_electrons * error
    if noise is not None:
        moved += math.sqrt((noise**2).sum()) * response.solver.box.pixel_area(len(target))
    repulsion = response.repulsion
    step = min(moved * repulsion**2 / (4 * max(gap, 1e-12)), repulsion)
    shape = response.softest - np.average(response.softest, weights=target)
    return np.asarray(step / 2 * np.abs(shape))


def parameter_bars(
    slopes: Array, fields: Array, error: float, potential: Array, target: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """Return the same for a potential with parameters between 0 and 1, uniform a priori."""
    # `slopes` (pixels, k) are those of the density, and `error` is its distance, in one norm;
    # `fields` (pixels, k) are the slopes of the potential. Correlated errors count once a cell.
    precision = slopes.T @ slopes * (_CORRELATED**2 / max(error, _LEAST_NOISE) ** 2)
    weights = target.ravel() / target.sum()
    fields = fields - weights @ fields
    remaining = np.linalg.inv(precision + 12.0 * np.eye(slopes.shape[1]))
    deviation = np.sqrt(((fields @ remaining) * fields).sum(axis=1))
    bars = np.asarray(_NINETY * deviation).reshape(target.shape)
    return bars, bars <= _DETERMINED * _spread(potential, target)


def _spread(potential: Array, target: Array) -> float:
    """Return the standard deviation of a potential, weighted with the density."""
    mean = np.average(potential, weights=target)
    return math.sqrt(np.average((potential - mean) ** 2, weights=target))


def _prior_precision(response: Response, potential: Array) -> Array:
    """Inverse variance of each cosine but the constant."""
    q, p = response.band.orders
    square = (q**2 + p**2)[1:]
    decay = (1 + square / _LONG**2) ** _DECAY
    coefficients = response.band.coefficients(potential)[1:]
    long = square <= _LONG**2
    variance = _PRIOR**2 * float((coefficients**2 * decay)[long].mean())
    return np.asarray(decay / max(variance, 1e-12))


def _covariance(response: Response, error: float, noise: Array | None) -> Array:
    """Covariance of the moments of the density."""
    band, target = response.band, response.target
    cells = band.n_pixels / _CORRELATED
    variance = (_SYSTEMATIC * cells * error * target) ** 2
    if noise is not None:
        variance = variance + noise**2
    variance = variance + (_LEAST_NOISE * target.max()) ** 2
    products = band.cosines[:, :, None] * band.cosines[:, None, :]
    flat = products.reshape(band.n_pixels, -1)
    n = band.half_waves + 1
    table = (flat.T @ variance @ flat).reshape(n, n, n, n)
    (q, p) = band.orders
    area = response.solver.box.pixel_area(band.n_pixels)
    return np.asarray(table[q[:, None], q, p[:, None], p] * area**2)


def _fields(response: Response) -> Array:
    """Each cosine but the constant at the pixels, less its mean weighted with the density."""
    band = response.band
    q, p = band.orders
    fields = band.cosines[:, None, q] * band.cosines[None, :, p]
    fields = fields.reshape(-1, len(q))[:, 1:]
    weights = response.target.ravel() / response.target.sum()
    return np.asarray(fields - weights @ fields)
