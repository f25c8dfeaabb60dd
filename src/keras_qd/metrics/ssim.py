"""The structural similarity index."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_qd.errors import DataError
from keras_qd.metrics import arrays
from keras_qd.metrics.data_range import check_data_range, set_range, streaming_range
from keras_qd.metrics.measure import NO_CONTEXT, Array, Context
from keras_qd.metrics.sample_mean import SampleMean
from keras_qd.metrics.summation import pairwise_sum

#: Width of the Gaussian window, in pixels, and where it is cut off: the values of Wang et al.
SIGMA = 1.5
RADIUS = 5
WINDOW = 2 * RADIUS + 1
#: The constants K1 and K2 of Wang et al.
K1, K2 = 0.01, 0.03


@keras.saving.register_keras_serializable(package="keras_qd")
class SSIM(SampleMean):
    """Mean over systems of the structural similarity index of an image.

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
    On whole arrays this is scikit-image's ``structural_similarity`` with the settings of Wang et
    al. (Gaussian window of 1.5 pixels, population covariance), and an own implementation of the
    same while streaming. Channels are compared one by one and averaged. NaN where all values of the
    reference are equal and no range was given.

    References
    ----------
    Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, Image quality assessment: from error
    visibility to structural similarity, IEEE Trans. Image Process. 13, 600 (2004),
    doi:10.1109/TIP.2003.819861.

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.random.default_rng(0).normal(size=(3, 16, 16))
    >>> SSIM().over_set(exact, exact)
    1.0
    """

    title = "SSIM"
    unit = ""
    higher_is_better = True

    def __init__(
        self, data_range: float | None = None, name: str = "ssim", dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.data_range = check_data_range(data_range, name)

    def sample_values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the index of every image of a batch, shape (batch,)."""
        data_range = streaming_range(self.data_range, self.name)
        shape = _image_shape(tuple(y_true.shape))
        y_true, y_pred = (ops.reshape(y, (-1, *shape)) for y in (y_true, y_pred))
        index = _similarity(y_true, y_pred, data_range)
        height, width, channels = (int(length) for length in index.shape[1:])
        size = height * width * channels
        return pairwise_sum(ops.reshape(index, (-1, size))) / size

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return every image's index as its only term, shape (n, 1); see `Measure`."""
        reference, prediction = arrays.check_pair(reference, prediction)
        shape = _image_shape(tuple(reference.shape))
        data_range = set_range(self.data_range, reference, context)

        def indices(reference: Array, prediction: Array, context: Context) -> Array:
            pairs = zip(reference, prediction, strict=True)
            return np.array(
                [
                    _scikit_image_ssim(a.reshape(shape), b.reshape(shape), data_range)
                    for a, b in pairs
                ]
            )

        return arrays.block_terms(indices, reference, prediction, context)

    def get_config(self) -> dict[str, Any]:
        """Return the configuration, from which an equal metric can be made."""
        return {**super().get_config(), "data_range": self.data_range}


def _image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (height, width, channels) of the images in an array of this shape."""
    if len(shape) == 3 and shape[2] != 1:
        shape = (*shape, 1)
    if len(shape) != 4:
        raise DataError(
            f"ssim compares images, shape (n, height, width) or (n, height, width, channels), "
            f"but got {shape}"
        )
    if min(shape[1:3]) < WINDOW:
        raise DataError(
            f"ssim slides a window of {WINDOW} x {WINDOW} pixels, but the images have only "
            f"{shape[1]} x {shape[2]}"
        )
    return shape[1], shape[2], shape[3]


def _scikit_image_ssim(reference: Array, prediction: Array, data_range: float) -> float:
    """Return scikit-image's index of two images of shape (height, width, channels)."""
    from skimage.metrics import structural_similarity

    value = structural_similarity(
        reference,
        prediction,
        data_range=data_range,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=SIGMA,
        use_sample_covariance=False,
        K1=K1,
        K2=K2,
    )
    return float(value)


def _similarity(a: Any, b: Any, data_range: float) -> Any:
    """Return the index at every place where the window fits, shape (batch, h, w, channels)."""
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mean_a, mean_b = _blur(a), _blur(b)
    # Variances do not change under a shift, but lose fewer digits where the values are small.
    a, b = (y - ops.mean(y, axis=(1, 2), keepdims=True) for y in (a, b))
    shifted_a, shifted_b = _blur(a), _blur(b)
    variances = _blur(a * a + b * b) - shifted_a * shifted_a - shifted_b * shifted_b
    covariance = _blur(a * b) - shifted_a * shifted_b
    luminance = (2.0 * mean_a * mean_b + c1) / (mean_a * mean_a + mean_b * mean_b + c1)
    return luminance * (2.0 * covariance + c2) / (variances + c2)


def _blur(images: Any) -> Any:
    """Return the images under the window, where it fits: (batch, h - 10, w - 10, channels).

    Shifted sums rather than a convolution, which accelerators may compute in reduced precision.
    """
    height, width = (int(length) - 2 * RADIUS for length in images.shape[1:3])
    weights = [math.exp(-0.5 * (k / SIGMA) ** 2) for k in range(-RADIUS, RADIUS + 1)]
    weights = [weight / sum(weights) for weight in weights]
    rows = sum(w * images[:, k : k + height] for k, w in enumerate(weights))
    return sum(w * rows[:, :, k : k + width] for k, w in enumerate(weights))
