"""A residual network from profiles on a line to numbers."""

from __future__ import annotations

from typing import Any

import keras

from keras_qd.errors import UsageError
from keras_qd.models.network import Network
from keras_qd.models.profiles import Line, Number, answered, check_view_and_readout, seen


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
        How many equal pieces the line is cut into. With 1, every block sees the whole line at once,
        which is what a quantity asks for that depends on all of it; with as many as there are
        points, blocks are convolutions with a short reach.
    width : int
        Features of a piece.
    blocks : int
        Residual blocks of two layers.
    kernel_size : int
        Pieces that a layer sees; odd.
    view : str
        What the network sees: ``"plain"``, ``"without-mean"`` (E[V + c] = E[V] + c exactly),
        ``"square-root"`` or ``"logarithm"``. See
        :func:`keras_qd.models.profiles.check_view_and_readout`.
    readout : str
        How it answers: ``"dense"``, ``"mean"`` or ``"trial-states"``. See the same.
    learning_rate : float
        Of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are no profiles and numbers, or the settings do not fit them.
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
        settings = {
            "input_shape": tuple(input_shape),
            "output_shape": tuple(output_shape),
            "pieces": pieces,
            "width": width,
            "blocks": blocks,
            "kernel_size": kernel_size,
            "view": view,
            "readout": readout,
            "learning_rate": learning_rate,
            "name": name,
        }
        super().__init__(inputs, outputs, settings)


def _activate(features: Any) -> Any:
    # Smooth, as the energies are that the network is to learn.
    return keras.layers.Activation("gelu")(features)


def _mix(features: Any, width: int, kernel_size: int) -> Any:
    """Return `width` features of each piece from those of its neighbourhood."""
    if kernel_size == 1:
        return keras.layers.Dense(width)(features)
    return keras.layers.Conv1D(width, kernel_size, padding="same")(features)
