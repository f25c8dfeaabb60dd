"""Reversible scaling of fields, fitted on the training split and stored with the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import DataError, UnknownNameError

_CENTERED = "centered-"
_BLOCK = 1024


@dataclass(frozen=True)
class Scaling:
    r"""A linear map of one field, :math:`x \mapsto (x - o) / f`.

    Parameters
    ----------
    name : str
        One of :data:`SCALINGS`.
    offset, factor : float
        :math:`o` and :math:`f`, in the field's unit.
    centered : bool
        Whether each sample's mean is subtracted first. A potential is physically the same with any
        constant added, and so is what :meth:`inverse` returns: the potential with mean zero.
    bounded : bool
        Whether scaled values lie between -1 and 1 for all values the field can ever have. That the
        training split does is not enough: new systems may exceed it.

    Examples
    --------
    >>> scaling = fit_scaling("standard", np.array([1.0, 2.0, 3.0]))
    >>> scaling.inverse(scaling.forward([1.0, 5.0]))
    array([1., 5.])
    """

    name: str
    offset: float = 0.0
    factor: float = 1.0
    centered: bool = False
    bounded: bool = False

    def forward(self, array: ArrayLike) -> NDArray[np.float64]:
        """Scale physical values.

        Parameters
        ----------
        array : array_like, samples along the first axis

        Returns
        -------
        ndarray, float64, of the same shape
        """
        values = np.asarray(array, dtype=np.float64)
        if self.centered:
            values = _without_means(values)
        return (values - self.offset) / self.factor

    def inverse(self, array: ArrayLike) -> NDArray[np.float64]:
        """Undo :meth:`forward`, except for the mean that centering has removed.

        Parameters
        ----------
        array : array_like, samples along the first axis

        Returns
        -------
        ndarray, float64, of the same shape, in the field's unit
        """
        return np.asarray(array, dtype=np.float64) * self.factor + self.offset

    def to_config(self) -> dict[str, Any]:
        """Return the scaling as plain values that JSON holds exactly."""
        return asdict(self)


@dataclass(frozen=True)
class _Statistics:
    """Smallest, largest, mean and standard deviation of the values a scaling is fitted on."""

    low: float
    high: float
    mean: float
    deviation: float


def fit_scaling(
    name: str, array: ArrayLike, *, limits: tuple[float, float] | None = None
) -> Scaling:
    """Fit a scaling to the training split of one field.

    Parameters
    ----------
    name : str
        ``"none"``; ``"standard"``: mean 0 and standard deviation 1; ``"minmax"``: from -1 to 1;
        ``"max"``: largest absolute value 1, with zero left where it is. With ``"centered-"`` before
        one of the last three, each sample's mean is subtracted first.
    array : array_like, samples along the first axis
        The training split, and nothing else.
    limits : pair of float, optional
        For ``"minmax"``: the values that become -1 and 1, instead of those found in `array`. The
        scaling is `bounded` then.

    Returns
    -------
    Scaling

    Raises
    ------
    UnknownNameError
        If there is no such scaling.
    DataError
        If the array is empty or not finite.
    """
    if name not in SCALINGS:
        raise UnknownNameError("scaling", name, SCALINGS)
    if name == "none":
        return Scaling(name)
    centered = name.startswith(_CENTERED)
    kind = name.removeprefix(_CENTERED)
    if kind == "minmax" and limits is not None:
        return _between(name, *limits, centered=centered, bounded=not centered)
    return _FITS[kind](name, _statistics(array, centered), centered)


def scaling_from_config(config: Mapping[str, Any]) -> Scaling:
    """Build a scaling again from what :meth:`Scaling.to_config` returned."""
    return Scaling(**config)


def _between(
    name: str, low: float, high: float, *, centered: bool = False, bounded: bool = False
) -> Scaling:
    half = (high - low) / 2
    return Scaling(name, (high + low) / 2, half or 1.0, centered, bounded)


def _fit_standard(name: str, found: _Statistics, centered: bool) -> Scaling:
    return Scaling(name, found.mean, found.deviation or 1.0, centered)


def _fit_minmax(name: str, found: _Statistics, centered: bool) -> Scaling:
    return _between(name, found.low, found.high, centered=centered)


def _fit_max(name: str, found: _Statistics, centered: bool) -> Scaling:
    return Scaling(name, 0.0, max(abs(found.low), abs(found.high)) or 1.0, centered)


_FITS: dict[str, Callable[[str, _Statistics, bool], Scaling]] = {
    "standard": _fit_standard,
    "minmax": _fit_minmax,
    "max": _fit_max,
}
#: The names of all scalings.
SCALINGS = ("none", *_FITS, *(_CENTERED + kind for kind in _FITS))


def _statistics(array: ArrayLike, centered: bool) -> _Statistics:
    """Go through the values in blocks, since they may be larger than memory.

    Means and squares are merged pairwise, which loses no digits where the mean is large: T. F.
    Chan, G. H. Golub and R. J. LeVeque, Am. Stat. 37, 242 (1983),
    https://doi.org/10.1080/00031305.1983.10483115
    """
    low, high = np.inf, -np.inf
    count, mean, squares = 0, 0.0, 0.0
    for block in _blocks(array):
        values = _without_means(block) if centered else block
        low, high = min(low, values.min()), max(high, values.max())
        shift = values.mean() - mean
        total = count + values.size
        squares += ((values - values.mean()) ** 2).sum() + shift**2 * count * values.size / total
        mean += shift * values.size / total
        count = total
    if not count:
        raise DataError("a scaling cannot be fitted to no samples")
    if not np.isfinite([low, high, mean]).all():
        raise DataError(
            "a scaling cannot be fitted to values that are not finite; remove them first"
        )
    return _Statistics(float(low), float(high), float(mean), float(np.sqrt(squares / count)))


def _blocks(array: Any) -> Iterator[NDArray[np.float64]]:
    source = array if hasattr(array, "shape") else np.asarray(array)
    for start in range(0, source.shape[0], _BLOCK):
        yield np.asarray(source[start : start + _BLOCK], dtype=np.float64)


def _without_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract from each sample its own mean."""
    return np.asarray(values - values.mean(axis=tuple(range(1, values.ndim)), keepdims=True))
