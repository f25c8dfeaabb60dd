"""What networks from a profile on a line to a number share: what they see, and how they answer."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.models.layers.trial_energy import TrialEnergy

Line = tuple[int, int]
Number = tuple[int]

VIEWS = ("plain", "without-mean", "square-root", "logarithm")
#: Below this, far less than any density on a grid, logarithms see no difference.
_LEAST = 1e-30
#: Brings the logarithms of densities to the order of one.
_DECADES = 10.0
READOUTS = ("dense", "mean", "trial-states")


def check_line_and_number(input_shape: Line, output_shape: Number) -> None:
    """Check the shapes of a network from profiles to numbers.

    Raises
    ------
    UsageError
        If they are not (points, channels) and (numbers,).
    """
    if len(input_shape) != 2 or len(output_shape) != 1:
        raise UsageError(
            f"got the shapes {tuple(input_shape)} and {tuple(output_shape)}; a network from "
            "profiles to numbers takes (points, channels) and gives (numbers,)"
        )


def check_view_and_readout(view: str, readout: str, shapes: tuple[Line, Number]) -> None:
    """Check that a network can see its input and answer in these ways.

    Parameters
    ----------
    view : str
        ``"plain"``: the profile. ``"without-mean"``: the profile without its mean, which is added
        to the answer, so that :math:`E[V + c] = E[V] + c`. ``"square-root"``: the root of a profile
        that is not negative, such as the amplitude that belongs to a density. ``"logarithm"``: the
        natural logarithm of such a profile over ten, in which the tails of a density stand as
        clearly as its peak.
    readout : str
        ``"dense"``: any function of the features. ``"mean"``: a mean over the line, as of an energy
        density. ``"trial-states"``: the features make two states of which
        :class:`~keras_qd.models.layers.trial_energy.TrialEnergy` gives the lowest energy.
    shapes : pair of tuple of int
        (points, channels) and (numbers,).

    Raises
    ------
    UnknownNameError
        If there is no such view or readout.
    UsageError
        If they do not fit together or the shapes.
    """
    check_line_and_number(*shapes)
    for kind, name, known in (("view", view, VIEWS), ("readout", readout, READOUTS)):
        if name not in known:
            raise UnknownNameError(kind, name, known)
    if readout == "trial-states" and view != "without-mean":
        raise UsageError(
            f"trial states have an energy in a potential; with the view {view!r} there is none: "
            "give view='without-mean'"
        )
    if view == "without-mean" and (shapes[0][1], shapes[1][0]) != (1, 1):
        raise UsageError(
            f"the view without the mean is for one profile and one number, not for "
            f"{shapes[0][1]} and {shapes[1][0]}"
        )


def seen(inputs: Any, view: str) -> Any:
    """Return what a network sees of profiles (n, points, channels)."""
    if view == "without-mean":
        return inputs - ops.mean(inputs, axis=1, keepdims=True)
    if view == "square-root":
        # A hair above zero, where the root has no slope.
        return ops.sqrt(ops.maximum(inputs, 0.0) + keras.config.epsilon() ** 2)
    if view == "logarithm":
        return ops.log(ops.maximum(inputs, _LEAST)) / _DECADES
    return inputs


def answered(inputs: Any, features: Any, view: str, readout: str, numbers: int) -> Any:
    """Return numbers (n, numbers) from features (n, places, channels) of profiles.

    Parameters
    ----------
    inputs : keras.KerasTensor, shape (n, points, channels)
        The profiles.
    features : keras.KerasTensor, shape (n, places, channels)
        What the network made of them.
    view, readout : str
        As of :func:`check_view_and_readout`.
    numbers : int
        How many numbers.
    """
    if readout == "mean":
        parts = keras.layers.Dense(numbers, dtype="float32", name="parts")(features)
        answer = ops.mean(parts, axis=1)
    elif readout == "dense":
        flat = keras.layers.Flatten()(features)
        answer = keras.layers.Dense(numbers, dtype="float32", name="answer")(flat)
    else:
        potential = seen(inputs, view)[..., 0]
        energy = TrialEnergy(inputs.shape[1] // 2, dtype="float32", name="energy")
        answer = energy(_trial_states(features, inputs.shape[1]), potential)
    if view == "without-mean":
        answer = answer + ops.mean(inputs, axis=1)
    return answer


def _trial_states(features: Any, points: int) -> Any:
    """Return two values for each point: from its own features, or from those of all pieces."""
    if features.shape[1] == points:
        return keras.layers.Dense(2, dtype="float32", name="states")(features)
    flat = keras.layers.Flatten()(features)
    states = keras.layers.Dense(2 * points, dtype="float32", name="states")(flat)
    return keras.layers.Reshape((points, 2))(states)
