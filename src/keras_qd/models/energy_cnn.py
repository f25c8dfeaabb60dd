"""A small convolutional network from a profile to a number, as it is taught."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from keras_qd.errors import UsageError
from keras_qd.models.layers.dropout import Dropout
from keras_qd.models.network import Network
from keras_qd.models.profiles import Line, Number, check_view_and_readout, seen


@keras.saving.register_keras_serializable(package="keras_qd")
class EnergyCNN(Network):
    """Convolutions without padding, each with a max pool, then dense layers with dropout.

    The LeNet of images, in one dimension: the reference of the tasks that predict energies.

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
        What the network sees: ``"plain"``, ``"square-root"`` or ``"logarithm"``. See
        :func:`keras_qd.models.profiles.check_view_and_readout`.
    learning_rate : float
        Of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes are no profiles and numbers, the profiles are too short, or the view is
        ``"without-mean"``.
    UnknownNameError
        If there is no such view.

    Notes
    -----
    With the default settings there are 33,429 parameters, whatever the profile is of.

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
            raise UsageError(f"{name} does not add the mean again: use residual-1d for that view")
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
        settings = {
            "input_shape": tuple(input_shape),
            "output_shape": tuple(output_shape),
            "filters": tuple(filters),
            "units": tuple(units),
            "dropout": dropout,
            "view": view,
            "learning_rate": learning_rate,
            "name": name,
        }
        super().__init__(inputs, outputs, settings)
