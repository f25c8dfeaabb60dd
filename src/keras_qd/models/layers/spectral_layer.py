"""What convolutions in Fourier space share: trained complex matrices, one for each kept mode."""

from __future__ import annotations

from typing import Any

import keras


class SpectralLayer(keras.layers.Layer):
    """A layer that multiplies Fourier modes of all channels by trained complex matrices.

    Parameters
    ----------
    filters : int
        Channels of the result.
    modes : int
        How many modes are kept.
    **options
        Options of :class:`keras.layers.Layer`.
    """

    def __init__(self, filters: int, modes: int, **options: Any) -> None:
        super().__init__(**options)
        self.filters = filters
        self.modes = modes

    def add_matrices(self, kept: tuple[int, ...], channels: int) -> None:
        """Create the matrices of all kept modes, as ``real`` and ``imaginary``.

        Parameters
        ----------
        kept : tuple of int
            How many modes along each direction.
        channels : int
            Of the inputs.
        """
        draw = keras.initializers.RandomUniform(-1 / channels, 1 / channels)
        shape = (*kept, channels, self.filters)
        # Each part has a copy of the initializer, which else would draw the same numbers twice.
        self.real, self.imaginary = (
            self.add_weight(name=name, shape=shape, initializer=draw.clone())
            for name in ("real", "imaginary")
        )

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Return the shape of the result."""
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same layer again."""
        return {**super().get_config(), "filters": self.filters, "modes": self.modes}


def fourier_block(features: Any, convolution: SpectralLayer) -> Any:
    """Add to features what a spectral and a pointwise convolution make of them, as in [1]_.

    Parameters
    ----------
    features : KerasTensor, shape (n, ..., channels)
        What comes in; it has as many channels as the convolution has filters.
    convolution : SpectralLayer
        The spectral one.

    Returns
    -------
    KerasTensor
        Of the same shape.

    References
    ----------
    .. [1] Li et al., 2020, arXiv:2010.08895
    """
    pointwise = keras.layers.Dense(convolution.filters)
    change = keras.layers.Add()([convolution(features), pointwise(features)])
    change = keras.layers.Activation("gelu")(change)
    return keras.layers.Add()([features, change])
