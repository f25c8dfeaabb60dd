"""Two images under a sliding Gaussian window: the parts of the structural similarity index."""

from __future__ import annotations

import math
from typing import Any

from keras import ops

from keras_qd.errors import DataError
from keras_qd.metrics.measure import Array

#: Width of the Gaussian window, in pixels, and where it is cut off: the values of Wang et al.
SIGMA = 1.5
RADIUS = 5
WINDOW = 2 * RADIUS + 1
#: The constants K1 and K2 of Wang et al.
K1, K2 = 0.01, 0.03

#: A K1 so large that the luminance factor is one to the last digit.
_BLIND_TO_LUMINANCE = 1e9


def image_shape(shape: tuple[int, ...], name: str) -> tuple[int, int, int]:
    """Return (height, width, channels) of the images in an array.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    name : str
        The metric, for the message.

    Raises
    ------
    DataError
        If it holds no images, or images smaller than the window.

    Examples
    --------
    >>> image_shape((7, 16, 24), "ssim")
    (16, 24, 1)
    """
    if len(shape) == 3 and shape[2] != 1:
        shape = (*shape, 1)
    if len(shape) != 4:
        raise DataError(
            f"{name} compares images, shape (n, height, width) or (n, height, width, channels), "
            f"but got {shape}"
        )
    if min(shape[1:3]) < WINDOW:
        raise DataError(
            f"{name} slides a window of {WINDOW} x {WINDOW} pixels, but the images have only "
            f"{shape[1]} x {shape[2]}"
        )
    return shape[1], shape[2], shape[3]


def array_similarity(a: Array, b: Array, data_range: float, *, luminance: bool = True) -> float:
    """Return scikit-image's index of two images, averaged over places and channels.

    Parameters
    ----------
    a, b : ndarray, shape (height, width, channels)
        The images.
    data_range : float
        Range of the data.
    luminance : bool
        Whether different local means count; without them only contrast and structure do.
    """
    from skimage.metrics import structural_similarity

    value = structural_similarity(
        a,
        b,
        data_range=data_range,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=SIGMA,
        use_sample_covariance=False,
        K1=K1 if luminance else _BLIND_TO_LUMINANCE,
        K2=K2,
    )
    return float(value)


def tensor_similarity(a: Any, b: Any, data_range: float) -> tuple[Any, Any]:
    """Return the two factors of the index at every place where the window fits.

    Parameters
    ----------
    a, b : tensor, shape (batch, height, width, channels)
        The images.
    data_range : float
        Range of the data.

    Returns
    -------
    luminance, contrast : tensor, shape (batch, height - 10, width - 10, channels)
        The second is that of contrast and structure together.
    """
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mean_a, mean_b = _blur(a), _blur(b)
    # Variances do not change under a shift, but lose fewer digits where the values are small.
    a, b = (y - ops.mean(y, axis=(1, 2), keepdims=True) for y in (a, b))
    shifted_a, shifted_b = _blur(a), _blur(b)
    variances = _blur(a * a + b * b) - shifted_a * shifted_a - shifted_b * shifted_b
    covariance = _blur(a * b) - shifted_a * shifted_b
    luminance = (2.0 * mean_a * mean_b + c1) / (mean_a * mean_a + mean_b * mean_b + c1)
    return luminance, (2.0 * covariance + c2) / (variances + c2)


def _blur(images: Any) -> Any:
    """Return the images under the window, where it fits: (batch, h - 10, w - 10, channels).

    Shifted sums rather than a convolution, which accelerators may compute in reduced precision.
    """
    height, width = (int(length) - 2 * RADIUS for length in images.shape[1:3])
    weights = [math.exp(-0.5 * (k / SIGMA) ** 2) for k in range(-RADIUS, RADIUS + 1)]
    weights = [weight / sum(weights) for weight in weights]
    rows = sum(w * images[:, k : k + height] for k, w in enumerate(weights))
    return sum(w * rows[:, :, k : k + width] for k, w in enumerate(weights))
