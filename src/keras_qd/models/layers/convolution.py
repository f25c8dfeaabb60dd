"""The 4 x 4 convolutions of pix2pix, fast on every backend.

XLA has no fast code on CPUs for a convolution whose input is dilated, which is what it makes of the
gradients of a transposed convolution and of a strided one on a small map. The same sums, written as
one matrix product and a few copies, run up to fifteen times faster there, and twice as fast for a
convolution at every pixel of the small maps at the end of a discriminator, so JAX takes that form.
On torch, Keras computes the rim of a transposed convolution only to cut it off, and lays images out
in an order in which torch is slower on small maps: its own functions are called instead.
All forms give the same result to round-off.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

KERNEL_SIZE = 4

#: Side of the output map, in pixels, up to which XLA loses time on a strided convolution.
_SMALL_MAP = 2


def convolution(image: Any, kernel: Any) -> Any:
    """Convolve with a 4 x 4 kernel at every pixel where it fits.

    Parameters
    ----------
    image : tensor, shape (n, ny, nx, channels)
        Images, channels last.
    kernel : tensor, shape (4, 4, channels, filters)
        Weights.

    Returns
    -------
    tensor, shape (n, ny - 3, nx - 3, filters)
    """
    if _runs_on_xla():
        rows, columns = (side - KERNEL_SIZE + 1 for side in image.shape[1:3])
        return _product_of_patches(image, kernel, rows, columns, 1)
    if keras.config.backend() == "torch":
        return _by_torch("conv2d", image, kernel)
    return ops.conv(image, kernel, padding="valid", data_format="channels_last")


def strided_convolution(image: Any, kernel: Any) -> Any:
    """Convolve with a 4 x 4 kernel at every second pixel, zeros around the image.

    Parameters
    ----------
    image : tensor, shape (n, ny, nx, channels)
        Images, channels last.
    kernel : tensor, shape (4, 4, channels, filters)
        Weights.

    Returns
    -------
    tensor, shape (n, ceil(ny / 2), ceil(nx / 2), filters)
        An odd side counts as the even one that a row of zeros makes of it.
    """
    ny, nx = image.shape[1:3]
    if _runs_on_xla() and max(ny, nx) <= 2 * _SMALL_MAP:
        return _strided_product(image, kernel)
    if keras.config.backend() == "torch":
        if ny % 2 or nx % 2:
            image = ops.pad(image, ((0, 0), (0, ny % 2), (0, nx % 2), (0, 0)))
        return _by_torch("conv2d", image, kernel, stride=2, padding=1)
    return ops.conv(image, kernel, strides=2, padding="same", data_format="channels_last")


def transposed_convolution(image: Any, kernel: Any) -> Any:
    """Spread every pixel over 4 x 4 pixels of an image with twice the sides.

    Parameters
    ----------
    image : tensor, shape (n, ny, nx, channels)
        Images, channels last.
    kernel : tensor, shape (4, 4, filters, channels)
        Weights.

    Returns
    -------
    tensor, shape (n, 2 ny, 2 nx, filters)
        The adjoint of :func:`strided_convolution` on an even grid.
    """
    if _runs_on_xla():
        return _transposed_product(image, kernel)
    if keras.config.backend() == "torch":
        return _by_torch("conv_transpose2d", image, kernel, stride=2, padding=1)
    return ops.conv_transpose(image, kernel, strides=2, padding="same", data_format="channels_last")


def _runs_on_xla() -> bool:
    return bool(keras.config.backend() == "jax")


def _strided_product(image: Any, kernel: Any) -> Any:
    """Frame the image as a strided convolution does, and multiply its patches by the kernel."""
    ny, nx = image.shape[1:3]
    padded = ops.pad(image, ((0, 0), (1, 1 + ny % 2), (1, 1 + nx % 2), (0, 0)))
    return _product_of_patches(padded, kernel, -(-ny // 2), -(-nx // 2), 2)


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


def _by_torch(name: str, image: Any, kernel: Any, **options: Any) -> Any:
    """Call a convolution of torch, with the channels first in memory too."""
    from torch.nn import functional

    pixels = ops.convert_to_tensor(image).permute(0, 3, 1, 2).contiguous()
    weights = ops.convert_to_tensor(kernel).permute(3, 2, 0, 1)
    return getattr(functional, name)(pixels, weights, **options).permute(0, 2, 3, 1)


def _transposed_product(image: Any, kernel: Any) -> Any:
    """Multiply every pixel by the kernel as a matrix and add up the patches where they overlap.

    A 4 x 4 patch is 2 x 2 blocks of 2 x 2 pixels; patches of neighbours overlap by whole blocks.
    """
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
