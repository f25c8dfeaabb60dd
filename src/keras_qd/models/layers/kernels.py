"""The layers that halve an image, double it, or keep its size."""

from __future__ import annotations

from typing import Any

import keras

from keras_qd.models.layers.convolution import (
    convolution,
    strided_convolution,
    transposed_convolution,
)
from keras_qd.models.layers.products import KERNEL_SIZE


class _Kernel(keras.layers.Layer):
    """A 4 x 4 kernel and perhaps a bias; the subclass says what is done with them."""

    def __init__(
        self,
        filters: int,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.filters = filters
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for images of shape (n, ny, nx, channels)."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(KERNEL_SIZE, KERNEL_SIZE, *self._kernel_channels(input_shape[-1])),
            initializer=self.kernel_initializer,
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        """Return the convolved images, with ``filters`` channels."""
        outputs = self._convolve(inputs)
        return outputs + self.bias if self.use_bias else outputs

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same layer again."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    def _kernel_channels(self, channels: int | None) -> tuple[int | None, int | None]:
        return channels, self.filters

    def _convolve(self, inputs: Any) -> Any:
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="keras_qd")
class Convolve(_Kernel):
    """4 x 4 convolution where the kernel fits: sides shorter by three.

    Parameters
    ----------
    filters : int
        Channels of the result.
    use_bias : bool
        Whether to add a bias; idle where a normalisation follows.
    kernel_initializer : str or keras.initializers.Initializer
        Where the weights start.
    **options
        Options of :class:`keras.layers.Layer`.
    """

    def _convolve(self, inputs: Any) -> Any:
        return convolution(inputs, self.kernel)


@keras.saving.register_keras_serializable(package="keras_qd")
class Downsample(_Kernel):
    """Strided 4 x 4 convolution: half the sides, rounded up.

    Parameters
    ----------
    filters : int
        Channels of the result.
    use_bias : bool
        Whether to add a bias; idle where a normalisation follows.
    kernel_initializer : str or keras.initializers.Initializer
        Where the weights start.
    **options
        Options of :class:`keras.layers.Layer`.
    """

    def _convolve(self, inputs: Any) -> Any:
        return strided_convolution(inputs, self.kernel)


@keras.saving.register_keras_serializable(package="keras_qd")
class Upsample(_Kernel):
    """Transposed 4 x 4 convolution: twice the sides.

    Parameters
    ----------
    filters : int
        Channels of the result.
    use_bias : bool
        Whether to add a bias; idle where a normalisation follows.
    kernel_initializer : str or keras.initializers.Initializer
        Where the weights start.
    **options
        Options of :class:`keras.layers.Layer`.
    """

    def _kernel_channels(self, channels: int | None) -> tuple[int | None, int | None]:
        return self.filters, channels

    def _convolve(self, inputs: Any) -> Any:
        return transposed_convolution(inputs, self.kernel)
