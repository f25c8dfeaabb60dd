"""Whether potentials are like those that a network was trained on: a stated test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.data.scaling import AboveMinimum

Array = NDArray[np.float64]

#: The floor of a density below its logarithm, as a share of its maximum.
_FLOOR = 1e-4

#: Cosines a direction that a potential is smooth with: of 64 pixels, waves of 8 pixels and more.
_SMOOTH = 16


def features(potentials: ArrayLike) -> dict[str, Array]:
    """Return numbers that say what potentials (n, ny, nx) in Ha* are like, each (n,)."""
    seen = AboveMinimum("above-minimum").forward(potentials)
    squares = _spectrum(seen)
    total = squares.sum(axis=(1, 2))
    smooth = squares[:, :_SMOOTH, :_SMOOTH].sum(axis=(1, 2))
    return {
        "depth of the lowest pixel": -seen.min(axis=(1, 2)),
        "height of the highest pixel": seen.max(axis=(1, 2)),
        "spread": seen.std(axis=(1, 2)),
        "roughness": np.log10((total - smooth) / np.maximum(total, 1e-30) + 1e-10),
    }


def _spectrum(images: Array) -> Array:
    """Return the squared cosine coefficients of images without their mean, (n, ny, nx)."""
    from scipy.fft import dctn

    means = images.mean(axis=(1, 2), keepdims=True)
    return np.asarray(dctn(images - means, axes=(1, 2), norm="ortho") ** 2)


def boltzmann_potential(densities: ArrayLike) -> Array:
    """Return -log(n) in Ha*, the potential whose features stand for those of a density.

    Parameters
    ----------
    densities : array_like, shape (n, ny, nx)
        Not negative; a ten-thousandth of each maximum is added.

    Returns
    -------
    ndarray, shape (n, ny, nx)
        In which particles without quantum mechanics have this density at 1 Ha*.

    Examples
    --------
    >>> boltzmann_potential([[[1.0, 0.0]]]).round(1) + 0.0
    array([[[0. , 9.2]]])
    """
    values = np.asarray(densities, dtype=np.float64)
    floor = np.maximum(_FLOOR * values.max(axis=(1, 2), keepdims=True), np.finfo(float).tiny)
    return np.asarray(-np.log(np.maximum(values, 0.0) + floor))


def familiar_ranges(potentials: ArrayLike) -> dict[str, list[float]]:
    """Return the ranges of the features of the potentials that a network was trained on.

    Parameters
    ----------
    potentials : array_like, shape (n, ny, nx)
        In Ha*.

    Returns
    -------
    dict of str to list of float
        Feature -> its smallest and its largest value: how deep the lowest and how high the highest
        pixel is, measured from the soft minimum and in arcsinh(V / Ha*); the standard deviation of
        that; and the decimal logarithm of the share of its squared cosine coefficients beyond the
        16th along x or y.

    Examples
    --------
    >>> x = np.linspace(-3.0, 3.0, 32)
    >>> ranges = familiar_ranges([0.5 * w * (x**2 + x[:, None] ** 2) for w in (0.2, 1.0)])
    >>> sorted(ranges)[:2]
    ['depth of the lowest pixel', 'height of the highest pixel']
    """
    return {
        name: [float(found.min()), float(found.max())]
        for name, found in features(potentials).items()
    }


def is_familiar(ranges: Mapping[str, Sequence[float]], potentials: ArrayLike) -> NDArray[np.bool_]:
    """Return which potentials have all features within the ranges of the training.

    Parameters
    ----------
    ranges : mapping of str to pair of float
        What :func:`familiar_ranges` returned.
    potentials : array_like, shape (n, ny, nx)
        In Ha*.

    Returns
    -------
    ndarray of bool, shape (n,)
        False where a feature is out of range: the network extrapolates.

    Examples
    --------
    >>> x = np.linspace(-3.0, 3.0, 32)
    >>> parabolas = np.array([0.5 * w * (x**2 + x[:, None] ** 2) for w in (0.2, 0.5, 1.0)])
    >>> is_familiar(familiar_ranges(parabolas[[0, 2]]), parabolas[[1]])
    array([ True])
    >>> is_familiar(familiar_ranges(parabolas[[0, 2]]), 100 * parabolas[[1]])
    array([False])
    """
    found = features(potentials)
    inside = [(low <= found[name]) & (found[name] <= high) for name, (low, high) in ranges.items()]
    return np.asarray(np.all(inside, axis=0))
