"""The 4 x 4 convolutions of pix2pix as one matrix product each and a few copies.

XLA has no fast code on CPUs for a convolution whose input is dilated, which is what it makes of the
gradients of a transposed convolution and of a strided one on a small map. The same sums in this
form run up to fifteen times faster there, and twice as fast for a convolution at every pixel of the
small maps at the end of a discriminator.
"""

from __future__ import annotations

from typing import Any

from keras import ops

KERNEL_SIZE = 4


def convolution(image: Any, kernel: Any) -> Any:
    """Convolve as the function of this name in :mod:`~keras_qd.models.layers.convolution`."""
    rows, columns = (side - KERNEL_SIZE + 1 for side in image.shape[1:3])
    return _product_of_patches(image, kernel, rows, columns, 1)


def strided_convolution(image: Any, kernel: Any) -> Any:
    """Convolve as the function of this name in :mod:`~keras_qd.models.layers.convolution`."""
    # The image is framed, and its patches are multiplied by the kernel.
    ny, nx = image.shape[1:3]
    padded = ops.pad(image, ((0, 0), (1, 1 + ny % 2), (1, 1 + nx % 2), (0, 0)))
    return _product_of_patches(padded, kernel, -(-ny // 2), -(-nx // 2), 2)


def transposed_convolution(image: Any, kernel: Any) -> Any:
    """Convolve as the function of this name in :mod:`~keras_qd.models.layers.convolution`."""
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
