"""Linear scalings: to unit spread, to [-1, 1], to a largest value of one; with gauge removal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.datasets.scalings.scaling import Scaling
from keras_qd.datasets.scalings.statistics import Statistics, statistics

CENTERED = "centered-"


@dataclass(frozen=True)
class LinearScaling(Scaling):
    r"""A linear map of one field, :math:`x \mapsto (x - o) / f`.

    Parameters
    ----------
    name : str
        One of :data:`LINEAR`.
    offset, factor : float
        :math:`o` and :math:`f`, in the field's unit.
    centered : bool
        Whether each sample's mean is subtracted first. A potential is physically the same with any
        constant added, and so is what :meth:`inverse` returns: the potential with mean zero.
    bounded : bool
        Whether scaled values lie between -1 and 1 for all values the field can ever have.

    Examples
    --------
    >>> scaling = fit_linear("standard", np.array([1.0, 2.0, 3.0]))
    >>> scaling.inverse(scaling.forward([1.0, 5.0]))
    array([1., 5.])
    """

    offset: float = 0.0
    factor: float = 1.0
    centered: bool = False
    bounded: bool = False

    def forward(self, array: ArrayLike) -> NDArray[np.float64]:
        """Scale physical values; see :meth:`Scaling.forward`."""
        values = np.asarray(array, dtype=np.float64)
        if self.centered:
            values = _without_means(values)
        return (values - self.offset) / self.factor

    def inverse(self, array: ArrayLike) -> NDArray[np.float64]:
        """Undo :meth:`forward`, except for the mean that centering has removed."""
        return np.asarray(array, dtype=np.float64) * self.factor + self.offset


def fit_linear(
    name: str, array: ArrayLike, limits: tuple[float, float] | None = None
) -> LinearScaling:
    """Fit a linear scaling; see :func:`keras_qd.datasets.fit_scaling`."""
    if name == "none":
        return LinearScaling(name)
    centered = name.startswith(CENTERED)
    kind = name.removeprefix(CENTERED)
    if kind == "minmax" and limits is not None:
        return _between(name, *limits, centered=centered, bounded=not centered)
    return _FITS[kind](name, statistics(array, _without_means if centered else None), centered)


def _between(
    name: str, low: float, high: float, *, centered: bool = False, bounded: bool = False
) -> LinearScaling:
    half = (high - low) / 2
    return LinearScaling(name, (high + low) / 2, half or 1.0, centered, bounded)


def _fit_standard(name: str, found: Statistics, centered: bool) -> LinearScaling:
    return LinearScaling(name, found.mean, found.deviation or 1.0, centered)


def _fit_minmax(name: str, found: Statistics, centered: bool) -> LinearScaling:
    return _between(name, found.low, found.high, centered=centered)


def _fit_max(name: str, found: Statistics, centered: bool) -> LinearScaling:
    return LinearScaling(name, 0.0, max(abs(found.low), abs(found.high)) or 1.0, centered)


_FITS: dict[str, Callable[[str, Statistics, bool], LinearScaling]] = {
    "standard": _fit_standard,
    "minmax": _fit_minmax,
    "max": _fit_max,
}
#: The names of the linear scalings.
LINEAR = ("none", *_FITS, *(CENTERED + kind for kind in _FITS))


def _without_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract from each sample its own mean."""
    return np.asarray(values - values.mean(axis=tuple(range(1, values.ndim)), keepdims=True))
