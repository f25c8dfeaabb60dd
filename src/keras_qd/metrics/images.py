"""Similarity of images, from scikit-image: on whole arrays only.

Training does not compute these batch by batch; a task that follows one of them computes it on the
validation split after each epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from keras_qd.errors import DataError, UsageError
from keras_qd.metrics.base import FIELDS, NO_CONTEXT, Array, Context, FieldMetric, blocks

#: Width of the Gaussian window of Wang et al. in pixels, and its side where scikit-image cuts it.
SIGMA = 1.5
WINDOW = 11
#: K1 of Wang et al., and one so large that the luminance factor is 1 to the last digit.
K1, NO_LUMINANCE = 0.01, 1e9
#: The exponents of Wang, Simoncelli and Bovik, from the finest scale to the coarsest.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


class RangeMetric(FieldMetric):
    """Base of the metrics that measure errors relative to the range of the data."""

    unit = ""
    higher_is_better = True
    streams = False
    suits = FIELDS

    def __init__(
        self, data_range: float | None = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if data_range is not None and not (np.isfinite(data_range) and data_range > 0):
            raise UsageError(
                f"data_range of {self.name} must be a positive number, got {data_range!r}"
            )
        self.data_range = None if data_range is None else float(data_range)

    def compare(self, y: Array, p: Array, data_range: float) -> float:
        """Return the value of one system."""
        raise NotImplementedError

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return the values of every system; see `FieldMetric`."""
        chosen = context.data_range if self.data_range is None else self.data_range
        if chosen is None:
            chosen = reference_range(reference) or float("nan")
        return super().terms(reference, prediction, replace(context, data_range=chosen))

    def array_values(self, y: Array, p: Array, context: Context) -> Array:
        """Return the values of a block; see `FieldMetric`."""
        pairs = zip(y, p, strict=True)
        return np.array([self.compare(*pair, float(context.data_range or 0.0)) for pair in pairs])

    def get_config(self) -> dict[str, Any]:
        """Return the configuration, from which an equal metric can be made."""
        return {**super().get_config(), "data_range": self.data_range}


@keras.saving.register_keras_serializable(package="keras_qd")
class PSNR(RangeMetric):
    r"""Mean over systems of the peak signal-to-noise ratio [1]_, in dB.

    .. math:: 10 \log_{10} \frac{R^2}{\frac{1}{N} \sum e^2}

    with the range :math:`R` of the data.

    Parameters
    ----------
    data_range : float, optional
        Range of the data; by default that of the context, or else of the reference over the set.
    name : str, optional
        Name in logs and tables.
    dtype : str, optional
        Accepted like in all metrics; this one always computes in double precision.

    Raises
    ------
    UsageError
        If `data_range` is not a positive number; if used in ``compile``.

    Notes
    -----
    scikit-image's ``peak_signal_noise_ratio`` of each system, which may be a field of any shape.
    Infinite for an exact prediction, and so then is the mean. NaN if all values of the reference
    are equal and no range is given.

    References
    ----------
    .. [1] Z. Wang and A. C. Bovik, "Mean squared error: love it or leave it?", IEEE Signal Process.
       Mag. 26, 98 (2009), https://doi.org/10.1109/MSP.2008.930649

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.array([[[0.0, 1.0], [0.5, 0.5]]])
    >>> round(PSNR().over_set(exact, exact + 0.1), 6)
    20.0
    """

    default_name = "psnr"
    title = "PSNR"
    unit = "dB"

    def compare(self, y: Array, p: Array, data_range: float) -> float:
        """Return the ratio of one system; see `RangeMetric`."""
        from skimage.metrics import peak_signal_noise_ratio

        return float(peak_signal_noise_ratio(y, p, data_range=data_range))


@keras.saving.register_keras_serializable(package="keras_qd")
class SSIM(RangeMetric):
    r"""Mean over systems of the structural similarity index of an image [1]_.

    .. math:: \frac{(2 \mu_y \mu_p + C_1) (2 \sigma_{yp} + C_2)}
        {(\mu_y^2 + \mu_p^2 + C_1) (\sigma_y^2 + \sigma_p^2 + C_2)}

    Parameters
    ----------
    data_range : float, optional
        Range of the data; by default that of the context, or else of the reference over the set.
    name : str, optional
        Name in logs and tables.
    dtype : str, optional
        Accepted like in all metrics; this one always computes in double precision.

    Raises
    ------
    UsageError
        If `data_range` is not a positive number; if used in ``compile``.
    DataError
        If the arrays are not images, or smaller than the window of 11 x 11 pixels.

    Notes
    -----
    scikit-image's ``structural_similarity`` with the settings of Wang et al. (Gaussian window of
    1.5 pixels, population covariance). Channels are compared one by one and averaged. NaN if all
    values of the reference are equal and no range is given.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from
       error visibility to structural similarity", IEEE Trans. Image Process. 13, 600 (2004),
       https://doi.org/10.1109/TIP.2003.819861

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.random.default_rng(0).normal(size=(3, 16, 16))
    >>> SSIM().over_set(exact, exact)
    1.0
    """

    default_name = "ssim"
    title = "SSIM"
    suits: tuple[str, ...] = ("maps",)

    def array_values(self, y: Array, p: Array, context: Context) -> Array:
        """Return the indices of a block of images; see `FieldMetric`."""
        shape = (-1, *image_shape(y.shape, self.name))
        return super().array_values(y.reshape(shape), p.reshape(shape), context)

    def compare(self, y: Array, p: Array, data_range: float) -> float:
        """Return the index of two images (height, width, channels); see `RangeMetric`."""
        return _similarity(y, p, data_range)


@keras.saving.register_keras_serializable(package="keras_qd")
class MultiScaleSSIM(SSIM):
    r"""Mean over systems of the structural similarity of an image at several scales [1]_.

    .. math:: \prod_c \overline{cs}_c^{\,w_c} \cdot \overline{\mathrm{ssim}}_M^{\,w_M}

    over the scales c from the finest, each with half the pixels of the one before along both axes:
    the mean of the index without its luminance factor, and at the coarsest scale M with it.

    Parameters
    ----------
    data_range : float, optional
        Range of the data; by default that of the context, or else of the reference over the set.
    name : str, optional
        Name in logs and tables.
    dtype : str, optional
        Accepted like in all metrics; this one always computes in double precision.

    Raises
    ------
    UsageError
        If `data_range` is not a positive number; if used in ``compile``.
    DataError
        If the arrays are not images, or smaller than the window of 11 x 11 pixels.

    Notes
    -----
    Each factor is scikit-image's ``structural_similarity`` with the settings of `SSIM`. A scale is
    the mean of blocks of 2 x 2 pixels; an odd last row or column is left out. The paper's five
    scales need 176 pixels a side: smaller images have the scales that the window fits into, with
    the paper's weights divided by their sum, so 64 x 64 pixels have three, and fewer than 22 pixels
    give `SSIM` itself. A scale whose mean is negative, as for an image and its negative, counts as
    0. Channels are compared one by one and averaged. NaN if all values of the reference are equal
    and no range is given.

    References
    ----------
    .. [1] Z. Wang, E. P. Simoncelli, A. C. Bovik, "Multiscale structural similarity for image
       quality assessment", Asilomar Conf. Signals Syst. Comput. 37, 1398 (2003),
       https://doi.org/10.1109/ACSSC.2003.1292216

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.random.default_rng(0).normal(size=(3, 32, 32))
    >>> MultiScaleSSIM().over_set(exact, exact)
    1.0
    """

    default_name = "ms-ssim"
    title = "MS-SSIM"

    def compare(self, y: Array, p: Array, data_range: float) -> float:
        """Return the index of two images (height, width, channels); see `RangeMetric`."""
        channels = [slice(channel, channel + 1) for channel in range(y.shape[-1])]
        return float(np.mean([_multi_scale(y[..., c], p[..., c], data_range) for c in channels]))


@keras.saving.register_keras_serializable(package="keras_qd")
class NormalizedMutualInformation(FieldMetric):
    """Mean over systems of (H(reference) + H(prediction)) / H(both) [1]_, from 1 to 2.

    Parameters
    ----------
    bins : int
        Bins of the histograms along each axis, from the smallest to the largest value of a field.
    name : str, optional
        Name in logs and tables.
    dtype : str, optional
        Accepted like in all metrics; this one always computes in double precision.

    Raises
    ------
    UsageError
        If there are fewer than two bins; if used in ``compile``.

    Notes
    -----
    scikit-image's ``normalized_mutual_information`` of each system. NaN if reference and prediction
    are both constant.

    References
    ----------
    .. [1] C. Studholme, D. L. G. Hill, D. J. Hawkes, "An overlap invariant entropy measure of 3D
       medical image alignment", Pattern Recognition 32, 71 (1999),
       https://doi.org/10.1016/S0031-3203(98)00091-0

    Examples
    --------
    >>> import numpy as np
    >>> exact = np.random.default_rng(0).normal(size=(1, 16, 16))
    >>> round(NormalizedMutualInformation().over_set(exact, 3 * exact + 1), 6)
    2.0
    """

    default_name = "normalized-mutual-information"
    title = "NMI"
    unit = ""
    higher_is_better = True
    streams = False
    suits = FIELDS

    def __init__(self, bins: int = 100, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        if bins < 2:
            raise UsageError(f"bins of {self.name} must be at least 2, got {bins!r}")
        self.bins = int(bins)

    def values(self, xp: Any, y: Any, p: Any) -> Any:
        """Return the information of every system; see `FieldMetric`."""
        from skimage.metrics import normalized_mutual_information

        pairs = zip(y, p, strict=True)
        return np.array([normalized_mutual_information(*pair, bins=self.bins) for pair in pairs])

    def get_config(self) -> dict[str, Any]:
        """Return the configuration, from which an equal metric can be made."""
        return {**super().get_config(), "bins": self.bins}


def reference_range(reference: Any) -> float:
    """Return the largest minus the smallest value of a set of fields; 0 for an empty set."""
    extremes = [(y.min(), y.max()) for y, _, _ in blocks(reference, reference) if y.size]
    if not extremes:
        return 0.0
    return float(max(high for _, high in extremes) - min(low for low, _ in extremes))


def image_shape(shape: tuple[int, ...], name: str) -> tuple[int, int, int]:
    """Return (height, width, channels) of the images in an array; DataError if it holds none."""
    if len(shape) == 3 and shape[2] != 1:
        shape = (*shape, 1)
    if len(shape) != 4:
        raise DataError(
            f"{name} compares images, shape (n, height, width) or (n, height, width, channels), "
            f"got {shape}"
        )
    if min(shape[1:3]) < WINDOW:
        raise DataError(
            f"{name} slides a window of {WINDOW} x {WINDOW} pixels, but the images have only "
            f"{shape[1]} x {shape[2]}"
        )
    return shape[1], shape[2], shape[3]


def scale_weights(shape: Sequence[int]) -> list[float]:
    """Return the exponents of the scales that the window fits into; their sum is one."""
    side = min(int(length) for length in shape)
    fitting = [w for scale, w in enumerate(SCALE_WEIGHTS) if side >> scale >= WINDOW]
    return [weight / sum(fitting) for weight in fitting]


def _similarity(y: Array, p: Array, data_range: float, k1: float = K1) -> float:
    """Return scikit-image's index of two images (height, width, channels)."""
    from skimage.metrics import structural_similarity

    value = structural_similarity(
        y,
        p,
        data_range=data_range,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=SIGMA,
        use_sample_covariance=False,
        K1=k1,
    )
    return float(value)


def _multi_scale(y: Array, p: Array, data_range: float) -> float:
    """Return the multi-scale index of two images of one channel."""
    weights = scale_weights(y.shape[:2])
    index = 1.0
    for scale, weight in enumerate(weights):
        if scale:
            y, p = _halve(y), _halve(p)
        coarsest = scale == len(weights) - 1
        factor = _similarity(y, p, data_range, k1=K1 if coarsest else NO_LUMINANCE)
        index *= np.maximum(factor, 0.0) ** weight
    return float(index)


def _halve(image: Array) -> Array:
    """Return the means of blocks of 2 x 2 pixels of an image (height, width, channels)."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    cut = image[: 2 * height, : 2 * width]
    return np.asarray(cut.reshape(height, 2, width, 2, -1).mean(axis=(1, 3)))
