"""Reversible scaling of fields, fitted on the training split and stored with the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import ArrayLike

from keras_qd.datasets.scalings.linear import LINEAR, LinearScaling, fit_linear
from keras_qd.datasets.scalings.logarithm import LogScaling, fit_log
from keras_qd.datasets.scalings.one_hot import OneHot, fit_one_hot
from keras_qd.datasets.scalings.scaling import Scaling as Scaling
from keras_qd.errors import UnknownNameError

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
