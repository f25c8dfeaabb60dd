"""What every scaling of a field can do."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import DataError, UnknownNameError

Values = NDArray[np.float64]

#: Numbers in a block: some megabytes.
_BLOCK = 2**20


@dataclass(frozen=True)
class Statistics:
    """Smallest, largest, mean and standard deviation of the values a scaling is fitted on."""

    low: float
    high: float
    mean: float
    deviation: float


def statistics(array: ArrayLike, change: Callable[[Values], Values] | None = None) -> Statistics:
    """Go through the values in blocks.

    Means and squares are merged pairwise, which loses no digits where the mean is large: T. F.
    Chan, G. H. Golub and R. J. LeVeque, Am. Stat. 37, 242 (1983),
    https://doi.org/10.1080/00031305.1983.10483115

    Parameters
    ----------
    array : array_like, samples along the first axis
        The values, or anything with ``shape`` that slices to them.
    change : callable, optional
        What is done to every block of samples first.

    Raises
    ------
    DataError
        If there are no values, or some are not finite.
    """
    low, high = np.inf, -np.inf
    count, mean, squares = 0, 0.0, 0.0
    for block in _blocks(array):
        values = block if change is None else change(block)
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
    return Statistics(float(low), float(high), float(mean), float(np.sqrt(squares / count)))


def mean_sample(array: ArrayLike) -> Values:
    """Return the mean over all samples, block by block.

    Parameters
    ----------
    array : array_like, samples along the first axis
        The values, or anything with ``shape`` that slices to them.

    Returns
    -------
    ndarray, float64, with a first axis of length one
    """
    total, count = np.float64(0.0), 0
    for block in _blocks(array):
        total = total + block.sum(axis=0, keepdims=True)
        count += len(block)
    return np.asarray(total / count)


def _blocks(array: Any) -> Iterator[Values]:
    source = array if hasattr(array, "shape") else np.asarray(array)
    step = max(1, _BLOCK // max(1, math.prod(source.shape[1:])))
    for start in range(0, source.shape[0], step):
        yield np.asarray(source[start : start + step], dtype=np.float64)


Array = NDArray[Any]


@dataclass(frozen=True)
class Scaling(ABC):
    """A reversible map from a field's values to those that a network sees.

    Parameters
    ----------
    name : str
        The name that it is asked for by.

    Examples
    --------
    >>> from keras_qd.data import fit_scaling
    >>> scaling = fit_scaling("max", [[1.0, -4.0], [2.0, 0.0]])
    >>> isinstance(scaling, Scaling), scaling.forward([[2.0, 0.0]])
    (True, array([[0.5, 0. ]]))
    """

    name: str

    @property
    def centered(self) -> bool:
        """Whether each sample's mean is subtracted, so that it does not come back."""
        return False

    @property
    def categorical(self) -> bool:
        """Whether the field is a class, of which the network gives every class's probability."""
        return False

    @property
    def bounded(self) -> bool:
        """Whether scaled values lie between -1 and 1 for all values the field can ever have.

        That the training split does is not enough: new systems may exceed it.
        """
        return False

    @abstractmethod
    def forward(self, array: ArrayLike) -> Array:
        """Scale physical values.

        Parameters
        ----------
        array : array_like, samples along the first axis
            In the field's unit.

        Returns
        -------
        ndarray of float64
            Of the same shape, or with one more axis, the last.
        """

    @abstractmethod
    def inverse(self, array: ArrayLike) -> Array:
        """Undo :meth:`forward`.

        Parameters
        ----------
        array : array_like, samples along the first axis
            As :meth:`forward` scales them.

        Returns
        -------
        ndarray
            In the field's unit.
        """

    def network_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a scaled sample as a network takes it: channels last.

        Parameters
        ----------
        shape : tuple of int
            Of one sample of the field.

        Returns
        -------
        tuple of int
            Without the sample axis.
        """
        return {0: (1,), 1: (*shape, 1), 2: (*shape, 1)}.get(len(shape), shape)

    def from_network(self, array: ArrayLike, shape: tuple[int, ...]) -> dict[str, Array]:
        """Return what a network's output says of the field.

        Parameters
        ----------
        array : array_like, shape ``(n, *network_shape(shape))``
            The network's output.
        shape : tuple of int
            Of one sample of the field.

        Returns
        -------
        dict of str to ndarray
            Under ``""`` the field, samples along the first axis, in its unit; under other names
            what else there is, such as probabilities.
        """
        array = np.asarray(array, dtype=np.float64)
        return {"": self.inverse(array.reshape(len(array), *shape))}

    def baseline(self, array: ArrayLike) -> Array:
        """Return the prediction that knows no input: the mean of the samples.

        Parameters
        ----------
        array : array_like, samples along the first axis
            The training split.

        Returns
        -------
        ndarray, shape (1, ...)
            One sample, in the field's unit.
        """
        mean = mean_sample(array)
        return self.inverse(self.forward(mean)) if self.centered else np.asarray(mean)

    def to_config(self) -> dict[str, Any]:
        """Return the scaling as plain values that JSON holds exactly."""
        return asdict(self)


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
    """Fit a linear scaling; see :func:`keras_qd.data.fit_scaling`."""
    if name == "none":
        return LinearScaling(name)
    centered = name.startswith(CENTERED)
    kind = name.removeprefix(CENTERED)
    if kind == "minmax" and limits is not None:
        return _between(name, *limits, centered=centered, bounded=not centered)
    return _FITS_LINEAR[kind](
        name, statistics(array, _without_means if centered else None), centered
    )


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


_FITS_LINEAR: dict[str, Callable[[str, Statistics, bool], LinearScaling]] = {
    "standard": _fit_standard,
    "minmax": _fit_minmax,
    "max": _fit_max,
}
#: The names of the linear scalings.
LINEAR = ("none", *_FITS_LINEAR, *(CENTERED + kind for kind in _FITS_LINEAR))


def _without_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract from each sample its own mean."""
    return np.asarray(values - values.mean(axis=tuple(range(1, values.ndim)), keepdims=True))


#: The floor, as a share of the largest value of the training split.
_FLOOR = 1e-4


@dataclass(frozen=True)
class LogScaling(Scaling):
    r"""The logarithm of a field, :math:`x \mapsto (\ln(1 + x / b) - o) / f`.

    Values far below the floor :math:`b` are scaled linearly, values far above it logarithmically,
    so that zero stays finite and nothing is cut off: :meth:`inverse` gives back every value to
    round-off. Of what a network makes lower than zero is scaled to, it makes zero.

    Parameters
    ----------
    name : str
        ``"log"``.
    floor : float
        :math:`b`, in the field's unit: a ten-thousandth of the largest value it was fitted on.
    offset, factor : float
        :math:`o` and :math:`f`: mean and standard deviation of the logarithm it was fitted on.

    Examples
    --------
    >>> scaling = fit_log("log", np.array([0.0, 0.01, 1.0]))
    >>> scaling.floor
    0.0001
    >>> scaling.inverse(scaling.forward([0.0, 2.0]))
    array([0., 2.])
    """

    floor: float = 1.0
    offset: float = 0.0
    factor: float = 1.0

    def forward(self, array: ArrayLike) -> NDArray[np.float64]:
        """Scale physical values; see :meth:`Scaling.forward`.

        Raises
        ------
        DataError
            If a value is negative.
        """
        values = np.asarray(array, dtype=np.float64)
        _require_positive(values)
        return (np.log1p(values / self.floor) - self.offset) / self.factor

    def inverse(self, array: ArrayLike) -> NDArray[np.float64]:
        """Undo :meth:`forward`; nothing becomes negative."""
        logarithm = np.asarray(array, dtype=np.float64) * self.factor + self.offset
        return np.expm1(np.maximum(logarithm, 0.0)) * self.floor


def fit_log(name: str, array: ArrayLike, limits: tuple[float, float] | None = None) -> LogScaling:
    """Fit the logarithm; see :func:`keras_qd.data.fit_scaling`."""
    floor = _FLOOR * statistics(array).high or 1.0
    found = statistics(array, LogScaling(name, floor).forward)
    return LogScaling(name, floor, found.mean, found.deviation or 1.0)


def _require_positive(values: NDArray[np.float64]) -> None:
    if values.size and values.min() < 0:
        raise DataError(
            f"the scaling 'log' is for values from zero on, but the smallest is {values.min():.3g};"
            " use another one, such as 'standard'"
        )


#: How what a network says of every class is called, after the field's name.
PROBABILITIES = "probabilities"


@dataclass(frozen=True)
class OneHot(Scaling):
    """Class k of n as the k-th unit vector; back, the most probable class.

    Parameters
    ----------
    name : str
        ``"one-hot"``.
    n_classes : int
        The classes are 0 to `n_classes` - 1.

    Examples
    --------
    >>> scaling = OneHot("one-hot", 3)
    >>> scaling.forward([2, 0])
    array([[0., 0., 1.],
           [1., 0., 0.]])
    >>> scaling.inverse([[0.2, 0.5, 0.3]])
    array([1])
    """

    n_classes: int = 2

    @property
    def categorical(self) -> bool:
        """True: the field is a class."""
        return True

    def forward(self, array: ArrayLike) -> NDArray[np.float64]:
        """Return unit vectors, shape (..., n_classes).

        Raises
        ------
        DataError
            If a value is no class.
        """
        values = np.asarray(array)
        bad = (values != np.rint(values)) | (values < 0) | (values >= self.n_classes)
        if bad.any():
            raise DataError(
                f"classes are whole numbers from 0 to {self.n_classes - 1}; "
                f"got {values[bad].flat[0]}"
            )
        return np.eye(self.n_classes)[values.astype(np.int64)]

    def inverse(self, array: ArrayLike) -> NDArray[np.int64]:
        """Return the most probable classes, the first of equals: (..., n_classes) -> (...)."""
        return np.asarray(np.argmax(np.asarray(array), axis=-1), dtype=np.int64)

    def network_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a scaled sample: the classes are its channels."""
        return (*shape, self.n_classes)

    def from_network(self, array: ArrayLike, shape: tuple[int, ...]) -> dict[str, NDArray[Any]]:
        """Return the classes under ``""``, and under ``"probabilities"`` those of all classes."""
        probabilities = np.asarray(array, dtype=np.float64)
        return {"": self.inverse(probabilities), PROBABILITIES: probabilities}

    def baseline(self, array: ArrayLike) -> NDArray[np.float64]:
        """Return the share of every class in the training split, (1, ..., n_classes).

        The most frequent class is then the trivial prediction.
        """
        return np.asarray(self.forward(array).mean(axis=0, keepdims=True))


def fit_one_hot(name: str, array: ArrayLike, limits: tuple[float, float] | None = None) -> OneHot:
    """Count the classes: from `limits` where they are known, otherwise those of the samples.

    See :func:`keras_qd.data.fit_scaling`.

    Raises
    ------
    DataError
        If there are no samples, or values are no classes.
    """
    values = np.asarray(array)
    if not values.size:
        raise DataError("a scaling cannot be fitted to no samples")
    highest = float(values.max()) if limits is None else limits[1]
    if not np.isfinite(highest):
        raise DataError("a scaling cannot be fitted to values that are not finite")
    scaling = OneHot(name, int(highest) + 1)
    scaling.forward(values)
    return scaling


_KINDS: dict[str, type[Scaling]] = {
    **dict.fromkeys(LINEAR, LinearScaling),
    "log": LogScaling,
    "one-hot": OneHot,
}
_FITS: dict[type[Scaling], Callable[[str, ArrayLike, tuple[float, float] | None], Scaling]] = {
    LinearScaling: fit_linear,
    LogScaling: fit_log,
    OneHot: fit_one_hot,
}
#: The names of all scalings.
SCALINGS = tuple(_KINDS)


def fit_scaling(
    name: str, array: ArrayLike, *, limits: tuple[float, float] | None = None
) -> Scaling:
    """Fit a scaling to the training split of one field.

    Parameters
    ----------
    name : str
        ``"none"``; ``"standard"``: mean 0 and standard deviation 1; ``"minmax"``: from -1 to 1;
        ``"max"``: largest absolute value 1, with zero left where it is. With ``"centered-"`` before
        one of the last three, each sample's mean is subtracted first. ``"log"``: the logarithm of
        values from zero on, above a floor. ``"one-hot"``: classes 0, 1, ... as unit vectors.
    array : array_like, samples along the first axis
        The training split, and nothing else.
    limits : pair of float, optional
        For ``"minmax"``: the values that become -1 and 1, instead of those found in `array`; the
        scaling is `bounded` then. For ``"one-hot"``: the first and the last class.

    Returns
    -------
    Scaling
        With ``forward`` and ``inverse``.

    Raises
    ------
    UnknownNameError
        If there is no such scaling.
    DataError
        If the array is empty or not finite, or has values that the scaling is not for.

    Examples
    --------
    >>> scaling = fit_scaling("minmax", [0.0, 5.0, 10.0])
    >>> scaling.forward([0.0, 7.5]), scaling.inverse([0.5])
    (array([-1. ,  0.5]), array([7.5]))
    """
    if name not in SCALINGS:
        raise UnknownNameError("scaling", name, SCALINGS)
    return _FITS[_KINDS[name]](name, array, limits)


def scaling_from_config(config: Mapping[str, Any]) -> Scaling:
    """Build a scaling again from what :meth:`Scaling.to_config` returned.

    Parameters
    ----------
    config : mapping of str to object
        The name of the scaling and its numbers.

    Returns
    -------
    Scaling
        Equal to the one it was.

    Raises
    ------
    UnknownNameError
        If there is no such scaling.

    Examples
    --------
    >>> scaling = fit_scaling("standard", [1.0, 3.0])
    >>> scaling_from_config(scaling.to_config()) == scaling
    True
    """
    if config["name"] not in SCALINGS:
        raise UnknownNameError("scaling", config["name"], SCALINGS)
    return _KINDS[config["name"]](**config)
