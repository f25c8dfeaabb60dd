"""Networks from profiles on a line to energies, and the layer of trial states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.models.base import LEARNING_RATE, Network, searches
from keras_qd.models.layers.factory import Dropout

#: Initial value of the roughness weights, low enough for sensible energies before training.
_FIRST_ROUGHNESS = 0.05

#: Squares that keep quotients and roots smooth where the two states or their energies are the same.
_LEAST_NORM = 1e-6
_LEAST_GAP = 1e-9


@keras.saving.register_keras_serializable(package="keras_qd")
class TrialEnergy(keras.layers.Layer):
    r"""Lowest energy of an electron in the span of two trial states, with a learned kinetic part.

    .. math::

        E = \min_{\psi \in \mathrm{span}(\psi^1, \psi^2)} \Big[ \sum_i V_i \psi_i^2 +
            \sum_k (k a_k c_k)^2 \Big], \qquad
        \psi_i = \sqrt{\tfrac{2}{n + 1}} \sum_k c_k \sin \frac{\pi k i}{n + 1}, \qquad
        \sum_k c_k^2 = 1

    The potential is taken at the nodes of the sine functions, as in their discrete-variable
    representation [1]_, and the minimum is the lower root of a linear variational problem [2]_.
    The trial states come from a network: :math:`c_k` is the coefficient of the k-th sine function
    in its output, over k. The weights :math:`a_k` are trained: the layer is given neither the
    electron's mass nor the length L of the line; exact ones are :math:`\pi / (\sqrt{2} L)`. By the
    variational principle the error of a ground-state energy is of second order in that of the
    state. There are two states because the least change of the potential may move the electron
    from one well to another. Adding a constant to the potential adds it to the energy.

    .. [1] D. T. Colbert and W. H. Miller, J. Chem. Phys. 96, 1982 (1992), doi:10.1063/1.462100
    .. [2] A. Szabo and N. S. Ostlund, "Modern Quantum Chemistry" (Dover, 1996), section 1.3
    """

    def __init__(self, modes: int, **options: Any) -> None:
        super().__init__(**options)
        self.modes = modes

    def build(self, trial_shape: tuple[Any, ...], potential_shape: Any) -> None:
        """Create the weights for states (n, points, 2) and potentials (n, points)."""
        points = trial_shape[1]
        modes = np.arange(1, self.modes + 1)
        nodes = np.arange(1, points + 1)[:, None]
        sines = np.sqrt(2 / (points + 1)) * np.sin(np.pi * nodes * modes / (points + 1))
        self._sines = sines.astype("float32")
        self._modes = modes.astype("float32")
        self.roughness = self.add_weight(
            name="roughness",
            shape=(self.modes,),
            initializer=keras.initializers.Constant(_FIRST_ROUGHNESS),
        )

    def call(self, trial: Any, potential: Any) -> Any:
        """Return energies (n, 1) from trial states (n, points, 2) and potentials (n, points)."""
        first, second = (self._coefficients(trial[..., state]) for state in (0, 1))
        second = _normalized(second - _product(first, second) * first)
        one, two = (self._applied(each, potential) for each in (first, second))
        return _lower_level(_product(first, one), _product(second, two), _product(first, two))

    def _coefficients(self, trial: Any) -> Any:
        """Return the shares of the sine functions in a state, shape (n, modes)."""
        return _normalized(ops.divide(ops.matmul(trial, self._sines), self._modes))

    def _applied(self, coefficients: Any, potential: Any) -> Any:
        """Return the Hamiltonian applied to a state, as shares of the sine functions."""
        state = ops.matmul(coefficients, self._sines.T)
        kinetic = ops.square(ops.multiply(self.roughness, self._modes)) * coefficients
        return kinetic + ops.matmul(potential * state, self._sines)

    def compute_output_shape(self, trial_shape: Any, potential_shape: Any) -> tuple[Any, int]:
        """Return the shape of the energies."""
        return (trial_shape[0], 1)

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same layer again."""
        return {**super().get_config(), "modes": self.modes}


def _product(one: Any, other: Any) -> Any:
    return ops.sum(one * other, axis=-1, keepdims=True)


def _normalized(coefficients: Any) -> Any:
    return coefficients / ops.sqrt(_product(coefficients, coefficients) + _LEAST_NORM)


def _lower_level(first: Any, second: Any, coupling: Any) -> Any:
    """Return the lower eigenvalue of a symmetric matrix of two rows."""
    half_gap = 0.5 * (first - second)
    # The root has no slope at zero, where the levels cross.
    root = ops.sqrt(ops.square(half_gap) + ops.square(coupling) + _LEAST_GAP)
    return 0.5 * (first + second) - root


Line = tuple[int, int]
Number = tuple[int]

VIEWS = ("plain", "without-mean", "square-root", "logarithm")
#: Below this, far less than any density on a grid, logarithms see no difference.
_LEAST = 1e-30
#: Brings the logarithms of densities to the order of one.
_DECADES = 10.0
READOUTS = ("dense", "mean", "trial-states")


def check_line_and_number(input_shape: Line, output_shape: Number) -> None:
    """Raise unless the shapes are (points, channels) and (numbers,)."""
    if len(input_shape) != 2 or len(output_shape) != 1:
        raise UsageError(
            f"got the shapes {tuple(input_shape)} and {tuple(output_shape)}; a network from "
            "profiles to numbers takes (points, channels) and returns (numbers,)"
        )


def check_view_and_readout(view: str, readout: str, shapes: tuple[Line, Number]) -> None:
    """Check how a network preprocesses its input and computes its output."""
    check_line_and_number(*shapes)
    for kind, name, known in (("view", view, VIEWS), ("readout", readout, READOUTS)):
        if name not in known:
            raise UnknownNameError(kind, name, known)
    if readout == "trial-states" and view != "without-mean":
        raise UsageError(
            f"the readout trial-states needs the potential, not the view {view!r}: "
            "give view='without-mean'"
        )
    if view == "without-mean" and (shapes[0][1], shapes[1][0]) != (1, 1):
        raise UsageError(
            f"the view without the mean is for one profile and one number, not for "
            f"{shapes[0][1]} and {shapes[1][0]}"
        )


def seen(inputs: Any, view: str) -> Any:
    """Return preprocessed profiles (n, points, channels)."""
    if view == "without-mean":
        return inputs - ops.mean(inputs, axis=1, keepdims=True)
    if view == "square-root":
        # Slightly above zero, where the root has no slope.
        return ops.sqrt(ops.maximum(inputs, 0.0) + keras.config.epsilon() ** 2)
    if view == "logarithm":
        return ops.log(ops.maximum(inputs, _LEAST)) / _DECADES
    return inputs


def answered(inputs: Any, features: Any, view: str, readout: str, numbers: int) -> Any:
    """Return numbers (n, numbers) from features (n, pieces, channels) of profiles."""
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


@searches({"learning_rate": LEARNING_RATE, "dropout": {"low": 0.0, "high": 0.5}})
@keras.saving.register_keras_serializable(package="keras_qd")
class EnergyCNN(Network):
    """Convolutions without padding, each with a max pool, then dense layers with dropout.

    LeNet in one dimension: the reference for the tasks that predict energies.

    Parameters
    ----------
    input_shape : tuple of int
        (points, channels), without the sample axis.
    output_shape : tuple of int
        (numbers,).
    filters : sequence of int
        Channels of the convolutions, three points wide.
    units : sequence of int
        Widths of the dense layers before the last, each followed by dropout.
    dropout : float
        Rate.
    view : str
        How the input is preprocessed: ``"plain"``, ``"square-root"`` or ``"logarithm"``;
        see `Residual1D`.
    learning_rate : float
        Initial learning rate of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are not profiles and numbers, the profiles are too short, or the view is
        ``"without-mean"``.
    UnknownNameError
        If there is no such view.

    Notes
    -----
    With the default settings there are 33,429 parameters.

    Examples
    --------
    >>> EnergyCNN().count_params()
    33429
    """

    def __init__(
        self,
        input_shape: Line = (64, 1),
        output_shape: Number = (1,),
        filters: Sequence[int] = (6, 16),
        units: Sequence[int] = (120, 50),
        dropout: float = 0.5,
        view: str = "plain",
        learning_rate: float = 1e-3,
        name: str = "energy-cnn",
    ) -> None:
        check_view_and_readout(view, "dense", (input_shape, output_shape))
        if view == "without-mean":
            raise UsageError(f"{name} does not restore the mean: use residual-1d for that view")
        inputs = keras.Input(tuple(input_shape))
        features = seen(inputs, view)
        for count in filters:
            if features.shape[1] < 4:
                raise UsageError(
                    f"profiles of {input_shape[0]} points are too short for {len(filters)} "
                    "convolutions with pooling"
                )
            features = keras.layers.Conv1D(count, 3, activation="relu")(features)
            features = keras.layers.MaxPooling1D()(features)
        features = keras.layers.Flatten()(features)
        for width in units:
            features = keras.layers.Dense(width, activation="relu")(features)
            if dropout:
                features = Dropout(dropout)(features)
        outputs = keras.layers.Dense(output_shape[0], dtype="float32")(features)
        super().__init__(inputs, outputs)


@searches(
    {"learning_rate": LEARNING_RATE, "width": [64, 128, 256], "blocks": {"low": 1, "high": 3}}
)
@keras.saving.register_keras_serializable(package="keras_qd")
class Residual1D(Network):
    """Residual blocks [1]_ over the pieces of a line, without normalisation and dropout.

    Parameters
    ----------
    input_shape : tuple of int
        (points, channels), without the sample axis.
    output_shape : tuple of int
        (numbers,).
    pieces : int
        Number of equal pieces of the line. With 1, every block covers the whole line, as suits a
        quantity that depends on all of it; with as many as points, blocks are convolutions of short
        range.
    width : int
        Features per piece.
    blocks : int
        Residual blocks of two layers.
    kernel_size : int
        Pieces covered by a layer; odd.
    view : str
        ``"plain"``: the profile. ``"without-mean"``: the profile without its mean, which is added
        to the output, so that E[V + c] = E[V] + c. ``"square-root"``: the root of a profile that is
        not negative, such as a density. ``"logarithm"``: the natural logarithm of such a profile
        over ten, which shows the tails of a density as clearly as its peak.
    readout : str
        ``"dense"``: any function of the features. ``"mean"``: a mean over the line, as for an
        energy density. ``"trial-states"``: the lowest energy of two states of the features, by
        :class:`~keras_qd.models.energies.TrialEnergy`.
    learning_rate : float
        Initial learning rate of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are not profiles and numbers, or the settings do not fit them.
    UnknownNameError
        If there is no such view or readout.

    References
    ----------
    .. [1] He, Zhang, Ren, Sun, 2016, arXiv:1603.05027

    Examples
    --------
    >>> Residual1D(width=16, view="without-mean", readout="trial-states").output_shape
    (None, 1)
    """

    def __init__(
        self,
        input_shape: Line = (64, 1),
        output_shape: Number = (1,),
        pieces: int = 1,
        width: int = 256,
        blocks: int = 2,
        kernel_size: int = 1,
        view: str = "plain",
        readout: str = "dense",
        learning_rate: float = 2e-3,
        name: str = "residual-1d",
    ) -> None:
        check_view_and_readout(view, readout, (input_shape, output_shape))
        points, channels = input_shape
        if pieces < 1 or points % pieces or kernel_size % 2 == 0:
            raise UsageError(
                f"pieces={pieces} must divide the {points} points, and "
                f"kernel_size={kernel_size} be odd"
            )
        inputs = keras.Input(tuple(input_shape))
        patches = (pieces, points // pieces * channels)
        features = keras.layers.Reshape(patches)(seen(inputs, view))
        features = _mix(features, width, kernel_size)
        for _ in range(blocks):
            change = _mix(_activate(features), width, kernel_size)
            change = _mix(_activate(change), width, kernel_size)
            features = keras.layers.Add()([features, change])
        outputs = answered(inputs, _activate(features), view, readout, output_shape[0])
        super().__init__(inputs, outputs)


def _activate(features: Any) -> Any:
    # Smooth, like the energies to learn.
    return keras.layers.Activation("gelu")(features)


def _mix(features: Any, width: int, kernel_size: int) -> Any:
    """Return `width` features of each piece from those of its neighbourhood."""
    if kernel_size == 1:
        return keras.layers.Dense(width)(features)
    return keras.layers.Conv1D(width, kernel_size, padding="same")(features)
