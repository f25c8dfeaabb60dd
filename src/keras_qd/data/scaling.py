"""Scalings: reversible maps between a field's physical values and those a network sees.

Each formula stands once and takes `xp`, NumPy for arrays or ``keras.ops`` for the tensors of a
model, so a scaling fitted here is part of a saved model and of an exported graph without another
line.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import DataError
from keras_qd.registry import components

Array = NDArray[Any]
Values = NDArray[np.float64]
Limits = tuple[float, float] | None


@dataclass(frozen=True)
class Scaling(ABC):
    """A reversible map from a field's values to those that a network sees.

    A subclass is a frozen dataclass of plain numbers with three methods: :meth:`fit`,
    :meth:`scale` and :meth:`restore`. It is registered as a class, under as many names as it has
    forms.

    Parameters
    ----------
    name : str
        The registered name.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import keras_qd
    >>> @keras_qd.register("scalings", "doubled")
    ... @dataclass(frozen=True)
    ... class Doubled(Scaling):
    ...     @classmethod
    ...     def fit(cls, name, array, limits=None):
    ...         return cls(name)
    ...
    ...     def scale(self, xp, values):
    ...         return 2 * values
    ...
    ...     def restore(self, xp, values):
    ...         return values / 2
    >>> keras_qd.data.fit_scaling("doubled", [1.0]).forward([3.0])
    array([6.])
    """

    name: str

    @property
    def centered(self) -> bool:
        """Whether each sample's mean is subtracted, so that it does not come back."""
        return False

    @property
    def bounded(self) -> bool:
        """Whether scaled values lie between -1 and 1 for all values the field can ever have.

        That the training split does is not enough: new systems may exceed it.
        """
        return False

    @property
    def categorical(self) -> bool:
        """Whether the field holds classes, for each of which the network gives a probability."""
        return False

    @classmethod
    @abstractmethod
    def fit(cls, name: str, array: ArrayLike, limits: Limits = None) -> Self:
        """Fit the scaling to the training split; see :func:`fit_scaling`.

        Parameters
        ----------
        name : str
            The registered name.
        array : array_like, samples along the first axis
            The training split, or anything with ``shape`` that slices to it.
        limits : pair of float, optional
            The smallest and the largest value that the field can have, where they are known.
        """

    @abstractmethod
    def scale(self, xp: Any, values: Any) -> Any:
        """Scale physical values.

        Parameters
        ----------
        xp : module
            NumPy or ``keras.ops``.
        values : array or tensor, samples along the first axis
            In the field's unit.

        Returns
        -------
        array or tensor
            Of the same shape, or with an additional last axis.
        """

    @abstractmethod
    def restore(self, xp: Any, values: Any) -> Any:
        """Undo :meth:`scale`.

        Parameters
        ----------
        xp : module
            NumPy or ``keras.ops``.
        values : array or tensor, samples along the first axis
            As :meth:`scale` returns them.

        Returns
        -------
        array or tensor
            In the field's unit.
        """

    def check(self, values: Array) -> None:  # noqa: B027  (most are defined everywhere)
        """Check that the scaling is defined for physical values.

        Parameters
        ----------
        values : ndarray
            Physical values.

        Raises
        ------
        DataError
            If it is not defined for some of them.
        """

    def forward(self, array: ArrayLike) -> Array:
        """Scale an array of physical values in 64 bits.

        Parameters
        ----------
        array : array_like
            Physical values.

        Returns
        -------
        ndarray of float64
            The values that a network sees.

        Raises
        ------
        DataError
            If the scaling is not defined for some of them.
        """
        values = np.asarray(array, dtype=np.float64)
        self.check(values)
        return np.asarray(self.scale(np, values))

    def inverse(self, array: ArrayLike) -> Array:
        """Undo :meth:`forward` in 64 bits.

        Parameters
        ----------
        array : array_like
            Values that a network sees.

        Returns
        -------
        ndarray of float64
            Physical values.
        """
        return np.asarray(self.restore(np, np.asarray(array, dtype=np.float64)))

    def network_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a scaled sample as a network takes it, channels last.

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

    def from_network(self, xp: Any, values: Any, shape: tuple[int, ...]) -> dict[str, Any]:
        """Return what a network's output means for the field.

        Parameters
        ----------
        xp : module
            NumPy or ``keras.ops``.
        values : array or tensor, shape ``(n, *network_shape(shape))``
            The network's output.
        shape : tuple of int
            Of one sample of the field.

        Returns
        -------
        dict of str to array or tensor
            Under ``""`` the field, samples along the first axis, in its unit; under other names
            whatever else there is, such as probabilities.
        """
        return {"": self.restore(xp, xp.reshape(values, (-1, *shape)))}

    def baseline(self, array: ArrayLike) -> Array:
        """Return the trivial prediction that ignores the input: the mean of the samples.

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
        return self.inverse(self.forward(mean)) if self.centered else mean

    def to_config(self) -> dict[str, Any]:
        """Return the scaling as plain values that JSON holds exactly."""
        return asdict(self)


def fit_scaling(name: str, array: ArrayLike, *, limits: Limits = None) -> Scaling:
    """Fit a scaling to the training split of one field.

    Parameters
    ----------
    name : str
        ``"none"``; ``"standard"``: mean 0 and standard deviation 1; ``"minmax"``: from -1 to 1;
        ``"max"``: largest absolute value 1, with zero left where it is. With ``"centered-"`` before
        one of the last three, each sample's mean is subtracted first. ``"log"``: the logarithm of
        values of zero and above, with a floor. ``"one-hot"``: classes 0, 1, ... as unit vectors. Or
        the name of a registered scaling; ``keras_qd.names("scalings")`` lists them.
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
        If the array is empty or not finite, or has values that the scaling is not defined for.

    Examples
    --------
    >>> scaling = fit_scaling("minmax", [0.0, 5.0, 10.0])
    >>> scaling.forward([0.0, 7.5]), scaling.inverse([0.5])
    (array([-1. ,  0.5]), array([7.5]))
    """
    kind: type[Scaling] = components("scalings").get_class(name)
    return kind.fit(name, array, limits)


def scaling_from_config(config: Mapping[str, Any]) -> Scaling:
    """Rebuild a scaling from what :meth:`Scaling.to_config` returned.

    Parameters
    ----------
    config : mapping of str to object
        The name of the scaling and its numbers.

    Returns
    -------
    Scaling
        Equal to the original.

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
    kind: type[Scaling] = components("scalings").get_class(config["name"])
    return kind(**config)


@dataclass(frozen=True)
class Statistics:
    """Smallest, largest, mean and standard deviation of the values a scaling is fitted to."""

    low: float
    high: float
    mean: float
    deviation: float


def statistics(array: ArrayLike, change: Callable[[Values], Values] | None = None) -> Statistics:
    """Return the statistics of an array, computed in blocks; `change` is applied to each first."""
    # Means and squares are merged pairwise, which loses no digits where the mean is large: T. F.
    # Chan, G. H. Golub and R. J. LeVeque, Am. Stat. 37, 242 (1983),
    # doi:10.1080/00031305.1983.10483115
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
        raise DataError("a scaling cannot be fitted without samples")
    if not np.isfinite([low, high, mean]).all():
        raise DataError(
            "a scaling cannot be fitted to values that are not finite; remove them first"
        )
    return Statistics(float(low), float(high), float(mean), float(np.sqrt(squares / count)))


def mean_sample(array: ArrayLike) -> Values:
    """Return the mean over all samples, computed in blocks, with a first axis of length one."""
    total, count = np.float64(0.0), 0
    for block in _blocks(array):
        total = total + block.sum(axis=0, keepdims=True)
        count += len(block)
    return np.asarray(total / count)


#: Numbers in a block: some megabytes.
_BLOCK = 2**20


def _blocks(array: Any) -> Iterator[Values]:
    source = array if hasattr(array, "shape") else np.asarray(array)
    step = max(1, _BLOCK // max(1, math.prod(source.shape[1:])))
    for start in range(0, source.shape[0], step):
        yield np.asarray(source[start : start + step], dtype=np.float64)


_CENTERED = "centered-"
_STATISTICAL = ("standard", "minmax", "max")
#: The names of the linear scalings.
LINEAR = ("none", *_STATISTICAL, *(_CENTERED + kind for kind in _STATISTICAL))


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
    >>> scaling = LinearScaling.fit("standard", [1.0, 2.0, 3.0])
    >>> scaling.inverse(scaling.forward([1.0, 5.0]))
    array([1., 5.])
    """

    offset: float = 0.0
    factor: float = 1.0
    centered: bool = False
    bounded: bool = False

    @classmethod
    def fit(cls, name: str, array: ArrayLike, limits: Limits = None) -> Self:
        """Fit offset and factor; see :meth:`Scaling.fit`."""
        if name == "none":
            return cls(name)
        centered = name.startswith(_CENTERED)
        kind = name.removeprefix(_CENTERED)
        bounded = kind == "minmax" and limits is not None and not centered
        if kind == "minmax" and limits is not None:
            low, high = limits
        else:
            found = statistics(array, _without_means if centered else None)
            low, high = found.low, found.high
        if kind == "minmax":
            return cls(name, (high + low) / 2, (high - low) / 2 or 1.0, centered, bounded)
        if kind == "max":
            return cls(name, 0.0, max(abs(low), abs(high)) or 1.0, centered)
        return cls(name, found.mean, found.deviation or 1.0, centered)

    def scale(self, xp: Any, values: Any) -> Any:
        """Scale physical values; see :meth:`Scaling.scale`."""
        if self.centered:
            axes = tuple(range(1, len(values.shape)))
            values = values - xp.mean(values, axis=axes, keepdims=True)
        return (values - self.offset) / self.factor

    def restore(self, xp: Any, values: Any) -> Any:
        """Undo :meth:`scale`, except for the mean that centering has removed."""
        return values * self.factor + self.offset


def _without_means(values: Values) -> Values:
    """Subtract from each sample its own mean."""
    return np.asarray(LinearScaling("centered-max", centered=True).scale(np, values))


#: The floor, as a share of the largest value of the training split.
_FLOOR = 1e-4


@dataclass(frozen=True)
class LogScaling(Scaling):
    r"""The logarithm of a field, :math:`x \mapsto (\ln(1 + x / b) - o) / f`.

    Values far below the floor :math:`b` are scaled linearly, values far above it logarithmically,
    so that zero stays finite and nothing is cut off: :meth:`inverse` gives back every value to
    round-off. A network's output below the scaled zero is restored as zero.

    Parameters
    ----------
    name : str
        ``"log"``.
    floor : float
        :math:`b`, in the field's unit: a ten-thousandth of the largest value it was fitted to.
    offset, factor : float
        :math:`o` and :math:`f`: mean and standard deviation of the logarithm it was fitted to.

    Examples
    --------
    >>> scaling = LogScaling.fit("log", [0.0, 0.01, 1.0])
    >>> scaling.floor
    0.0001
    >>> scaling.inverse(scaling.forward([0.0, 2.0])).round(12)
    array([0., 2.])
    """

    floor: float = 1.0
    offset: float = 0.0
    factor: float = 1.0

    @classmethod
    def fit(cls, name: str, array: ArrayLike, limits: Limits = None) -> Self:
        """Fit floor, offset and factor; see :meth:`Scaling.fit`."""
        floor = _FLOOR * statistics(array).high or 1.0
        found = statistics(array, cls(name, floor).forward)
        return cls(name, floor, found.mean, found.deviation or 1.0)

    def check(self, values: Array) -> None:
        """Raise a DataError if a value is negative."""
        if values.size and values.min() < 0:
            raise DataError(
                f"the scaling 'log' needs values of at least zero, but the smallest is "
                f"{values.min():.3g}; use another one, such as 'standard'"
            )

    def scale(self, xp: Any, values: Any) -> Any:
        """Scale physical values; see :meth:`Scaling.scale`."""
        # Not log1p, nor expm1 below: not every export format has them. What is lost is round-off
        # of the floor.
        return (xp.log(1.0 + values / self.floor) - self.offset) / self.factor

    def restore(self, xp: Any, values: Any) -> Any:
        """Undo :meth:`scale`; nothing becomes negative."""
        logarithm = xp.maximum(values * self.factor + self.offset, 0.0)
        return (xp.exp(logarithm) - 1.0) * self.floor


#: Sharpness of the soft minimum of a potential, in 1/Ha*.
_SHARPNESS = 2.0


@dataclass(frozen=True)
class AboveMinimum(Scaling):
    r"""A potential above the bottom of its wells, compressed where it is high.

    .. math::

        V \mapsto (\operatorname{arsinh}(V - V_0) - o) / f, \qquad
        V_0 = -\tfrac{1}{2} \ln \langle e^{-2 V} \rangle

    with V in Ha* and the mean over a sample's pixels. Walls that no electron enters then weigh
    little beside the wells. What :meth:`inverse` returns has :math:`V_0 = 0`.

    Parameters
    ----------
    name : str
        ``"above-minimum"``.
    offset, factor : float
        :math:`o` and :math:`f`: mean and standard deviation of what they were fitted to.

    Examples
    --------
    >>> scaling = AboveMinimum("above-minimum")
    >>> flat = scaling.inverse(scaling.forward([[3.0, 3.0]]))
    >>> flat.round(12) + 0.0
    array([[0., 0.]])
    """

    offset: float = 0.0
    factor: float = 1.0

    @classmethod
    def fit(cls, name: str, array: ArrayLike, limits: Limits = None) -> Self:
        """Fit offset and factor; see :meth:`Scaling.fit`."""
        found = statistics(array, cls(name).forward)
        return cls(name, found.mean, found.deviation or 1.0)

    @property
    def centered(self) -> bool:
        """Every sample loses its soft minimum."""
        return True

    def scale(self, xp: Any, values: Any) -> Any:
        """Scale physical values; see :meth:`Scaling.scale`."""
        axes = tuple(range(1, len(values.shape)))
        above = values - xp.min(values, axis=axes, keepdims=True)
        occupied = xp.mean(xp.exp(-_SHARPNESS * above), axis=axes, keepdims=True)
        return (xp.arcsinh(above + xp.log(occupied) / _SHARPNESS) - self.offset) / self.factor

    def restore(self, xp: Any, values: Any) -> Any:
        """Undo :meth:`scale`, except for the soft minimum."""
        above = values * self.factor + self.offset
        # Not sinh: not every export format has it.
        return (xp.exp(above) - xp.exp(-above)) / 2


#: Name of the probabilities of a field's classes, after the field's name.
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
        """The field holds classes."""
        return True

    @classmethod
    def fit(cls, name: str, array: ArrayLike, limits: Limits = None) -> Self:
        """Count the classes, from `limits` where they are known; see :meth:`Scaling.fit`."""
        values = np.asarray(array)
        if not values.size:
            raise DataError("a scaling cannot be fitted without samples")
        highest = float(values.max()) if limits is None else limits[1]
        if not np.isfinite(highest):
            raise DataError("a scaling cannot be fitted to values that are not finite")
        scaling = cls(name, int(highest) + 1)
        scaling.check(values)
        return scaling

    def check(self, values: Array) -> None:
        """Raise a DataError if a value is not a class."""
        bad = (values != np.rint(values)) | (values < 0) | (values >= self.n_classes)
        if bad.any():
            raise DataError(
                f"classes are whole numbers from 0 to {self.n_classes - 1}; "
                f"got {values[bad].flat[0]:g}"
            )

    def scale(self, xp: Any, values: Any) -> Any:
        """Return unit vectors, shape (..., n_classes)."""
        # TensorFlow compares numbers of one type alone.
        classes = xp.arange(self.n_classes, dtype=values.dtype)
        return xp.where(xp.equal(xp.expand_dims(values, -1), classes), 1.0, 0.0)

    def restore(self, xp: Any, values: Any) -> Any:
        """Return the most probable classes, the first of equals: (..., n_classes) -> (...)."""
        return xp.argmax(values, axis=-1)

    def network_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a scaled sample: the classes are its channels."""
        return (*shape, self.n_classes)

    def from_network(self, xp: Any, values: Any, shape: tuple[int, ...]) -> dict[str, Any]:
        """Return the classes under ``""``, and the probability of each class."""
        return {"": self.restore(xp, values), PROBABILITIES: values}

    def baseline(self, array: ArrayLike) -> Array:
        """Return the share of every class in the training split, (1, ..., n_classes).

        The most frequent class is then the trivial prediction.
        """
        return np.asarray(self.forward(array).mean(axis=0, keepdims=True))
