"""The 4 x 4 convolutions of pix2pix, fast on every backend.

On JAX each is one matrix product and a few copies: XLA has no fast code on CPUs for a convolution
whose input is dilated, as in the gradients of a transposed convolution and of a strided one on a
small map. The products run up to fifteen times faster there, and twice as fast at the end of a
discriminator. On torch, Keras computes the margin of a transposed convolution and then crops it,
and stores images in an order in which torch is slower on small maps: torch's own functions are
called instead. All forms agree to round-off.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

KERNEL_SIZE = 4

#: Side of the output map, in pixels, up to which XLA loses time on a strided convolution.
_SMALL_MAP = 2


def convolution(image: Any, kernel: Any) -> Any:
    """Convolve (n, ny, nx, c) with a kernel (4, 4, c, f) where it fits: (n, ny - 3, nx - 3, f)."""
    if _runs_on_xla():
        return _convolution_as_product(image, kernel)
    if keras.config.backend() == "torch":
        return _by_torch("conv2d", image, kernel)
    return ops.conv(image, kernel, padding="valid", data_format="channels_last")


def strided_convolution(image: Any, kernel: Any) -> Any:
    """Convolve at every second pixel, zeros around the image: (n, ceil(ny/2), ceil(nx/2), f)."""
    # An odd side counts as the even one that a row of zeros makes of it.
    ny, nx = image.shape[1:3]
    if _runs_on_xla() and max(ny, nx) <= 2 * _SMALL_MAP:
        return _strided_convolution_as_product(image, kernel)
    if keras.config.backend() == "torch":
        if ny % 2 or nx % 2:
            image = ops.pad(image, ((0, 0), (0, ny % 2), (0, nx % 2), (0, 0)))
        return _by_torch("conv2d", image, kernel, stride=2, padding=1)
    return ops.conv(image, kernel, strides=2, padding="same", data_format="channels_last")


def transposed_convolution(image: Any, kernel: Any) -> Any:
    """Spread (n, ny, nx, c) by a kernel (4, 4, f, c) over images (n, 2 ny, 2 nx, f)."""
    # The adjoint of `strided_convolution` on an even grid.
    if _runs_on_xla():
        return _transposed_convolution_as_product(image, kernel)
    if keras.config.backend() == "torch":
        return _by_torch("conv_transpose2d", image, kernel, stride=2, padding=1)
    return ops.conv_transpose(image, kernel, strides=2, padding="same", data_format="channels_last")


def _runs_on_xla() -> bool:
    return bool(keras.config.backend() == "jax")


def _by_torch(name: str, image: Any, kernel: Any, **options: Any) -> Any:
    """Call a convolution of torch, with the channels first in memory too."""
    from torch.nn import functional

    pixels = ops.convert_to_tensor(image).permute(0, 3, 1, 2).contiguous()
    weights = ops.convert_to_tensor(kernel).permute(3, 2, 0, 1)
    return getattr(functional, name)(pixels, weights, **options).permute(0, 2, 3, 1)


class _Kernel(keras.layers.Layer):
    """A 4 x 4 kernel and perhaps a bias; subclasses define the operation."""

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
        """Return the arguments that make the same layer again."""
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
    """4 x 4 convolution where the kernel fits: sides shorter by three."""

    def _convolve(self, inputs: Any) -> Any:
        return convolution(inputs, self.kernel)


@keras.saving.register_keras_serializable(package="keras_qd")
class Downsample(_Kernel):
    """Strided 4 x 4 convolution: half the sides, rounded up."""

    def _convolve(self, inputs: Any) -> Any:
        return strided_convolution(inputs, self.kernel)


@keras.saving.register_keras_serializable(package="keras_qd")
class Upsample(_Kernel):
    """Transposed 4 x 4 convolution: twice the sides."""

    def _kernel_channels(self, channels: int | None) -> tuple[int | None, int | None]:
        return self.filters, channels

    def _convolve(self, inputs: Any) -> Any:
        return transposed_convolution(inputs, self.kernel)


def _convolution_as_product(image: Any, kernel: Any) -> Any:
    """Compute `convolution` as one matrix product."""
    rows, columns = (side - KERNEL_SIZE + 1 for side in image.shape[1:3])
    return _product_of_patches(image, kernel, rows, columns, 1)


def _strided_convolution_as_product(image: Any, kernel: Any) -> Any:
    """Compute `strided_convolution` as one matrix product."""
    # The image is framed, and its patches are multiplied by the kernel.
    ny, nx = image.shape[1:3]
    padded = ops.pad(image, ((0, 0), (1, 1 + ny % 2), (1, 1 + nx % 2), (0, 0)))
    return _product_of_patches(padded, kernel, -(-ny // 2), -(-nx // 2), 2)


def _transposed_convolution_as_product(image: Any, kernel: Any) -> Any:
    """Compute `transposed_convolution` as one matrix product."""
    # Every pixel is multiplied by the kernel as a matrix, and the patches are added up where they
    # overlap. A 4 x 4 patch is 2 x 2 blocks of 2 x 2 pixels; neighbours overlap by whole blocks.
    ny, nx, channels = image.shape[1:]
    filters = kernel.shape[2]
    weights = ops.reshape(ops.transpose(kernel, (3, 0, 1, 2)), (channels, -1))
    product = ops.matmul(ops.reshape(image, (-1, channels)), weights)
    patches = ops.reshape(product, (-1, ny, nx, 2, 2, 2, 2, filters))
    blocks = sum(
        ops.pad(
            patches[:, :, :, i, :, j],
            ((0, 0), (i, 1 - i), (j, 1 - j), (0, 0), (0, 0), (0, 0)),
        )
        for i in range(2)
        for j in range(2)
    )
    pixels = ops.transpose(blocks, (0, 1, 3, 2, 4, 5))
    pixels = ops.reshape(pixels, (-1, 2 * ny + 2, 2 * nx + 2, filters))
    return pixels[:, 1:-1, 1:-1]


def _product_of_patches(image: Any, kernel: Any, rows: int, columns: int, stride: int) -> Any:
    """Gather the 4 x 4 patch of every output pixel and multiply once by the kernel as a matrix."""
    patches = [
        image[:, i : i + stride * rows : stride, j : j + stride * columns : stride]
        for i in range(KERNEL_SIZE)
        for j in range(KERNEL_SIZE)
    ]
    flat = ops.reshape(ops.concatenate(patches, axis=-1), (-1, KERNEL_SIZE**2 * image.shape[-1]))
    product = ops.matmul(flat, ops.reshape(kernel, (flat.shape[-1], -1)))
    return ops.reshape(product, (-1, rows, columns, kernel.shape[-1]))
