"""The model: a few dense layers."""

import math

import keras


def dense_net(
    input_shape: tuple[int, ...] = (32, 1),
    output_shape: tuple[int, ...] | None = None,
    units: int = 64,
) -> keras.Model:
    """Return two hidden dense layers, compiled with the mean squared error and Adam."""
    output_shape = output_shape or input_shape
    model = keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(units, activation="gelu"),
            keras.layers.Dense(units, activation="gelu"),
            keras.layers.Dense(math.prod(output_shape)),
            keras.layers.Reshape(output_shape),
        ],
        name="dense_net",
    )
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss="mean_squared_error")
    return model
