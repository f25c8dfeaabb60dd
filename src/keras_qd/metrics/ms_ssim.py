"""The structural similarity index over several scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.metrics.measure import Array
from keras_qd.metrics.similarity import WINDOW, array_similarity, tensor_similarity
from keras_qd.metrics.ssim import SSIM
from keras_qd.metrics.summation import pairwise_sum

#: The exponents of Wang, Simoncelli and Bovik, from the finest scale to the coarsest.
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


@keras.saving.register_keras_serializable(package="keras_qd")
class MultiScaleSSIM(SSIM):
    r"""Mean over systems of the structural similarity of an image at several scales.

    .. math:: \prod_c \overline{cs}_c^{\,w_c} \cdot \overline{\mathrm{ssim}}_M^{\,w_M}

    over the scales c from the finest, each with half the pixels of the one before along both axes:
    the mean of the index without its luminance factor, and at the coarsest scale M with it.

    Parameters
    ----------
    data_range : float, optional
        Range of the data. Needed to stream (no batch knows the set's range); on whole arrays it may
        come with the context or be left to the reference's own range over the set.
    name : str
        Name in logs and tables.
    dtype : str, optional
        What to compute in while streaming; at least single precision.

    Raises
    ------
    UsageError
        If `data_range` is no positive number; while streaming, also if there is none.
    DataError
        When given anything but images, or images smaller than the window of 11 x 11 pixels.

    Notes
    -----
    The settings are those of `SSIM`; each factor is scikit-image's ``structural_similarity`` on
    whole arrays. A scale is the mean of blocks of 2 x 2 pixels; an odd last row or column is left
    out. The paper's five scales need 176 pixels a side: of smaller images the scales that the
    window fits into are taken, with the paper's weights divided by their sum, so 64 x 64 pixels
    have three and fewer than 22 pixels give `SSIM` itself. A scale whose mean is negative, as of
    an image and its negative, counts as 0. Channels are compared one by one and averaged. NaN where
    all values of the reference are equal and no range was given.

    References
    ----------
    Z. Wang, E. P. Simoncelli, A. C. Bovik, Multiscale structural similarity for image quality
    assessment, Asilomar Conf. Signals Syst. Comput. 37, 1398 (2003),
    doi:10.1109/ACSSC.2003.1292216.

    Examples
    --------
    >>> exact = np.random.default_rng(0).normal(size=(3, 32, 32))
    >>> MultiScaleSSIM().over_set(exact, exact)
    1.0
    """

    title = "MS-SSIM"

    def __init__(
        self, data_range: float | None = None, name: str = "ms-ssim", dtype: Any = None
    ) -> None:
        super().__init__(data_range=data_range, name=name, dtype=dtype)

    def tensor_index(self, a: Any, b: Any, data_range: float) -> Any:
        """Return the index of pairs of images, (batch, height, width, channels) -> (batch,)."""
        weights = scale_weights(a.shape[1:3])
        index: Any = 1.0
        for scale, weight in enumerate(weights):
            if scale:
                a, b = _halve(a), _halve(b)
            luminance, factor = tensor_similarity(a, b, data_range)
            if scale == len(weights) - 1:
                factor = luminance * factor
            index = index * ops.power(ops.maximum(_mean(factor), 0.0), weight)
        return ops.mean(index, axis=-1)

    def array_index(self, a: Array, b: Array, data_range: float) -> float:
        """Return the index of two images, shape (height, width, channels)."""
        channels = [slice(channel, channel + 1) for channel in range(a.shape[-1])]
        return float(np.mean([_index(a[..., c], b[..., c], data_range) for c in channels]))


def scale_weights(shape: Sequence[int]) -> list[float]:
    """Return the exponents of the scales that the window fits into; their sum is one.

    Parameters
    ----------
    shape : sequence of int
        Height and width, at least those of the window.

    Examples
    --------
    >>> len(scale_weights((176, 200))), len(scale_weights((64, 64))), scale_weights((11, 11))
    (5, 3, [1.0])
    """
    side = min(int(length) for length in shape)
    fitting = [w for scale, w in enumerate(WEIGHTS) if side >> scale >= WINDOW]
    return [weight / sum(fitting) for weight in fitting]


def _index(a: Array, b: Array, data_range: float) -> float:
    """Return the index of two images of one channel."""
    weights = scale_weights(a.shape[:2])
    index = 1.0
    for scale, weight in enumerate(weights):
        if scale:
            a, b = _halve(a[None])[0], _halve(b[None])[0]
        coarsest = scale == len(weights) - 1
        index *= np.maximum(array_similarity(a, b, data_range, luminance=coarsest), 0.0) ** weight
    return float(index)


def _halve(images: Any) -> Any:
    """Return the means of blocks of 2 x 2 pixels of images (batch, height, width, channels)."""
    height, width = (int(length) // 2 * 2 for length in images.shape[1:3])
    images = images[:, :height, :width]
    rows = images[:, ::2] + images[:, 1::2]
    return (rows[:, :, ::2] + rows[:, :, 1::2]) / 4.0


def _mean(values: Any) -> Any:
    """Return the means over places, (batch, height, width, channels) -> (batch, channels)."""
    height, width, channels = (int(length) for length in values.shape[1:])
    places = ops.reshape(ops.moveaxis(values, -1, 1), (-1, channels, height * width))
    return pairwise_sum(places) / (height * width)
